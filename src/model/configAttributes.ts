/**
 * Attributes of `config.json` that every Hugging Face model may have and that no forward pass depends on.
 *
 * Taken from transformers' `PreTrainedConfig` (4.x and 5.x) and from configs on the Hub. An architecture adds its own.
 * An attribute that changes what a model computes must not stand here.
 */

import type { Json } from "../json.ts";

/** Accepted with any value and not read. */
export const harmless: readonly string[] = [
  // Where the config came from and which Python class it was made for.
  "_name_or_path",
  "_commit_hash",
  "_attn_implementation_autoset",
  "_attn_implementation",
  "attn_implementation",
  "architectures",
  "auto_map",
  "model_type",
  "name_or_path",
  "tokenizer_class",
  "transformers.js_config",
  "transformers_version",
  // Precision of the stored weights: read from the checkpoint itself; computation is always in float32.
  "dtype",
  "torch_dtype",
  "use_bfloat16",
  // Training only: dropout, initialisation, memory savings.
  "activation_dropout",
  "attention_dropout",
  "attention_probs_dropout_prob",
  "attn_pdrop",
  "classif_dropout",
  "classifier_dropout",
  "decoder_layerdrop",
  "dropout",
  "dropout_rate",
  "embd_pdrop",
  "encoder_layerdrop",
  "gradient_checkpointing",
  "hidden_dropout",
  "hidden_dropout_prob",
  "initializer_factor",
  "initializer_range",
  "init_std",
  "layerdrop",
  "resid_pdrop",
  // How Python's forward pass is run and what it returns, not what it computes.
  "chunk_size_feed_forward",
  "output_attentions",
  "output_hidden_states",
  "output_past",
  "return_dict",
  "tf_legacy_loss",
  "torchscript",
  "use_cache",
  // Heads for classification.
  "_num_labels",
  "finetuning_task",
  "id2label",
  "label2id",
  "num_labels",
  "problem_type",
  "task_specific_params",
];

/**
 * Accepted only with these values: the library implements nothing else.
 * The rows of an architecture's own `onlyIf` replace these, and its fields take precedence over both.
 */
export const harmlessOnlyIf: { readonly [attribute: string]: readonly Json[] } = {
  add_cross_attention: [false],
  is_encoder_decoder: [false],
  // A decoder called as an encoder or the reverse is another model.
  is_decoder: [false],
  pruned_heads: [{}],
  tie_encoder_decoder: [false],
};

/**
 * Attributes that steer generation. Old models keep them in `config.json` instead of `generation_config.json`; they are
 * accepted here, and generation reads them when `generation_config.json` is absent.
 */
export const generationAttributes: readonly string[] = [
  "bad_words_ids",
  "begin_suppress_tokens",
  "bos_token_id",
  "decoder_start_token_id",
  "diversity_penalty",
  "do_sample",
  "early_stopping",
  "encoder_no_repeat_ngram_size",
  "eos_token_id",
  "exponential_decay_length_penalty",
  "force_bos_token_to_be_generated",
  "forced_bos_token_id",
  "forced_eos_token_id",
  "length_penalty",
  "max_length",
  "max_new_tokens",
  "min_length",
  "no_repeat_ngram_size",
  "num_beam_groups",
  "num_beams",
  "num_return_sequences",
  "output_scores",
  "pad_token_id",
  "prefix",
  "remove_invalid_values",
  "renormalize_logits",
  "repetition_penalty",
  "return_dict_in_generate",
  "sep_token_id",
  "suppress_tokens",
  "temperature",
  "top_k",
  "top_p",
  "typical_p",
];
