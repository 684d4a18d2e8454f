"""Small random models for every attribute of a config that the golden models do not use: variants/<family>.json.

python make_variants.py [family ...]     each file says with which version of transformers it was made

A variant has its config, the names and shapes of its tensors, its inputs, and what PyTorch computed: logits [T, V], the
gradients of sum(logits * cotangent) at the scaled embeddings, and the ids of a greedy search, of one that goes on from
a prefix, and of a beam search. Weights and cotangent are not stored: they are hashes of names and places (`noise`), which
the test computes again (test/support/variants.ts).
"""

import base64
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
INPUTS = [5, 9, 3, 12, 7, 11, 2]
TARGETS = [2, 6, 13, 4, 8, 3]


def noise(name, size):
    """Numbers in [-1, 1): the same here and in variants.ts."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    x = (np.arange(1, size + 1, dtype=np.uint64) * 2654435761 + seed) & 0xFFFFFFFF
    for shift, factor in [(15, 2246822519), (13, 3266489917)]:
        x = ((x ^ (x >> np.uint64(shift))) * factor) & 0xFFFFFFFF
    x ^= x >> np.uint64(16)
    return (x.astype(np.float64) / 2**31 - 1).astype(np.float32)


def weight(name, shape):
    """Scales of norms are near 1, biases are small, matrices keep the size of what they multiply."""
    u = noise(name, int(np.prod(shape)))
    if len(shape) == 1:
        u = u * np.float32(0.3) + np.float32(1 if name.endswith("weight") else 0)
    else:
        u = u * np.float32(1.5 / np.sqrt(shape[-1]))
    return torch.from_numpy(u.reshape(shape))


def small(**changes):
    """A config of fairseq's kind whose sizes differ from each other."""
    return dict(
        vocab_size=17, d_model=12, encoder_layers=2, encoder_attention_heads=3, encoder_ffn_dim=10, decoder_layers=1,
        decoder_attention_heads=2, decoder_ffn_dim=14, max_position_embeddings=24, pad_token_id=1, bos_token_id=0,
        eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=None, **changes,
    )


def small_t5(**changes):
    return dict(
        vocab_size=17, d_model=12, d_kv=5, d_ff=14, num_layers=2, num_decoder_layers=1, num_heads=3,
        relative_attention_num_buckets=6, relative_attention_max_distance=9, pad_token_id=0, eos_token_id=1,
        decoder_start_token_id=0, **changes,
    )


def small_llama(**changes):
    """A config of Llama's kind."""
    return {
        **dict(
            vocab_size=17, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            intermediate_size=14, max_position_embeddings=24, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        ),
        **changes,
    }


def rope(kind, **parameters):
    return {"rope_type": kind, "rope_theta": 100.0, **parameters}


def small_gpt(**changes):
    """A config of GPT's kind."""
    return dict(vocab_size=17, n_embd=16, n_layer=2, n_head=4, n_positions=24, bos_token_id=1, eos_token_id=2,
                pad_token_id=0, **changes)


def small_bloom(**changes):
    return {**dict(vocab_size=17, hidden_size=12, n_layer=2, n_head=3, bos_token_id=1, eos_token_id=2, pad_token_id=0),
            **changes}


def small_falcon(**changes):
    return {**dict(vocab_size=17, hidden_size=24, num_hidden_layers=2, num_attention_heads=6, ffn_hidden_size=14,
                   bos_token_id=1, eos_token_id=2, pad_token_id=0), **changes}


def small_neox(**changes):
    return dict(vocab_size=17, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=14,
                max_position_embeddings=24, bos_token_id=1, eos_token_id=2, pad_token_id=0, **changes)


def small_phi(**changes):
    return {**small_llama(hidden_size=32), **changes}


def small_opt(**changes):
    return dict(vocab_size=17, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, ffn_dim=14,
                max_position_embeddings=24, bos_token_id=0, eos_token_id=2, pad_token_id=1, **changes)


