"""The real Inseq on one case of bench/cases.ts or methodCases.ts: python bench/peer_inseq.py FOLDER CASE-as-JSON THREADS

Makes the model in FOLDER if it is not there: the shapes of models.json, seeded random weights, and the tokenizer of a demo
model. Prints one line of JSON: the texts, the seconds of each run, the sum of all magnitudes, how often the model ran, the
process's peak memory in MB, versions.
"""

import json
import logging
import os
import resource
import shutil
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

# Neighbours of words are kept under a model's name, whatever its weights are: each run has its own.
neighbours = tempfile.TemporaryDirectory()
os.environ["INSEQ_ARTIFACTS_CACHE"] = neighbours.name

import inseq
import torch
import transformers
from inseq.attr.feat.ops import reagent

HERE = Path(__file__).parent
TEXT = (
    "Maria worked as a priest in a flat above the market. Nobody knew that she kept the compass in the cabin. It had "
    "rained all night. Early the next morning, she went to the market with a green basket and a red coat."
)
SOURCE = "Babam saatini hastanede unuttu. Annem bir mühendis. O hastanede çalışıyor."
RUNS, MOST_SECONDS = 3, 60


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "its sources"


def make_model(name: str, folder: Path) -> None:
    config = json.loads((HERE / "models.json").read_text())[name]
    torch.manual_seed(0)
    kind = {"gpt2": "GPT2LMHeadModel", "llama": "LlamaForCausalLM", "marian": "MarianMTModel"}[config["model_type"]]
    model_class = getattr(transformers, kind)
    model = model_class(model_class.config_class(**config))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.05)
    model.save_pretrained(folder)
    demo = HERE.parent / "models" / "demo" / ("translation-marian" if config["model_type"] == "marian" else "stories-gpt2")
    for pattern in ("*token*", "*.spm", "vocab.json"):
        for file in demo.glob(pattern):
            shutil.copy(file, folder / file.name)


def texts(tokenizer, case: dict, is_pair: bool) -> tuple[str, str, str | None]:
    decode = lambda ids: tokenizer.decode(ids, skip_special_tokens=True)
    ids = [i for i in tokenizer(text_target=TEXT)["input_ids"] if i not in tokenizer.all_special_ids] * 4
    prompt, generated = case["prompt"], case["generated"]
    if is_pair:
        source = [i for i in tokenizer(SOURCE)["input_ids"] if i not in tokenizer.all_special_ids] * 9
        # One token of either text is the end.
        return decode(source[: prompt - 1]), decode(ids[: generated - 1]), decode(ids[1:generated])
    other = ids[:prompt] + ids[prompt + 1 : prompt + generated + 1]
    return decode(ids[:prompt]), decode(ids[: prompt + generated]), decode(other)


class AnyToken(reagent.POSTagTokenSampler):
    """Exchanges a token for any other, as we do by default: Inseq's tagger would have to be downloaded."""

    @staticmethod
    def build_pos_mapping_from_vocab(*args, tokenizer, **kwargs):
        return {"any": list(range(len(tokenizer)))}


def make_runnable() -> None:
    reagent.POSTagTokenSampler = AnyToken
    # Inseq's own entry names a variable that transformers 4.57 has renamed; with 5.18 value zeroing of GPT-2 fails all the same.
    config = {"self_attention_module": "attn", "value_vector": "value_states", "cross_attention_module": None}
    inseq.register_model_config("GPT2LMHeadModel", config, overwrite=True)


def count_passes(model) -> dict[str, int]:
    """Calls of the model and their rows, and the outputs that gradients were taken of, counted from now on."""
    passes = {"forwardCalls": 0, "forwardRows": 0, "backwardRows": 0}

    def on_forward(_, args, kwargs):
        given = (kwargs.get("inputs_embeds"), kwargs.get("input_ids"), kwargs.get("decoder_inputs_embeds"), *args)
        passes["forwardCalls"] += 1
        passes["forwardRows"] += next(x.shape[0] for x in given if torch.is_tensor(x))

    model.register_forward_pre_hook(on_forward, with_kwargs=True)
    grad = torch.autograd.grad

    def counted_grad(outputs, *args, **kwargs):
        passes["backwardRows"] += sum(x.numel() for x in ([outputs] if torch.is_tensor(outputs) else outputs))
        return grad(outputs, *args, **kwargs)

    torch.autograd.grad = counted_grad
    return passes


def main() -> None:
    folder, case = Path(sys.argv[1]), json.loads(sys.argv[2])
    logging.disable(logging.WARNING)
    torch.set_num_threads(int(sys.argv[3]))
    if not (folder / "config.json").exists():
        make_model(case["model"], folder)
    make_runnable()
    peer = case.get("peer", {})
    model = inseq.load_model(str(folder), case["method"], **peer.get("load", {}))
    source, target, other = texts(model.tokenizer, case, model.is_encoder_decoder)
    options = dict(peer.get("attribute", {}))
    if "steps" in case:
        options |= {"n_steps": case["steps"]}
    if case.get("contrast"):
        options |= {"attributed_fn": "contrast_prob_diff", "contrast_targets": other}
    seconds, cpu_seconds, out = [], [], None
    passes = count_passes(model.model)
    for run in range(RUNS):
        passes.update(forwardCalls=0, forwardRows=0, backwardRows=0)
        start, cpu_start = time.time(), time.process_time()
        out = model.attribute(source, target, show_progress=False, pretty_progress=False, **options)
        seconds.append(time.time() - start)
        cpu_seconds.append(time.process_time() - cpu_start)
        if seconds[-1] * (run + 2) > MOST_SECONDS:
            break
    total = 0.0
    for scores in (out.sequence_attributions[0].source_attributions, out.sequence_attributions[0].target_attributions):
        total += 0.0 if scores is None else float(torch.nan_to_num(scores).abs().sum())
    result = {
        "source": source,
        "target": target,
        "contrast": other if case.get("contrast") else None,
        "seconds": seconds,
        "cpuSeconds": cpu_seconds,
        "sum": total,
        "passes": passes,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {package: version(package) for package in ("inseq", "torch", "transformers")},
    }
    print(json.dumps(result))


main()
