"""Ids of tokenizers whose repositories have no tokenizer.json, as transformers 4.57.6 makes them (sacremoses 0.1.1 for the
Moses rules). Writes tokenizers/: the small models that are trained here on the demo's sentences, and expected.json.

    python3 make_tokenizers.py    (needs transformers==4.57.6 sentencepiece tokenizers sacremoses)
"""

import json
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import sentencepiece
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, normalizers, trainers

warnings.filterwarnings("ignore")
HERE = Path(__file__).parent
OUT = HERE / "tokenizers"
TEXTS = [
    "Hello world!", " leading and  double   spaces ", "", "   ", "\n", "a\nb\r\nc\td",
    "naïve café — “quotes” … ﬁ ½ Ｆ①", "e\u0301a\u0308 \u0301x", "日本語のテキスト、中文。", "שלום עולם مَرْحَبًا",
    "👩‍👩‍👧 🙂👍🏽🇫🇷", "\u0000", "a\u0000b", "\u200b\u200d\ufeffx\u2028y", "a" * 60, "The ring " * 8,
    "<s> hi </s> there <mask> ^ x <pad> <unk>", "x<extra_id_0>y", "en_XX fr_XX", "I'm can't won't we'll",
    "1234567890 12,345.67", "U.S.A. isn't it? (yes) [no] {x}", "\U00020000\U0001F600", "가나다 ｶﾞｷﾞ", "İstanbul Σας ß",
    "hello▁world ▁ x", "fooBarBaz_qux-quux", "\ufffd x", "[CLS] a [SEP] [MASK]", "ไทย नमस्ते", "x\u00a0y\u3000z",
    "Tom hid the ring in the cellar. Nobody said a word.",
    "Dr. Smith's 3,000 dogs' ball-game, e.g. no. 5... \"yes\", he said (a. b) 50 % : ok; 'twas", "das ist z.B. gut, \"so\". 5\u00a0000 «ja»",
    "он сказал: «да», и т.д. 3.5 %", "a.' b", "x..y ...", "state-of-the-art [x] <b> a|b & c", "$5 £6 5€", "the boys' toys ' a ' b",
]
LANGUAGES = ["ace_Arab", "deu_Latn", "eng_Latn", "fra_Latn"]


def corpus():
    demo = HERE / "../../models/demo"
    for name in ("stories", "translation"):
        for line in (demo / f"{name}_groundtruth.jsonl").read_text().splitlines():
            row = json.loads(line)
            yield row.get("prompt") or row["source"]


def train():
    OUT.mkdir(exist_ok=True)
    text = OUT / "corpus.txt"
    text.write_text("\n".join(corpus()))
    shared = dict(input=str(text), minloglevel=2, normalization_rule_name="identity", num_threads=1)
    sentencepiece.SentencePieceTrainer.train(model_prefix=str(OUT / "bpe"), vocab_size=300, model_type="bpe", **shared)
    sentencepiece.SentencePieceTrainer.train(
        model_prefix=str(OUT / "bytes"), vocab_size=500, model_type="bpe", byte_fallback=True, pad_id=0, eos_id=1, bos_id=2,
        unk_id=3, bos_piece="<bos>", eos_piece="<eos>", add_dummy_prefix=False, remove_extra_whitespaces=False, **shared,
    )
    words = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<unk>"))
    words.normalizer = normalizers.BertNormalizer(lowercase=True)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    words.train([str(text)], trainers.BpeTrainer(vocab_size=300, special_tokens=special, end_of_word_suffix="</w>"))
    write_bpe("words", json.loads(words.to_str())["model"])
    write_bpe("byteLevel", json.loads((HERE / "gpt2/model/tokenizer.json").read_text())["model"])
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(HERE / "t5/model/spiece.model"))
    listed = special + [pieces.id_to_piece(i) for i in range(3, len(pieces))]
    (OUT / "m2m-vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(dict.fromkeys(listed))}))
    letters = [chr(c) for c in range(33, 127)]
    wordpieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters), "the", "ring", "##ing", "日", "cafe"]
    (OUT / "wordpieces.txt").write_text("\n".join(wordpieces) + "\n")
    for leftover in (text, OUT / "bpe.vocab", OUT / "bytes.vocab"):
        leftover.unlink()


def write_bpe(name, model):
    (OUT / f"{name}-vocab.json").write_text(json.dumps(model["vocab"]))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (OUT / f"{name}-merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")


def added(first, tokens):
    return {str(first + i): {"content": token, "special": True} for i, token in enumerate(tokens)}


SPIECE = "t5/model/spiece.model"
BPE = "tokenizers/bpe.model"
BYTES = "tokenizers/bytes.model"
BYTE_LEVEL = {"vocab.json": "tokenizers/byteLevel-vocab.json", "merges.txt": "tokenizers/byteLevel-merges.txt"}
WORDS = {"vocab.json": "tokenizers/words-vocab.json", "merges.txt": "tokenizers/words-merges.txt"}
NLLB = {"additional_special_tokens": LANGUAGES, "added_tokens_decoder": added(301, [*LANGUAGES, "<mask>"])}
SEAMLESS = ["__eng__", "__fra__", "__deu__", "__cmn_Hant__"]
FSMT = {"vocab-src.json": WORDS["vocab.json"], "vocab-tgt.json": WORDS["vocab.json"], "merges.txt": WORDS["merges.txt"]}
BOS = {"bos_token": "<bos>", "eos_token": "<eos>"}

