"""ALTI (ALTI+ of encoder-decoders) and information-flow routes in float64, straight from the papers: writes alti.json.

    python test/golden/make_alti.py          # torch, transformers 5.18

Every attention part is written as a sum of vectors, from the weights and the attention probabilities of Hugging Face's models; that
the sum is what the model computes is asserted. Ferrando et al. 2022, arXiv 2203.04212 and 2205.11631; Ferrando and
Voita 2024, arXiv 2403.00824.
"""

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

HERE = Path(__file__).parent
SOURCE = [5, 9, 2, 40, 11, 0]
TARGET = [0, 4, 8, 15, 6, 23]
THRESHOLD = 0.04


def head_vectors(probabilities, values, projection):
    """What position i reads at j with head h: [H, T, S, D] of probabilities [H, T, S], values [H, S, K], W_O [H·K, D]."""
    heads, _, k = values.shape
    return torch.einsum("hij,hjk,hkd->hijd", probabilities, values, projection.reshape(heads, k, -1))


def split_heads(x, heads):
    return x.reshape(x.shape[0], heads, -1).transpose(0, 1)


def nearness(y, z):
    """max(0, ‖y‖₁ − ‖y − z‖₁)"""
    return (y.abs().sum(-1) - (y - z).abs().sum(-1)).clamp(min=0)


def held_norm(norm, total):
    """The linear part of a layer norm with the statistics of `total`: without them it is the identity."""
    if norm is None:
        return lambda z: z
    deviation = (total.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    return lambda z: norm.weight * (z - z.mean(-1, keepdim=True)) / deviation


def alti_self(y, vectors, stream, linear):
    own = vectors.sum(0).clone()
    positions = torch.arange(len(stream))
    own[positions, positions] += stream
    shares = nearness(y[:, None], linear(own.transpose(0, 1)).transpose(0, 1))
    return shares / shares.sum(-1, keepdim=True)


def alti_cross(y, vectors, stream, linear):
    read = nearness(y[:, None], linear(vectors.sum(0).transpose(0, 1)).transpose(0, 1))
    rest = nearness(y, linear(stream))
    total = read.sum(-1) + rest
    return read / total[:, None], rest / total


def flow_edges(y, vectors, stream, linear):
    """Shares of the edges [H, T, S] and of the residual connection [T], small ones cut."""
    moved = vectors.permute(0, 2, 1, 3)
    edges = nearness(y, linear(moved)).permute(0, 2, 1)
    rest = nearness(y, linear(stream))
    total = edges.sum((0, 2)) + rest
    shares, rest = edges / total[None, :, None], rest / total
    margin = min((shares - THRESHOLD).abs().min().item(), (rest - THRESHOLD).abs().min().item())
    assert margin > 1e-5, "an edge is too near the threshold for float32"
    shares, rest = shares * (shares >= THRESHOLD), rest * (rest >= THRESHOLD)
    kept = shares.sum((0, 2)) + rest
    return shares.sum(0) / kept[:, None], rest / kept


def self_shares(method, *parts):
    if method == "alti":
        return alti_self(*parts)
    read, rest = flow_edges(*parts)
    return read + torch.diag(rest)


def cross_shares(method, *parts):
    return alti_cross(*parts) if method == "alti" else flow_edges(*parts)


def gpt2(method):
    model = AutoModelForCausalLM.from_pretrained(HERE / "gpt2" / "model", attn_implementation="eager").double().eval()
    out = model(torch.tensor([TARGET]), output_attentions=True, output_hidden_states=True)
    rolled = torch.eye(len(TARGET), dtype=torch.float64)
    for block, attention, x in zip(model.transformer.h, out.attentions, out.hidden_states):
        x = x[0]
        seen = block.ln_1(x)
        values = split_heads(block.attn.c_attn(seen).chunk(3, -1)[2], attention.shape[1])
        vectors = head_vectors(attention[0], values, block.attn.c_proj.weight)
        y = x + vectors.sum((0, 2)) + block.attn.c_proj.bias
        check(y + block.mlp(block.ln_2(y)), out.hidden_states, model.transformer.ln_f)
        rolled = self_shares(method, y, vectors, x, held_norm(None, y)) @ rolled
    return {"target": numbers(rolled)}


def check(state, states, final=None):
    """The state is one of the model's own, the last of which is normalised."""
    known = [other[0] for other in states]
    assert any(torch.allclose(state, other) for other in known) or torch.allclose(final(state), known[-1])


def marian(method):
    model = AutoModelForSeq2SeqLM.from_pretrained(HERE / "marian" / "model", attn_implementation="eager").double().eval()
    out = model(
        input_ids=torch.tensor([SOURCE]),
        decoder_input_ids=torch.tensor([TARGET]),
        output_attentions=True,
        output_hidden_states=True,
    )
    def part(attention, probabilities, seen, stream, norm):
        values = split_heads(attention.v_proj(seen), probabilities.shape[0])
        vectors = head_vectors(probabilities, values, attention.out_proj.weight.T)
        total = stream + vectors.sum((0, 2)) + attention.out_proj.bias
        return norm(total), vectors, stream, held_norm(norm, total)

    def feed_forward(layer, x):
        return layer.final_layer_norm(x + layer.fc2(layer.activation_fn(layer.fc1(x))))

    encoder = torch.eye(len(SOURCE), dtype=torch.float64)
    for layer, attention, x in zip(model.model.encoder.layers, out.encoder_attentions, out.encoder_hidden_states):
        parts = part(layer.self_attn, attention[0], x[0], x[0], layer.self_attn_layer_norm)
        check(feed_forward(layer, parts[0]), out.encoder_hidden_states)
        encoder = self_shares(method, *parts) @ encoder
    states = out.encoder_last_hidden_state[0]
    target = torch.eye(len(TARGET), dtype=torch.float64)
    source = torch.zeros(len(TARGET), len(SOURCE), dtype=torch.float64)
    decoder = zip(model.model.decoder.layers, out.decoder_attentions, out.cross_attentions, out.decoder_hidden_states)
    for layer, attention, cross, x in decoder:
        parts = part(layer.self_attn, attention[0], x[0], x[0], layer.self_attn_layer_norm)
        shares = self_shares(method, *parts)
        target, source = shares @ target, shares @ source
        crossed = part(layer.encoder_attn, cross[0], states, parts[0], layer.encoder_attn_layer_norm)
        check(feed_forward(layer, crossed[0]), out.decoder_hidden_states)
        read, rest = cross_shares(method, *crossed)
        target, source = rest[:, None] * target, read @ encoder + rest[:, None] * source
    return {"target": numbers(target), "source": numbers(source)}


def numbers(matrix):
    return [[float(f"{x:.9g}") for x in row] for row in matrix.tolist()]


def main():
    golden = {"source": SOURCE, "target": TARGET}
    with torch.no_grad():
        for name, run in (("gpt2", gpt2), ("marian", marian)):
            golden[name] = {method: run(method) for method in ("alti", "information_flow_routes")}
    (HERE / "alti.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
