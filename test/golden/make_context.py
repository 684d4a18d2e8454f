#!/usr/bin/env python3
"""What the real Inseq's ``attribute-context`` says of the models in ``models/demo``: writes ``context.json`` beside this file.

Usage (Inseq 0.7.1, captum, transformers 4.57 or later, torch; on a CPU)::

    python make_context.py
    python make_context.py --trained FOLDER ... --out FILE

The second form takes folders of other, decoder-only models, for which no figures are kept here; ``golden.test.ts`` compares with FILE when the
environment variable ``INSEQ_CONTEXT_GOLDEN`` names it.

Every case is one call of ``attribute_context_with_model``; ``options`` are its arguments, ``expected`` the file it writes, without
``info``. Views stay off, because Inseq's terminal view lengthens the lists of scores before they are written. Outputs of decoder-only
models are given, because Inseq lets the model write behind a space, which tokenizers take for a token of its own; and they begin
with a word that is as many tokens alone as behind a space, because Inseq counts both. Embeddings of Marian are scaled once, as in
``make_golden.py``.
"""

import argparse
import json
import logging
import warnings
from pathlib import Path

import inseq
import make_golden
from inseq.commands.attribute_context.attribute_context import AttributeContextArgs, attribute_context_with_model

HERE = Path(__file__).resolve().parent
MODELS = HERE.parent.parent / "models" / "demo"

STORY = {
    "input_context_text": "In the cellar, Anna hid the ring.",
    "input_current_text": "Nobody said a word.",
    "output_current_text": "In the end, the ring was still in the cellar. She was glad.",
}
CHAIN = {
    "input_context_text": "Tom hid the ring in the garden.",
    "input_current_text": "Nobody said a word.",
    "output_context_text": "In the end, Tom was glad.",
    "output_current_text": "In the end, the ring was still in the garden. He was sure.",
}
TRANSLATION = {
    "input_context_text": "Annem bir mühendis.",
    "input_current_text": "O hastanede çalışıyor.",
    "output_context_text": "My mother is an engineer.",
    "output_current_text": "She works at the hospital.",
}

CASES = {
    "stories-gpt2": {
        "story": {**STORY},
        "story, compared": {
            **STORY,
            "attributed_fn": "contrast_prob_diff",
            "context_sensitivity_std_threshold": 0.0,
            "context_sensitivity_topk": 3,
        },
        "story, divergence explained": {
            **STORY,
            "attributed_fn": "kl_divergence",
            "attribution_method": "input_x_gradient",
            "attribution_aggregators": ["sum"],
        },
        "story, pointwise information, the two strongest": {
            **STORY,
            "context_sensitivity_metric": "pcxmi",
            "context_sensitivity_std_threshold": -1.0,
            "context_sensitivity_topk": 2,
            "normalize_attributions": True,
        },
        "templates": {
            **STORY,
            "input_template": "Story:{context} Now: {current}",
            "contextless_input_current_text": "Now: {current}",
        },
        "output context": {**CHAIN, "context_sensitivity_std_threshold": 0.5},
        "output context alone": {
            "input_current_text": "Tom hid the ring.",
            "output_context_text": "In the garden, Anna was glad.",
            "output_current_text": "In the end, the ring was still in the garden. She was sure.",
            "attributed_fn": "contrast_logits_diff",
        },
        "words to compare with": {
            **STORY,
            "attributed_fn": "contrast_prob_diff",
            "context_sensitivity_topk": 1,
            "contextless_output_next_tokens": [" He"],
        },
    },
    "translation-marian": {
        "source context": {
            **{key: value for key, value in TRANSLATION.items() if key != "output_context_text"},
            "output_current_text": "My mother is an engineer. She works at the hospital.",
        },
        "both contexts": {**TRANSLATION, "attributed_fn": "contrast_prob_diff", "context_sensitivity_std_threshold": 0.0},
        "both contexts, integrated gradients": {
            **TRANSLATION,
            "attribution_method": "integrated_gradients",
            "attribution_kwargs": {"n_steps": 20},
        },
        "written behind a context": {
            **{key: value for key, value in TRANSLATION.items() if key != "output_current_text"},
            "attributed_fn": "kl_divergence",
        },
        "written whole": {
            "input_context_text": "Annem bir mühendis.",
            "input_current_text": "O hastanede çalışıyor.",
            "context_sensitivity_topk": 1,
        },
    },
}


#: For any decoder-only model.
GENERAL = {
    "story": {
        "input_context_text": "Lily had a red ball.",
        "input_current_text": "She lost it.",
        "output_current_text": "Lily was sad.",
    },
    "story, compared": {
        "input_context_text": "Lily had a red ball.",
        "input_current_text": "She lost it.",
        "output_current_text": "Lily was sad.",
        "attributed_fn": "contrast_prob_diff",
        "context_sensitivity_topk": 1,
    },
    "output context": {
        "input_context_text": "Lily had a red ball.",
        "input_current_text": "She lost it.",
        "output_context_text": "Tim saw the ball.",
        "output_current_text": "He was happy.",
        "attribution_method": "integrated_gradients",
        "attribution_kwargs": {"n_steps": 20},
    },
}


def run_case(model, name, options):
    args = AttributeContextArgs(model_name_or_path=name, **options, show_viz=False, add_output_info=False)
    expected = attribute_context_with_model(args, model).to_dict()
    expected.pop("info", None)
    print(name, [cues["cti_token"] for cues in expected["cci_scores"]])
    return {"options": options, "expected": expected}


def run_model(folder, name, cases=None):
    model = make_golden.load_model(str(folder))
    make_golden.scale_embeddings_once(model)
    golden = {}
    for title, options in (cases or GENERAL).items():
        wrapper = inseq.load_model(model, options.get("attribution_method", "saliency"), tokenizer=str(folder))
        try:
            golden[title] = run_case(wrapper, name, options)
        except ValueError as error:
            # Inseq's own positions, where a text is other tokens alone than behind another one.
            if cases is not None:
                raise
            print(name, title, "fails:", error)
    return golden


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trained", nargs="*", default=[])
    parser.add_argument("--out")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    if arguments.trained:
        golden = {str(Path(folder).resolve()): run_model(folder, folder) for folder in arguments.trained}
        golden = {name: cases for name, cases in golden.items() if cases}
    else:
        golden = {f"models/demo/{name}": run_model(MODELS / name, name, cases) for name, cases in CASES.items()}
    out = Path(arguments.out) if arguments.out else HERE / "context.json"
    out.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