def small_mpt(**attention):
    return dict(vocab_size=17, d_model=12, n_layers=2, n_heads=3, max_seq_len=24, attn_config=attention,
                bos_token_id=1, eos_token_id=2, pad_token_id=0)


# family: model class, and for each variant its config
FAMILIES = {
    "bart": ("BartForConditionalGeneration", {
        "scaled": small(scale_embedding=True),
        "unscaled": small(scale_embedding=False, activation_function="relu"),
        "gelu_new": small(activation_function="gelu_new"),
        "layerdrop": small(encoder_layerdrop=0.9, decoder_layerdrop=0.9, activation_function="swish"),
    }),
    "mbart": ("MBartForConditionalGeneration", {
        "scaled": small(scale_embedding=True),
        "unscaled": small(activation_function="relu"),
    }),
    "pegasus": ("PegasusForConditionalGeneration", {
        "scaled": small(scale_embedding=True),
        "unscaled": small(activation_function="relu"),
    }),
    "marian": ("MarianMTModel", {
        "scaled": small(scale_embedding=True, activation_function="swish"),
        "two_vocabularies": small(decoder_vocab_size=19, share_encoder_decoder_embeddings=False,
                                  tie_word_embeddings=False),
    }),
    "m2m_100": ("M2M100ForConditionalGeneration", {
        "default": small(),
        "layerdrop_unscaled": small(encoder_layerdrop=0.9, scale_embedding=False, activation_function="gelu"),
        "other_padding": {**small(), "pad_token_id": 16},
    }),
    # With transformers 4.57.6: version 5 routes otherwise.
    "nllb_moe": ("NllbMoeForConditionalGeneration", {
        "router_bias": small(num_experts=3, encoder_sparse_step=1, decoder_sparse_step=2, router_bias=True),
        "masked": small(num_experts=4, encoder_sparse_step=2, decoder_sparse_step=1, moe_token_dropout=0.5,
                        normalize_router_prob_before_dropping=True, batch_prioritized_routing=True, expert_capacity=1),
    }),
    "fsmt": ("FSMTForConditionalGeneration", {
        "two_vocabularies": {**small(src_vocab_size=17, tgt_vocab_size=15, tie_word_embeddings=False), "vocab_size": 15},
        "shared": small(src_vocab_size=17, tgt_vocab_size=17, tie_word_embeddings=True, scale_embedding=False),
    }),
    "seamless_m4t": ("SeamlessM4TForTextToText", {
        "default": {**{k: v for k, v in small().items() if k != "d_model"}, "hidden_size": 12, "pad_token_id": 0,
                    "bos_token_id": 16},
        "unscaled_gelu": {**{k: v for k, v in small().items() if k != "d_model"}, "hidden_size": 12,
                          "scale_embedding": False, "activation_function": "gelu"},
    }),
    "t5": ("T5ForConditionalGeneration", {
        "tied_relu": small_t5(),
        "gated_silu": small_t5(feed_forward_proj="gated-silu"),
        "epsilon": small_t5(layer_norm_epsilon=0.1, feed_forward_proj="gelu_new"),
    }),
    "umt5": ("UMT5ForConditionalGeneration", {
        "tied": small_t5(),
        "relu": small_t5(feed_forward_proj="relu"),
    }),
    "llama": ("LlamaForCausalLM", {
        "llama3": small_llama(
            rope_parameters=rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                 original_max_position_embeddings=6),
            attention_bias=True, mlp_bias=True, tie_word_embeddings=True,
        ),
        "linear_gelu": small_llama(rope_parameters=rope("linear", factor=3.0), hidden_act="gelu"),
        "dynamic": small_llama(rope_parameters=rope("dynamic", factor=2.0), max_position_embeddings=4),
        "yarn": small_llama(rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=6), head_dim=6),
    }),
    "mistral": ("MistralForCausalLM", {
        "no_window": small_llama(sliding_window=None, head_dim=6),
        "window_of_two": small_llama(sliding_window=2, tie_word_embeddings=True),
    }),
    "mixtral": ("MixtralForCausalLM", {
        "three_of_five": small_llama(num_local_experts=5, num_experts_per_tok=3, sliding_window=3, router_jitter_noise=0.5),
        "one_of_two": small_llama(num_local_experts=2, num_experts_per_tok=1, hidden_act="gelu"),
    }),
    "qwen2": ("Qwen2ForCausalLM", {
        "windows": small_llama(use_sliding_window=True, sliding_window=3, max_window_layers=1),
        "layer_types": small_llama(use_sliding_window=True, sliding_window=2, tie_word_embeddings=True,
                                   layer_types=["sliding_attention", "full_attention"]),
    }),
    "qwen2_moe": ("Qwen2MoeForCausalLM", {
        "normalized": small_llama(num_experts=5, num_experts_per_tok=3, norm_topk_prob=True, moe_intermediate_size=10,
                                  shared_expert_intermediate_size=6),
        "mixed_layers": small_llama(num_hidden_layers=4, num_experts=3, num_experts_per_tok=1, decoder_sparse_step=2,
                                    mlp_only_layers=[1], qkv_bias=False, moe_intermediate_size=10,
                                    shared_expert_intermediate_size=6, use_sliding_window=True, sliding_window=3,
                                    max_window_layers=3),
    }),
    "qwen3": ("Qwen3ForCausalLM", {
        "bias_windows": small_llama(head_dim=6, attention_bias=True, use_sliding_window=True, sliding_window=3,
                                    max_window_layers=1),
    }),
    "granite": ("GraniteForCausalLM", {
        "mlp_bias": small_llama(mlp_bias=True, embedding_multiplier=2.0, residual_multiplier=0.7, logits_scaling=3.0,
                                attention_multiplier=0.3),
    }),
    "granitemoe": ("GraniteMoeForCausalLM", {
        "one_of_three": small_llama(num_local_experts=3, num_experts_per_tok=1, attention_bias=True,
                                    tie_word_embeddings=True, residual_multiplier=0.7),
    }),
    "phi3": ("Phi3ForCausalLM", {
        "partial_long": small_llama(
            hidden_size=32, original_max_position_embeddings=4,
            rope_parameters=rope("longrope", partial_rotary_factor=0.75, short_factor=[1.0, 1.1, 1.2],
                                 long_factor=[1.0, 2.0, 3.0], original_max_position_embeddings=4),
        ),
        "short": small_llama(
            original_max_position_embeddings=20, sliding_window=3,
            rope_parameters=rope("longrope", short_factor=[1.0, 1.5], long_factor=[2.0, 3.0],
                                 original_max_position_embeddings=20),
        ),
    }),
    "gemma": ("GemmaForCausalLM", {
        "bias": small_llama(head_dim=6, attention_bias=True),
        "untied": small_llama(head_dim=6, tie_word_embeddings=False, hidden_act="gelu"),
    }),
    "gemma2": ("Gemma2ForCausalLM", {
        "no_caps": small_llama(head_dim=6, attn_logit_softcapping=None, final_logit_softcapping=None,
                               query_pre_attn_scalar=9, sliding_window=3, attention_bias=True),
        "layer_types": small_llama(head_dim=6, layer_types=["full_attention", "sliding_attention"], sliding_window=2,
                                   hidden_activation="silu"),
    }),
    "gemma3_text": ("Gemma3ForCausalLM", {
        "yarn_caps": small_llama(
            num_hidden_layers=3, head_dim=6, sliding_window=3, sliding_window_pattern=2, attn_logit_softcapping=4.0,
            final_logit_softcapping=6.0,
            rope_parameters={
                "full_attention": rope("yarn", factor=4.0, original_max_position_embeddings=6),
                "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
            },
        ),
    }),
    "olmo": ("OlmoForCausalLM", {
        "no_clip": small_llama(attention_bias=True),
        "clip": small_llama(clip_qkv=0.4, tie_word_embeddings=True),
    }),
    "olmo2": ("Olmo2ForCausalLM", {"bias": small_llama(attention_bias=True, tie_word_embeddings=True)}),
    "olmoe": ("OlmoeForCausalLM", {
        "normalized": small_llama(num_experts=5, num_experts_per_tok=3, norm_topk_prob=True, attention_bias=True),
        "clip": small_llama(num_experts=3, num_experts_per_tok=1, clip_qkv=0.6),
    }),
    "cohere": ("CohereForCausalLM", {
        "no_qk_norm": small_llama(use_qk_norm=False, attention_bias=True, logit_scale=0.5),
        "qk_norm": small_llama(use_qk_norm=True, tie_word_embeddings=False),
    }),
    "stablelm": ("StableLmForCausalLM", {
        "parallel": small_llama(use_parallel_residual=True, use_qkv_bias=True, hidden_size=32, partial_rotary_factor=0.25),
        "parallel_qk_norm": small_llama(use_parallel_residual=True, qk_layernorm=True, hidden_size=32),
    }),
    "starcoder2": ("Starcoder2ForCausalLM", {
        "no_bias": small_llama(use_bias=False, tie_word_embeddings=False),
        "relu_window": small_llama(sliding_window=3, hidden_act="relu"),
    }),
    "nemotron": ("NemotronForCausalLM", {
        "bias": small_llama(attention_bias=True, mlp_bias=True, head_dim=8, tie_word_embeddings=True),
        "all_turned": small_llama(partial_rotary_factor=1.0, hidden_act="gelu"),
    }),
    "gpt2": ("GPT2LMHeadModel", {
        "by_layer_untied": small_gpt(scale_attn_by_inverse_layer_idx=True, tie_word_embeddings=False, n_inner=20),
        "unscaled": small_gpt(scale_attn_weights=False, activation_function="relu"),
    }),
    "openai_gpt": ("OpenAIGPTLMHeadModel", {
        "silu": small_gpt(afn="silu"),
        "relu_untied": small_gpt(afn="relu", tie_word_embeddings=False, layer_norm_epsilon=0.1),
    }),
    "gpt_neo": ("GPTNeoForCausalLM", {
        "global_first": dict(vocab_size=17, hidden_size=12, num_layers=3, num_heads=3, max_position_embeddings=24,
                             attention_types=[[["global"], 1], [["local"], 2]], window_size=3, bos_token_id=1,
                             eos_token_id=2, pad_token_id=0, activation_function="gelu"),
    }),
    "gptj": ("GPTJForCausalLM", {
        "tied": small_gpt(rotary_dim=2, tie_word_embeddings=True, n_inner=20),
        "whole_head": small_gpt(rotary_dim=4, activation_function="silu"),
    }),
    "codegen": ("CodeGenForCausalLM", {
        "eight_heads": {**small_gpt(rotary_dim=2, n_inner=20), "n_head": 8, "n_embd": 32},
        "tied": small_gpt(rotary_dim=4, tie_word_embeddings=True),
    }),
    "gpt_neox": ("GPTNeoXForCausalLM", {
        "sequential": small_neox(use_parallel_residual=False, attention_bias=False),
        "tied_linear": small_neox(tie_word_embeddings=True, hidden_act="gelu_fast",
                                  rope_parameters=rope("linear", factor=2.0, partial_rotary_factor=0.5)),
        "yarn": small_neox(rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=6,
                                                partial_rotary_factor=1.0)),
        "dynamic": small_neox(rope_parameters=rope("dynamic", factor=2.0, partial_rotary_factor=0.5)),
    }),
    "gpt_bigcode": ("GPTBigCodeForCausalLM", {
        "multi_head": small_gpt(multi_query=False, n_inner=20),
        "unscaled_untied": small_gpt(scale_attn_weights=False, tie_word_embeddings=False, activation_function="relu"),
    }),
    "opt": ("OPTForCausalLM", {
        "after_projected": small_opt(do_layer_norm_before=False, word_embed_proj_dim=8),
        "no_bias_no_scale": small_opt(enable_bias=False, layer_norm_elementwise_affine=False,
                                      activation_function="gelu"),
        "no_final_norm_untied": small_opt(_remove_final_layer_norm=True, tie_word_embeddings=False),
    }),
    "xglm": ("XGLMForCausalLM", {
        "unscaled": dict(vocab_size=17, d_model=12, num_layers=2, attention_heads=3, ffn_dim=14, scale_embedding=False,
                         max_position_embeddings=24, activation_function="relu"),
    }),
    "biogpt": ("BioGptForCausalLM", {
        "unscaled_untied": dict(vocab_size=17, hidden_size=12, num_hidden_layers=2, num_attention_heads=3,
                                intermediate_size=14, scale_embedding=False, max_position_embeddings=24,
                                hidden_act="relu", layer_norm_eps=0.1, tie_word_embeddings=False),
    }),
    "bloom": ("BloomForCausalLM", {
        "normalized_residual": small_bloom(apply_residual_connection_post_layernorm=True),
        "six_heads_untied": small_bloom(n_head=6, tie_word_embeddings=False),
    }),
    "mpt": ("MptForCausalLM", {
        "clipped": small_mpt(clip_qkv=0.7),
        "scaled": small_mpt(softmax_scale=0.9),
    }),
    "falcon": ("FalconForCausalLM", {
        "multi_query_parallel": small_falcon(),
        "rw": small_falcon(alibi=True, multi_query=False, parallel_attn=False, bias=True, tie_word_embeddings=False),
        "alibi_parallel": small_falcon(alibi=True, multi_query=False, activation="relu"),
        "grouped_one_norm": small_falcon(new_decoder_architecture=True, num_kv_heads=2, num_ln_in_parallel_attn=1),
        "grouped_linear": small_falcon(new_decoder_architecture=True, num_kv_heads=3, bias=True,
                                       rope_parameters=rope("linear", factor=2.0)),
    }),
    "phi": ("PhiForCausalLM", {
        "query_key_norm": small_phi(qk_layernorm=True),
        "tied_linear": small_phi(tie_word_embeddings=True, hidden_act="relu",
                                 rope_parameters=rope("linear", factor=2.0, partial_rotary_factor=0.25)),
    }),
    # With transformers 4.57.6: version 5 does not read this rope_theta.
    "dbrx": ("DbrxForCausalLM", {
        "not_normalized": dict(vocab_size=17, d_model=16, n_layers=2, n_heads=4, max_seq_len=24, bos_token_id=1,
                               eos_token_id=2, pad_token_id=0, attn_config={"kv_n_heads": 1, "rope_theta": 50.0},
                               ffn_config={"ffn_hidden_size": 10, "moe_num_experts": 3, "moe_top_k": 2,
                                           "moe_normalize_expert_weights": None, "ffn_act_fn": {"name": "gelu"}}),
    }),
}

