"""PyTorch on the same GPU, weights and tokens as main.ts: one forward and backward pass for each generated token, as Inseq
does it, and all path points of a token in one batch. Adds "pytorch" to the result file.

    python3 reference.py WORK RESULT.json [--tiny]

Needs torch alone; where transformers is there, too, its GPT-2 is compared with the one below.
"""

import json
import os
import struct
import sys
import time

import torch
import torch.nn.functional as F

work, result_path = sys.argv[1:3]
runs = 1 if "--tiny" in sys.argv else 3
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.backends.cuda.matmul.allow_tf32 = False

config = json.load(open(f"{work}/config.json"))
sequence = json.load(open(f"{work}/sequence.json"))
heads, width, layers = config["n_head"], config["n_embd"], config["n_layer"]


def read_checkpoint(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    weights = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
        weights[name.removeprefix("transformer.")] = values.reshape(entry["shape"]).to(device)
    return weights


W = read_checkpoint(f"{work}/model.safetensors")


def logits_at_end(x):
    """Logits [B, V] after the last position of embeddings [B, T, D]."""
    B, T, D = x.shape
    h = x + W["wpe.weight"][:T]
    for i in range(layers):
        w = lambda name: W[f"h.{i}.{name}"]  # noqa: E731
        a = F.layer_norm(h, (D,), w("ln_1.weight"), w("ln_1.bias"), 1e-5)
        qkv = (a @ w("attn.c_attn.weight") + w("attn.c_attn.bias")).reshape(B, T, 3, heads, D // heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(B, T, D)
        h = h + a @ w("attn.c_proj.weight") + w("attn.c_proj.bias")
        a = F.layer_norm(h, (D,), w("ln_2.weight"), w("ln_2.bias"), 1e-5)
        a = F.gelu(a @ w("mlp.c_fc.weight") + w("mlp.c_fc.bias"), approximate="tanh")
        h = h + a @ w("mlp.c_proj.weight") + w("mlp.c_proj.bias")
    h = F.layer_norm(h[:, -1], (D,), W["ln_f.weight"], W["ln_f.bias"], 1e-5)
    return h @ W["wte.weight"].T


def gradient(x, target):
    """Of the summed probabilities of the target, at each row of embeddings."""
    x = x.detach().requires_grad_()
    torch.softmax(logits_at_end(x), -1)[:, target].sum().backward()
    return x.grad


ids, prompt = sequence["ids"], sequence["prompt"]
embedded = W["wte.weight"][torch.tensor(ids, device=device)]
baseline = W["wte.weight"][sequence["baseline"]].expand(len(ids), width)


def saliency():
    return sum(gradient(embedded[None, :t], ids[t]).abs().sum() for t in range(prompt, len(ids)))


def integrated_gradients():
    """Gauss-Legendre points, as Captum has them."""
    points, weights = torch.tensor(legendre(sequence["nSteps"]), device=device, dtype=torch.float32)
    total = 0
    for t in range(prompt, len(ids)):
        path = baseline[:t] + points[:, None, None] * (embedded[:t] - baseline[:t])
        mean = (weights[:, None, None] * gradient(path, ids[t])).sum(0)
        total += (mean * (embedded[:t] - baseline[:t])).abs().sum()
    return total


def legendre(n):
    import numpy

    points, weights = numpy.polynomial.legendre.leggauss(n)
    return numpy.stack([(points + 1) / 2, weights / 2])


def timed(run):
    times = []
    for i in range(runs + 1):
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        total = float(run())
        # The first run is for warming up.
        if i > 0:
            times.append((time.perf_counter() - start) * 1000)
    return {"milliseconds": sorted(times)[(len(times) - 1) // 2], "times": times, "sumOfAbsoluteScores": total}


def transformers_difference():
    """The largest difference of last logits from transformers' GPT-2, or why it is not there."""
    try:
        from transformers import GPT2Config, GPT2LMHeadModel
    except ImportError as error:
        return str(error)
    peer = GPT2LMHeadModel(GPT2Config(**{k: v for k, v in config.items() if k != "architectures"})).to(device).eval()
    peer.load_state_dict({f"transformer.{name}": value for name, value in W.items()}, strict=False)
    with torch.no_grad():
        theirs = peer(torch.tensor([ids], device=device)).logits[:, -1]
        return float((logits_at_end(embedded[None]) - theirs).abs().max())


results = json.load(open(result_path)) if os.path.exists(result_path) else {}
results["pytorch"] = {
    "version": torch.__version__,
    "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
    "transformersDifference": transformers_difference(),
    "saliency": timed(saliency),
    "integrated_gradients": timed(integrated_gradients),
}
json.dump(results, open(result_path, "w"), indent=1)
