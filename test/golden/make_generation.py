#!/usr/bin/env python3
"""Create ``generation.json``: what Hugging Face ``generate`` writes with the golden models and the demo models.

Usage::

    python test/golden/make_generation.py            # from the repository's root; writes test/golden/generation.json
    python test/golden/make_generation.py mistral    # writes test/golden/mistral/generation.json: beam searches only

Three lists go into the first file, ``runs`` into the others.

``runs``
    Token ids: model, options in the names of ``generate``, unpadded inputs, and the ids that came out, without padding. A
    run is kept only if float32 and float64 agree about every token, so that it does not depend on rounding. (Several
    forced EOS tokens all score 0: they are given only where the first of equals is taken.) Batches are padded on the left
    (prompts) or on the right (sources).
``markov``
    Beam searches through small tables of logits.
``processors``
    What single processors and warpers make of given scores; null stands for minus infinity.
"""

import json
import os
import random
import sys
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")

import torch  # noqa: E402
import transformers  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    GenerationMixin,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.generation import logits_process as lp  # noqa: E402
from transformers.modeling_outputs import CausalLMOutput  # noqa: E402

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ["gpt2", "llama", "marian", "t5", "flan_t5"]
VERSIONS = {"torch": torch.__version__, "transformers": transformers.__version__}
DEMO = {"stories-gpt2": "stories_groundtruth.jsonl", "translation-marian": "translation_groundtruth.jsonl"}


def folder(name):
    return ROOT / ("models/demo" if name in DEMO else "test/golden") / (name if name in DEMO else f"{name}/model")


def load(name):
    encoder_decoder = json.loads((folder(name) / "config.json").read_text()).get("is_encoder_decoder", False)
    auto = AutoModelForSeq2SeqLM if encoder_decoder else AutoModelForCausalLM
    # Mixtures of experts have a fast way that lacks double precision.
    own = {"experts_implementation": "eager"} if "moe" in name or name == "mixtral" else {}
    # Fused attention leaves out the soft cap of Gemma 2.
    own |= {"attn_implementation": "eager"} if name == "gemma2" else {}
    single = auto.from_pretrained(folder(name), dtype=torch.float32, **own).eval()
    double = auto.from_pretrained(folder(name), dtype=torch.float64, **own).eval()
    return encoder_decoder, single, double


def inputs_of(name):
    if name in DEMO:
        tokenizer = AutoTokenizer.from_pretrained(folder(name))
        lines = (ROOT / "models/demo" / DEMO[name]).read_text(encoding="utf8").splitlines()[:3]
        texts = [json.loads(line).get("prompt") or json.loads(line)["source"] for line in lines]
        # Of the stories only the beginnings, of different lengths: a test has to be quick.
        ends = [None] * 3 if name.startswith("translation") else [14, 20, 9]
        return [tokenizer(text)["input_ids"][:end] for text, end in zip(texts, ends, strict=True)]
    forward = json.loads((ROOT / "test/golden" / name / "forward.json").read_text(encoding="utf8"))
    a, b = (item["input_ids"] for item in forward["inputs"])
    return [a, b, a[-2:]]


def padded(rows, left):
    width = max(map(len, rows))
    ids = [([0] * (width - len(r)) + r) if left else (r + [0] * (width - len(r))) for r in rows]
    mask = [([0] * (width - len(r)) + [1] * len(r)) if left else ([1] * len(r) + [0] * (width - len(r))) for r in rows]
    return torch.tensor(ids), torch.tensor(mask)


def generate(model, encoder_decoder, rows, options, prefix=None):
    ids, mask = padded(rows, left=not encoder_decoder)
    extra = {"decoder_input_ids": torch.tensor(prefix)} if prefix else {}
    # XGLM makes its lowest score in the default type.
    torch.set_default_dtype(model.dtype)
    with torch.no_grad():
        out = model.generate(input_ids=ids, attention_mask=mask, **extra, **options).tolist()
    torch.set_default_dtype(torch.float32)
    eos = options.get("eos_token_id", model.generation_config.eos_token_id)
    eos = set(eos if isinstance(eos, list) else [eos])
    result = []
    for row, given in zip(out, rows, strict=True):
        if encoder_decoder:
            start = len(prefix[0]) + (prefix[0][0] != model.generation_config.decoder_start_token_id) if prefix else 1
        else:
            row = row[ids.shape[1] - len(given) :]
            start = len(given)
        end = next((i + 1 for i in range(start, len(row)) if row[i] in eos), len(row))
        result.append(row[:end])
    return result