# Parts of SeamlessM4T that text to text does not use.
SPEECH = ("speech_encoder", "t2u_model", "vocoder")
# Classes that may store fixed positions.
SINUSOIDS = {"MarianMTModel", "PegasusForConditionalGeneration", "FSMTForConditionalGeneration"}
# Classes that multiply embeddings after the layer whose output is kept here.
UNSCALED_HOOK = {"MarianMTModel", "PegasusForConditionalGeneration", "FSMTForConditionalGeneration"}


def make(class_name, attributes):
    model_class = getattr(transformers, class_name)
    config = model_class.config_class(**attributes)
    with tempfile.TemporaryDirectory() as folder:
        model_class(config).save_pretrained(folder)
        path = Path(folder, "model.safetensors")
        stored = {k: v for k, v in load_file(path).items() if v.is_floating_point() and not k.startswith(SPEECH)}
        fixed = lambda name: class_name in SINUSOIDS and "embed_positions" in name
        save_file({k: v if fixed(k) else weight(k, v.shape) for k, v in stored.items()}, path, {"format": "pt"})
        # Fused attention leaves out the soft cap of scores.
        own = {"attn_implementation": "eager"} if class_name.startswith("Gemma") else {}
        # And experts may have any width only one after another.
        own |= {"experts_implementation": "eager"} if "moe" in class_name.lower() or "Mixtral" in class_name else {}
        model, report = model_class.from_pretrained(folder, output_loading_info=True, **own)
        random = [k for k in report["missing_keys"] if "embed_positions" not in k and not k.startswith(SPEECH)]
        assert not random, f"{class_name}: {random} would be random"
        written = json.loads(Path(folder, "config.json").read_text())
    return model.eval(), written, {k: list(v.shape) for k, v in stored.items()}


