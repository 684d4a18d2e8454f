"""What Hugging Face's models drop in training: probability and size, one after the other, for one text of each golden model.

Every attribute of the config that is a probability of dropout gets a value of its own, so that the numbers tell which of
them counts where. Written to dropout.json, which test/models/dropout.test.ts reads.

    python make_dropout.py          # torch, transformers 5.18
"""

import json
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, SeamlessM4TForTextToText

here = Path(__file__).parent
# Whole layers, other tasks, and what experts do to whole tokens.
# MPT is not among them: its config takes no fraction.
EXCEPT = ("layerdrop", "summary", "classif", "moe_token", "speech", "adaptor", "var_pred", "prob_before")


def give_values(config):
    """Values of their own for all probabilities, also in a nested record of attention."""
    given = {}
    nested = getattr(config, "attn_config", None)
    for prefix, record in (("", config), ("attn_config.", nested)):
        if record is None:
            continue
        for name in sorted(record.to_dict()):
            value = getattr(record, name, None)
            is_rate = "drop" in name and isinstance(value, (int, float)) and not isinstance(value, bool)
            if is_rate and not any(part in name for part in EXCEPT):
                rate = round(0.05 + 0.01 * len(given), 2)
                setattr(record, name, rate)
                given[prefix + name] = rate
            if "layerdrop" in name and isinstance(value, float):
                setattr(record, name, 0.0)
    return given


def record(folder):
    config = AutoConfig.from_pretrained(folder)
    given = give_values(config)
    config._attn_implementation = "eager"
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    make = SeamlessM4TForTextToText if config.model_type == "seamless_m4t" else kind.from_config
    model = make(config).train()
    dropped = []
    original = torch.nn.functional.dropout

    def spy(x, p=0.5, training=True, inplace=False):
        if training and p > 0:
            dropped.append([round(p, 2), x.numel()])
        return original(x, p, training, inplace)

    torch.nn.functional.dropout = spy
    try:
        ids = torch.arange(5, 12)[None]
        with torch.no_grad():
            if config.is_encoder_decoder:
                model(input_ids=ids, decoder_input_ids=ids[:, :4], use_cache=False)
            else:
                model(input_ids=ids, use_cache=False)
    finally:
        torch.nn.functional.dropout = original
    return {"rates": given, "dropped": dropped}


found = {}
for folder in sorted(here.glob("*/model")):
    try:
        found[folder.parent.name] = record(folder)
    except Exception as error:  # noqa: BLE001 the report says which model has none, and why
        print(folder.parent.name, type(error).__name__, str(error)[:150])
lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in found.items())
(here / "dropout.json").write_text("{\n" + lines + "\n}\n")