def option_sets(greedy, encoder_decoder, start):
    """Options for one model, from the tokens that it likes: ``greedy`` are those of a plain run, ``start`` its first ones."""
    new = greedy[start:]
    common = max(set(new), key=new.count)
    ends = [new[min(4, len(new) - 1)], common]
    n = {"max_new_tokens": 12}
    beams = {"num_beams": 3, **n}
    early = {**n, "eos_token_id": ends, "num_beams": 4}
    yield {}
    yield {"max_length": start + 7}
    yield {**n, "eos_token_id": ends}
    yield {**n, "eos_token_id": ends[0], "min_new_tokens": 8}
    yield {**n, "eos_token_id": ends, "min_length": start + 6}
    yield {**n, "repetition_penalty": 1.7}
    yield {**n, "repetition_penalty": 0.6}
    yield {**n, "no_repeat_ngram_size": 1}
    yield {**n, "no_repeat_ngram_size": 2}
    yield {**n, "encoder_no_repeat_ngram_size": 1}
    yield {**n, "bad_words_ids": [[new[0]], [new[1], new[2]], [new[1], new[2], new[3]], [common, common]]}
    yield {**n, "suppress_tokens": [common, new[0]], "begin_suppress_tokens": [new[1]]}
    yield {**n, "forced_eos_token_id": [5, 6]}
    yield {**n, "eos_token_id": ends[0], "exponential_decay_length_penalty": [2, 1.5]}
    yield {**n, "use_cache": False}
    for num_beams in (2, 3, 5):
        yield {**n, "num_beams": num_beams}
    for length_penalty in (-1.0, 0.0, 0.6, 2.0):
        for early_stopping in (True, False, "never"):
            yield {**early, "length_penalty": length_penalty, "early_stopping": early_stopping}
    yield {**early, "num_beams": 2, "eos_token_id": ends[0]}
    yield {**early, "num_beams": 5, "eos_token_id": [*ends, new[2], new[0]]}
    yield {**early, "min_new_tokens": 5}
    yield {**beams, "no_repeat_ngram_size": 2, "repetition_penalty": 1.3}
    yield {**beams, "bad_words_ids": [[new[0]], [common, common]], "renormalize_logits": True}
    yield {**beams, "forced_eos_token_id": 6}
    yield {**beams, "eos_token_id": None}
    yield {**beams, "use_cache": False}
    if encoder_decoder:
        yield {**n, "forced_bos_token_id": 7}
        yield {**n, "forced_bos_token_id": 7, "begin_suppress_tokens": [new[0]], "num_beams": 2}
        yield {**n, "decoder_start_token_id": 9}


def beam_sets(greedy, encoder_decoder, start):
    """Beam searches of one model: that it can be searched with beams at all, alone and in a padded batch."""
    new = greedy[start:]
    yield {"num_beams": 3, "max_new_tokens": 8}
    yield {"num_beams": 4, "max_new_tokens": 10, "eos_token_id": [new[4], new[6]], "length_penalty": 2.0}