def run(model):
    """Logits, gradients, and what is generated."""
    both = model.config.is_encoder_decoder
    scale = getattr(model.config, "d_model", 1) ** 0.5
    scale = scale if type(model).__name__ in UNSCALED_HOOK and model.config.scale_embedding else 1
    modules = [m for n, m in model.named_modules() if n.endswith("embed_tokens")] if both else [model.get_input_embeddings()]
    looked_up = []

    def keep(_module, _inputs, output):
        output.retain_grad()
        looked_up.append(output)

    hooks = [m.register_forward_hook(keep) for m in dict.fromkeys(modules)]
    ids = torch.tensor([INPUTS])
    given = {"decoder_input_ids": torch.tensor([TARGETS])} if both else {}
    logits = model(input_ids=ids, use_cache=False, **given).logits
    (logits * torch.from_numpy(noise("cotangent", logits.numel())).reshape(logits.shape)).sum().backward()
    for hook in hooks:
        hook.remove()
    source, target = looked_up if both else (None, looked_up[0])
    result = {"logits": packed(logits[0]), "target_gradient": packed(target.grad[0] / scale)}
    if source is not None:
        result["source_gradient"] = packed(source.grad[0] / scale)
    mixin = transformers.GenerationMixin.generate  # SeamlessM4T's own knows languages only
    generate = lambda **options: mixin(model, ids, attention_mask=torch.ones_like(ids), **options, **common)[0].tolist()
    common = {"max_new_tokens": 6, "min_new_tokens": 4, "do_sample": False, "suppress_tokens": [model.config.pad_token_id]}
    common["use_cache"] = type(model).__name__ != "FSMTForConditionalGeneration"  # with it, a prefix sees its future
    result["greedy"] = generate(num_beams=1)
    result["beams"] = generate(num_beams=3)
    if both:
        prefix = torch.tensor([TARGETS[:3]])
        result["continued"] = generate(num_beams=1, decoder_input_ids=prefix)
    return result


def packed(tensor):
    return base64.b64encode(tensor.detach().numpy().astype("<f4").tobytes()).decode()


def main(families):
    (HERE / "variants").mkdir(exist_ok=True)
    for family in families:
        class_name, variants = FAMILIES[family]
        made = {}
        for name, attributes in variants.items():
            model, config, tensors = make(class_name, attributes)
            ids = {"input_ids": INPUTS, **({"decoder_input_ids": TARGETS} if model.config.is_encoder_decoder else {})}
            made[name] = {"config": config, "tensors": tensors, **ids, **run(model)}
        text = json.dumps({"transformers": transformers.__version__, "variants": made}, indent=1)
        (HERE / "variants" / f"{family}.json").write_text(text + "\n")
        print(family, len(text))


if __name__ == "__main__":
    main(sys.argv[1:] or FAMILIES)
