"""Cosines of rotary positions as Hugging Face transformers computes them, for every scaling: rope.json.

    python make_rope_golden.py

Each case has the attributes of a Llama config.json and, for some lengths, rows of the cosine and sine tables.
"""

import json
from pathlib import Path

import torch
import transformers
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

HEAD_WIDTH = 8
MAX_POSITIONS = 40
SHORT, LONG = [1.0, 1.1, 1.3, 1.6], [1.0, 1.9, 2.8, 5.5]

CASES = {
    "default": {"rope_type": "default"},
    "another theta": {"rope_type": "default", "rope_theta": 500000.0},
    "linear": {"rope_type": "linear", "factor": 3.0},
    "dynamic": {"rope_type": "dynamic", "factor": 2.5},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 12},
    "yarn with mscale": {
        "rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 12, "mscale": 0.7,
        "mscale_all_dim": 1.3, "truncate": False, "beta_fast": 4, "beta_slow": 0.5,
    },
    "yarn with attention_factor": {
        "rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 20, "attention_factor": 0.6,
        "rope_theta": 100.0,
    },
    "yarn without factor": {"rope_type": "yarn", "factor": None, "original_max_position_embeddings": 10},
    "longrope": {
        "rope_type": "longrope", "factor": 4.0, "original_max_position_embeddings": 20, "short_factor": SHORT,
        "long_factor": LONG,
    },
    "longrope with attention_factor": {
        "rope_type": "longrope", "original_max_position_embeddings": 20, "attention_factor": 1.5,
        "short_factor": SHORT, "long_factor": LONG,
    },
    "longrope without factor": {
        "rope_type": "longrope", "original_max_position_embeddings": 20, "short_factor": SHORT, "long_factor": LONG,
    },
    "llama3": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    },
}
# Within every context, beyond the original one, beyond the stretched one.
LENGTHS = [9, 30, 75]


def main() -> None:
    cases = []
    for name, parameters in CASES.items():
        tables = []
        for length in LENGTHS:
            config = LlamaConfig(
                hidden_size=2 * HEAD_WIDTH, num_attention_heads=2, head_dim=HEAD_WIDTH,
                max_position_embeddings=MAX_POSITIONS, rope_parameters=dict(parameters),
            )
            # A new object for every length: it remembers the longest text that it has seen.
            cos, sin = LlamaRotaryEmbedding(config)(torch.zeros(1), torch.arange(length)[None])
            rows = list(range(0, length - 1, 4)) + [length - 1]
            half = HEAD_WIDTH // 2
            tables.append({
                "length": length, "rows": rows,
                "cos": cos[0, rows, :half].flatten().tolist(), "sin": sin[0, rows, :half].flatten().tolist(),
            })
        cases.append({"name": name, "rope_parameters": parameters, "tables": tables})
    golden = {
        "transformers": transformers.__version__, "head_dim": HEAD_WIDTH, "max_position_embeddings": MAX_POSITIONS,
        "cases": cases,
    }
    Path(__file__).with_name("rope.json").write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