def runs(names, option_sets=option_sets):
    dropped = []
    for name in names:
        encoder_decoder, single, double = load(name)
        inputs = inputs_of(name)
        greedy = generate(single, encoder_decoder, inputs[:1], {"max_new_tokens": 12, "eos_token_id": None})[0]
        check_forward(name, greedy)
        start = 1 if encoder_decoder else len(inputs[0])
        # What depends on padding when it stands in one batch with longer rows, in Hugging Face's way of counting.
        counted = ("repetition_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "max_length", "min_length")
        cases = [(inputs[:1], options, None) for options in option_sets(greedy, encoder_decoder, start)]
        cases += [
            (inputs, options, None)
            for i, options in enumerate(option_sets(greedy, encoder_decoder, start))
            if i % 3 == (0 if option_sets is beam_sets else 2) and options and (encoder_decoder or not any(option in options for option in counted))
        ]
        if encoder_decoder and option_sets is not beam_sets:
            prefix = [greedy[1:4]] * 2
            cases += [(inputs[:2], {"max_new_tokens": 6}, prefix), (inputs[:2], {"max_length": 9, "num_beams": 3}, prefix)]
            cases += [(inputs[:2], {"max_new_tokens": 6}, [[greedy[0], *row] for row in prefix])]
        if name in DEMO:
            cases = cases[::3]
        for rows, options, prefix in cases:
            expected = generate(single, encoder_decoder, rows, options, prefix)
            if expected != generate(double, encoder_decoder, rows, options, prefix):
                dropped.append((name, options))
                continue
            run = {"model": name, "options": options, "inputs": rows, "expected": expected}
            yield {**run, "prefix": prefix} if prefix else run
    print(f"left out because float32 and float64 disagree: {dropped}")


def check_forward(name, greedy):
    """The installed version computes what the golden logits say."""
    if name in DEMO:
        return
    forward = json.loads((ROOT / "test/golden" / name / "forward.json").read_text(encoding="utf8"))
    known = forward["inputs"][0]["greedy"]["full_ids"]
    if greedy[: len(known)] != known:
        raise SystemExit(f"{name}: generates {greedy}, but its forward.json says {known}")


class Markov(PreTrainedModel, GenerationMixin):
    """A model whose next token depends on the last one and, so that different texts do not tie, on how many there are."""

    config_class = PretrainedConfig

    def __init__(self, table):
        super().__init__(PretrainedConfig(vocab_size=len(table), is_encoder_decoder=False))
        self.table = torch.nn.Parameter(torch.tensor(table))

    def forward(self, input_ids, **_):
        return CausalLMOutput(logits=self.table[input_ids] * (1 + input_ids.shape[1] / 50))


def markov_runs():
    """Tables of logits, and for each many searches; kept where float32 and float64 agree."""
    rng = random.Random(8)
    for _ in range(16):
        V = rng.randint(4, 7)
        table = [[round(rng.gauss(0, 1.5), 2) for _ in range(V)] for _ in range(V)]
        searches = []
        for _ in range(24):
            options = {
                "max_new_tokens": rng.randint(1, 12),
                "num_beams": rng.randint(2, 4),
                "eos_token_id": rng.choice([0, [0, 1], [2], [3, 1, 0]]),
                "length_penalty": rng.choice([-2.0, -0.5, 0.0, 0.7, 1.0, 1.5, 3.0]),
                "early_stopping": rng.choice([True, False, "never"]),
            }
            if rng.random() < 0.3:
                options["min_new_tokens"] = rng.randint(1, 6)
            if rng.random() < 0.2:
                options["repetition_penalty"] = rng.choice([0.7, 1.4])
            if rng.random() < 0.2:
                options["bad_words_ids"] = [[3, 3], [2, 1]]
            prompt = [rng.randrange(V) for _ in range(rng.randint(1, 3))]
            both = []
            for dtype in (torch.float32, torch.float64):
                model = Markov(table).to(dtype).eval()
                both.append(generate(model, False, [prompt], {**options, "use_cache": False})[0])
            if both[0] == both[1]:
                searches.append({"options": options, "prompt": prompt, "expected": both[0]})
        yield {"logits": table, "searches": searches}


def processor_cases():
    rng = torch.Generator().manual_seed(5)
    V = 23
    ids = torch.tensor([[4, 7, 4, 7, 9, 4, 7]])

    def case(kind, args, processor, spread=2.0, given=ids):
        scores = (torch.randn(1, V, generator=rng) * spread).round(decimals=3)
        if kind in ("topK", "topP", "minP", "typicalP"):
            scores[0, 3] = -float("inf")
        result = processor(given, scores.clone())[0].tolist()
        blank = lambda row: [None if x == -float("inf") else x for x in row]  # noqa: E731
        return {"kind": kind, "args": args, "ids": given[0].tolist(), "scores": blank(scores[0].tolist()), "result": blank(result)}

    yield case("repetitionPenalty", [1.7], lp.RepetitionPenaltyLogitsProcessor(1.7))
    yield case("repetitionPenalty", [0.4], lp.RepetitionPenaltyLogitsProcessor(0.4))
    for n in (1, 2, 3, 8, 9):
        yield case("noRepeatNgram", [n], lp.NoRepeatNGramLogitsProcessor(n))
    source = [1, 4, 7, 2, 7, 5, 4, 7, 11]
    for n in (1, 2, 3, 9):
        yield case("encoderNoRepeatNgram", [n, source], lp.EncoderNoRepeatNGramLogitsProcessor(n, torch.tensor([source])))
    words = [[3], [7, 5], [4, 7, 6], [4, 6], [2], [9, 4, 7, 9, 4, 7, 1, 1, 1, 1], [7, 5, 9]]
    yield case("badWords", [words, [2]], lp.NoBadWordsLogitsProcessor(words, [2]))
    for length in (7, 8):
        yield case("minLength", [length, [2, 5]], lp.MinLengthLogitsProcessor(length, [2, 5]))
    for given in (ids, ids[:, :1]):
        yield case("forcedBos", [6], lp.ForcedBOSTokenLogitsProcessor(6), given=given)
    for length in (7, 8, 9):
        yield case("forcedEos", [length, [2, 5]], lp.ForcedEOSTokenLogitsProcessor(length, [2, 5]))
    for start in (1, 3, 4):
        args = [[start, 1.3], [2, 5], 3]
        yield case("exponentialDecayLength", args, lp.ExponentialDecayLengthPenalty((start, 1.3), [2, 5], 3))
    yield case("suppress", [[1, 8]], lp.SuppressTokensLogitsProcessor([1, 8]))
    for length in (6, 7):
        yield case("suppressAtBegin", [[1, 8], length], lp.SuppressTokensAtBeginLogitsProcessor([1, 8], length))
    yield case("temperature", [0.3], lp.TemperatureLogitsWarper(0.3))
    for k, keep in ((1, 1), (5, 1), (1, 3), (40, 1)):
        yield case("topK", [k, keep], lp.TopKLogitsWarper(k, min_tokens_to_keep=keep))
    for p, keep in ((0.05, 1), (0.5, 1), (0.9, 1), (0.999, 1), (0.2, 4), (0.0, 1)):
        yield case("topP", [p, keep], lp.TopPLogitsWarper(p, min_tokens_to_keep=keep))
    for p, keep in ((0.0, 1), (0.1, 1), (0.5, 1), (1.0, 3)):
        yield case("minP", [p, keep], lp.MinPLogitsWarper(p, min_tokens_to_keep=keep))
    for p, keep in ((0.05, 1), (0.3, 1), (0.9, 1), (0.99, 1), (0.05, 5)):
        yield case("typicalP", [p, keep], lp.TypicalLogitsWarper(p, min_tokens_to_keep=keep))


def write_own(name):
    """``generation.json`` of one golden folder: beam searches only."""
    data = {"versions": VERSIONS, "runs": list(runs([name], beam_sets))}
    (ROOT / "test/golden" / name / "generation.json").write_text(json.dumps(data, separators=(",", ":")) + "\n")
    print(f"{name}: {len(data['runs'])} runs")


def main():
    if sys.argv[1:]:
        for name in sys.argv[1:]:
            write_own(name)
        return
    data = {
        "versions": VERSIONS,
        "processors": list(processor_cases()),
        "markov": list(markov_runs()),
        "runs": list(runs([*GOLDEN, *DEMO])),
    }
    lines = lambda items: ",\n".join(json.dumps(item, separators=(",", ":")) for item in items)  # noqa: E731
    path = ROOT / "test/golden/generation.json"
    path.write_text(
        f'{{"versions":{json.dumps(data["versions"])},\n"processors":[\n{lines(data["processors"])}\n],\n'
        f'"markov":[\n{lines(data["markov"])}\n],\n"runs":[\n{lines(data["runs"])}\n]}}\n'
    )
    print(f"{len(data['runs'])} runs, {len(data['processors'])} processor cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
