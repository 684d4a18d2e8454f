"""ReAGent of the real Inseq 0.7.1 with every random number that it drew: writes reagent.json.

    pip install inseq==0.7.1 transformers torch
    python test/golden/make_reagent.py

Inseq's ReAGent works on one step at a time; here its own rationalizer is called for some steps of a text, which leaves out
what is around it (with encoder-decoder models Inseq crashes after it, unless the target is attributed). Its sampler is
given the whole vocabulary as one part of speech, so that no tagger has to be downloaded. `draws` has the results of
torch.rand in order: s of all probes, then for each round which tokens are exchanged, for what, and for what in the test.
There is no case of invert_keep, with which Inseq exchanges every token in the test.
"""

import json
from pathlib import Path

import inseq
import torch
from inseq.attr.feat.ops.reagent_core import token_sampler

HERE = Path(__file__).parent

CASES = [
    ("gpt2", "keep_top_n", dict(keep_top_n=3, stopping_condition_top_k=20, num_probes=3, max_probe_steps=4)),
    ("gpt2", "keep_ratio", dict(keep_top_n=0, keep_ratio=0.4, stopping_condition_top_k=20, num_probes=2, max_probe_steps=4)),
    ("gpt2", "nobody_gets_there", dict(keep_top_n=1, stopping_condition_top_k=1, num_probes=2, max_probe_steps=2)),
    ("llama", "replacing_ratio", dict(keep_top_n=3, stopping_condition_top_k=90, replacing_ratio=0.6, num_probes=4, max_probe_steps=3)),
    ("marian", "source", dict(keep_top_n=3, stopping_condition_top_k=90, num_probes=4, max_probe_steps=3)),
]
TEXTS = {
    "gpt2": ("One day, a little girl was happy.", [8, 12]),
    "llama": ("One day, a little girl was happy.", [7, 9]),
    "marian": ("The girl had a big ball.", [1, 3]),
}
TARGET = "She was very happy."


class OneGroup(token_sampler.POSTagTokenSampler):
    @staticmethod
    def build_pos_mapping_from_vocab(*args, tokenizer, **kwargs):
        return {"any": list(range(len(tokenizer)))}


def record(draws):
    rand = torch.rand

    def recorded(*args, **kwargs):
        value = rand(*args, **kwargs)
        # Nine digits tell all float32 numbers apart.
        draws.append([[float(f"{x:.9g}") for x in row] for row in value.tolist()])
        return value

    torch.rand = recorded
    return rand


def main():
    import inseq.attr.feat.ops.reagent as reagent

    reagent.POSTagTokenSampler = OneGroup
    cases = []
    for architecture, name, args in CASES:
        model = inseq.load_model(str(HERE / architecture / "model"), "reagent", **args)
        rationalizer = model.attribution_method.method.rationalizer
        text, steps = TEXTS[architecture]
        encoded = model.encode(text, as_targets=False)
        done = []
        for t in steps:
            torch.manual_seed(7 + t)
            draws = []
            if model.is_encoder_decoder:
                target = model.encode(TARGET, as_targets=True).input_ids
                start = torch.full((1, 1), model.model.config.decoder_start_token_id)
                target = torch.cat([start, target], 1)
                source = encoded.input_ids
                inputs = (source, target[:, t], target[:, :t])
            else:
                source, target = None, encoded.input_ids
                inputs = (target[:, :t], target[:, t])
            rand = record(draws)
            try:
                rationalizer(*inputs)
            finally:
                torch.rand = rand
            evaluator = rationalizer.importance_score_evaluator
            done.append({
                "step": t,
                "draws": draws,
                "rounds": evaluator.num_steps,
                "done": evaluator.stop_mask.tolist(),
                "scores": rationalizer.mean_importance_score.tolist(),
            })
        cases.append({
            "architecture": architecture,
            "name": name,
            "args": {"replacing_ratio": 0.3, **args},
            "source": None if source is None else source[0].tolist(),
            "target": target[0].tolist(),
            "vocabulary": len(model.tokenizer),
            "steps": done,
        })
        print(architecture, name, [(step["rounds"], step["done"]) for step in done])
    (HERE / "reagent.json").write_text(json.dumps({"inseq": "0.7.1", "torch": torch.__version__, "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