# name, class, files in the repository and where they are here, tokenizer_config.json, what from_pretrained is given
CASES = [
    ("t5", "T5Tokenizer", {"spiece.model": SPIECE}, {}, {}),
    ("pegasus", "PegasusTokenizer", {"spiece.model": SPIECE}, {}, {}),
    ("xglm", "XGLMTokenizer", {"sentencepiece.bpe.model": SPIECE}, {}, {}),
    ("mbart", "MBartTokenizer", {"sentencepiece.bpe.model": SPIECE}, {}, {"src_lang": "fr_XX", "tgt_lang": "de_DE"}),
    ("mbart50", "MBart50Tokenizer", {"sentencepiece.bpe.model": SPIECE}, {}, {"src_lang": "fr_XX", "tgt_lang": "sl_SI"}),
    ("mbart50-default", "MBart50Tokenizer", {"sentencepiece.bpe.model": SPIECE}, {"tgt_lang": "gl_ES"}, {}),
    ("nllb", "NllbTokenizer", {"sentencepiece.bpe.model": BPE}, NLLB, {"src_lang": "fra_Latn", "tgt_lang": "deu_Latn"}),
    ("nllb-legacy", "NllbTokenizer", {"sentencepiece.bpe.model": BPE}, {**NLLB, "legacy_behaviour": True}, {"tgt_lang": "ace_Arab"}),
    ("seamless", "SeamlessM4TTokenizer", {"sentencepiece.bpe.model": BPE},
     {"additional_special_tokens": SEAMLESS, "added_tokens_decoder": added(301, SEAMLESS)}, {"src_lang": "deu", "tgt_lang": "eng"}),
    ("m2m", "M2M100Tokenizer", {"sentencepiece.bpe.model": SPIECE, "vocab.json": "tokenizers/m2m-vocab.json"}, {},
     {"src_lang": "de", "tgt_lang": "fr"}),
    ("m2m-wmt21", "M2M100Tokenizer", {"sentencepiece.bpe.model": SPIECE, "vocab.json": "tokenizers/m2m-vocab.json"},
     {"language_codes": "wmt21"}, {"src_lang": "ha", "tgt_lang": "is"}),
    ("byt5", "ByT5Tokenizer", {}, {}, {}),
    ("gpt2", "GPT2Tokenizer", BYTE_LEVEL, {}, {}),
    ("gpt2-prefix", "GPT2Tokenizer", BYTE_LEVEL, {}, {"add_prefix_space": True}),
    ("opt", "GPT2Tokenizer", BYTE_LEVEL, {"add_bos_token": True}, {}),
    ("bart", "BartTokenizer", BYTE_LEVEL, {"cls_token": "~", "sep_token": "|", "mask_token": "^"}, {}),
    ("qwen2", "Qwen2Tokenizer", BYTE_LEVEL, {}, {}),
    ("openai-gpt", "OpenAIGPTTokenizer", WORDS, {}, {}),
    ("fsmt-en-ru", "FSMTTokenizer", FSMT, {"langs": ["en", "ru"]}, {}),
    ("fsmt-ru-en", "FSMTTokenizer", FSMT, {"langs": ["ru", "en"]}, {}),
    ("fsmt-de-en", "FSMTTokenizer", FSMT, {"langs": ["de", "en"], "do_lower_case": True}, {}),
    ("biogpt", "BioGptTokenizer", WORDS, {}, {}),
    ("bert", "BertTokenizer", {"vocab.txt": "tokenizers/wordpieces.txt"}, {}, {}),
    ("bert-cased", "BertTokenizer", {"vocab.txt": "tokenizers/wordpieces.txt"}, {"do_lower_case": False}, {}),
    ("llama", "LlamaTokenizer", {"tokenizer.model": BYTES}, BOS, {}),
    ("llama-not-legacy", "LlamaTokenizer", {"tokenizer.model": BYTES}, {**BOS, "legacy": False}, {}),
    ("gemma", "GemmaTokenizer", {"tokenizer.model": BYTES}, {}, {}),
]


def run(name, class_name, files, config, given):
    with tempfile.TemporaryDirectory() as folder:
        for file, place in files.items():
            shutil.copy(HERE / place, Path(folder, file))
        written = {"tokenizer_class": class_name, **config}
        Path(folder, "tokenizer_config.json").write_text(json.dumps(written))
        make = getattr(transformers, class_name + "Fast", None) or getattr(transformers, class_name)
        tokenizer = make.from_pretrained(folder, **given)
        # SeamlessM4T pads to an even length unless told otherwise.
        # FSMT encodes targets as sources here; a tokenizer of the other direction encodes them as what they are.
        other = make.from_pretrained(folder, langs=config["langs"][::-1]) if "langs" in config else None
        plain = {"padding": False, "pad_to_multiple_of": None} if class_name.startswith("Seamless") else {}
        rows = []
        for text in TEXTS:
            ids = tokenizer(text, **plain)["input_ids"]
            rows.append({
                "text": text,
                "ids": ids,
                "tokens": tokenizer.convert_ids_to_tokens(ids),
                "ids_without_special": tokenizer(text, add_special_tokens=False, **plain)["input_ids"],
                "target_ids": (other(text) if other else tokenizer(text_target=text, **plain))["input_ids"],
                "decoded": tokenizer.decode(ids, clean_up_tokenization_spaces=False),
                "decoded_skip_special": tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False),
            })
        return {"name": name, "files": files, "config": written, "given": given, "samples": rows}


if __name__ == "__main__":
    train()
    results = [run(*case) for case in CASES]
    lines = ",\n".join(json.dumps(result, ensure_ascii=True) for result in results)
    (OUT / "expected.json").write_text(f"[\n{lines}\n]\n")
    print({result["name"]: len(result["samples"]) for result in results}, os.path.getsize(OUT / "expected.json"))
