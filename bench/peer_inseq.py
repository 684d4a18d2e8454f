"""The real Inseq's time for one attribution, for bench/againstInseq.ts.

    python bench/peer_inseq.py FOLDER METHOD PROMPT_TOKENS GENERATED_TOKENS RUNS

Makes FOLDER if it is not there: a model of GPT-2-small size with seeded random weights, and the tokenizer of the stories
model. Prints one line of JSON: the seconds of each run, the sum of all magnitudes, and the process's peak memory in MB.
"""

import json
import logging
import resource
import shutil
import sys
import time
from pathlib import Path

import inseq
import torch
import transformers

TEXT = (
    "Maria worked as a priest in a flat above the market. Nobody knew that she kept the compass in the cabin. It had "
    "rained all night. Early the next morning, she went to the market with a green basket and a red coat."
)


def make_model(folder: Path) -> None:
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=50257, bos_token_id=0, eos_token_id=0))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.05)
    model.save_pretrained(folder)
    stories = Path(__file__).parent.parent / "models" / "demo" / "stories-gpt2"
    for file in stories.glob("*token*"):
        shutil.copy(file, folder / file.name)


def main() -> None:
    folder, method, prompt_tokens, generated_tokens, runs = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6])
    logging.disable(logging.WARNING)
    if not folder.exists():
        make_model(folder)
    model = inseq.load_model(str(folder), method)
    ids = model.tokenizer(TEXT)["input_ids"] * 4
    prompt = model.tokenizer.decode(ids[:prompt_tokens])
    text = model.tokenizer.decode(ids[: prompt_tokens + generated_tokens])
    options = {"n_steps": 20} if method == "integrated_gradients" else {}
    seconds = []
    for _ in range(runs):
        start = time.time()
        out = model.attribute(prompt, text, show_progress=False, pretty_progress=False, **options)
        seconds.append(time.time() - start)
    scores = torch.nan_to_num(out.sequence_attributions[0].target_attributions)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"prompt": prompt, "text": text, "seconds": seconds, "sum": float(scores.abs().sum()), "mb": memory}))


main()
