"""
Expected results of the operations in src/ops, from PyTorch in double precision: python3 test/golden/make_ops.py

Writes ops.json beside this file. Inputs are not stored but drawn from a seed by the same generator as in
test/support/opCases.ts; they are exact in single precision. `error` is how far a result can be off in single precision
through no fault of its own: how far PyTorch's is, or how far the exact one moves when each input is rounded once, by
up to 2^-24 of itself. The tests allow a small multiple of that.
"""

import json
import math
from pathlib import Path
from zlib import crc32

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
cases = []


def drawn(spec):
    """Multiples of scale / 2^14 between −2 scale and 2 scale, plus offset; see opCases.ts."""
    state, values = spec["seed"] * 7919 % 2**32, []
    for _ in range(math.prod(spec["shape"])):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state // 2**16 / 2**14 - 2) * spec.get("scale", 1) + spec.get("offset", 0))
    return torch.tensor(values, dtype=torch.float64).reshape(spec["shape"])


def floats(seed, *shape, **more):
    return {"shape": list(shape), "seed": seed, **more}


def values(*numbers):
    return {"shape": [len(numbers)], "floats": list(numbers)}


def integers(data):
    tensor = torch.tensor(data)
    return {"shape": list(tensor.shape), "integers": tensor.flatten().tolist()}


def as_tensor(spec, dtype):
    if "integers" in spec:
        return torch.tensor(spec["integers"]).reshape(spec["shape"])
    if "floats" in spec:
        return torch.tensor(spec["floats"], dtype=dtype).reshape(spec["shape"]).requires_grad_()
    return drawn(spec).to(dtype).requires_grad_()


def rounded(tensor):
    noise = torch.empty_like(tensor).uniform_(-(2**-24), 2**-24)
    return (tensor * (1 + noise)).detach().requires_grad_()


def run(f, inputs, dy, constants, dtype, change=lambda tensor: tensor):
    tensors = {name: as_tensor(spec, dtype) for name, spec in inputs.items()}
    tensors = {name: change(t) if t.is_floating_point() else t for name, t in tensors.items()}
    y = f(**tensors)
    y.backward(drawn({**dy, "shape": list(y.shape)}).to(dtype))
    wanted = [name for name, t in tensors.items() if t.requires_grad and name not in constants]
    zero = lambda t: torch.zeros_like(t) if t.grad is None else t.grad
    return {"y": y.detach(), **{name: zero(tensors[name]) for name in wanted}}


def add(op, name, f, inputs, attrs=None, constants=(), skip=None):
    """`skip` says why finite differences cannot check the case."""
    dy = {"seed": crc32(f"{op} {name}".encode()) % 2**16}
    exact = run(f, inputs, dy, constants, torch.float64)
    torch.manual_seed(dy["seed"])
    others = [run(f, inputs, dy, constants, torch.float64, rounded) for _ in range(4)]
    others.append(run(f, inputs, dy, constants, torch.float32))
    expected = {}
    for key, tensor in exact.items():
        error = max((other[key].double() - tensor).abs().max().item() for other in others)
        shown = [float(f"{x:.7g}") for x in tensor.flatten().tolist()]
        shown = [int(x) if x == int(x) else x for x in shown]
        expected[key] = {"shape": list(tensor.shape), "error": float(f"{error:.2g}"), "values": shown}
    y = expected.pop("y")
    case = {"op": op, "name": name, "attrs": attrs or {}, "inputs": inputs, "dy": {**dy, "shape": y["shape"]}}
    if skip:
        case["noFiniteDifferences"] = skip
    cases.append({**case, "y": y, "gradients": expected})


# activation and gated units, by the names that src/ops/activation.ts knows

functions = {
    "linear": lambda x: x * 1,
    "relu": F.relu,
    "relu2": lambda x: F.relu(x).square(),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "swish": F.silu,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_fast": lambda x: F.gelu(x, approximate="tanh"),
}
extremes = values(0.0, 100.0, -100.0, 20.0, -20.0, 5.5, -5.5, 1e-4, -1e-4, 1e-30)
for name, f in functions.items():
    attrs = {"activation": name}
    y = lambda x, f=f: f(x)
    add("activation", name, y, {"x": floats(1, 3, 17, scale=2)}, attrs)
    add("activation", f"{name}, extreme values", y, {"x": extremes}, attrs, skip="a step would leave the extreme value")
    gated = lambda gate, up, f=f: f(gate) * up
    add("gatedUnit", name, gated, {"gate": floats(1, 3, 17, scale=2), "up": floats(2, 3, 17)}, attrs)
add("activation", "gelu, one number", lambda x: F.gelu(x), {"x": floats(5, 1)}, {"activation": "gelu"})
add("activation", "gelu_new, five axes", functions["gelu_new"], {"x": floats(6, 2, 1, 3, 1, 5)}, {"activation": "gelu_new"})

# linear


def linear(x, kernel, bias=None, transposed=False):
    return F.linear(x, kernel if transposed else kernel.T, bias)


for i, (lead, inputs, outputs) in enumerate(
    [((1,), 1, 1), ((5,), 17, 3), ((2, 3), 7, 33), ((2, 1, 3), 33, 2), ((2, 3, 1, 5), 3, 7), ((3,), 127, 1)]
):
    for transposed in (False, True):
        for biased in (False, True):
            if i >= 3 and biased == transposed:
                continue
            spec = {
                "x": floats(10 + i, *lead, inputs),
                "kernel": floats(20 + i, *((outputs, inputs) if transposed else (inputs, outputs))),
            }
            if biased:
                spec["bias"] = floats(30 + i, outputs)
            name = f"[{', '.join(map(str, (*lead, inputs)))}] to {outputs}"
            name += ", transposed kernel" * transposed + ", bias" * biased
            f = lambda transposed=transposed, **t: linear(**t, transposed=transposed)
            add("linear", name, f, spec, {"transposeKernel": transposed})

# norms

norm_inputs = {
    "[2, 3, 17]": floats(40, 2, 3, 17),
    "[7]": floats(41, 7),
    "[1, 1023]": floats(42, 1, 1023),
    "[2, 1, 3, 33]": floats(43, 2, 1, 3, 33),
    "tiny variance": floats(44, 3, 17, scale=2**-10),
    "large mean": floats(45, 2, 31, offset=64),
}
for name, x in norm_inputs.items():
    D = x["shape"][-1]
    scale, bias = floats(46, D), floats(47, D)
    for epsilon in (1e-5, 1e-12) if name == "[2, 3, 17]" else (1e-5,):
        attrs = {"epsilon": epsilon}
        shown = f"{name}, epsilon {epsilon}"
        f = lambda x, scale, bias: F.layer_norm(x, x.shape[-1:], scale, bias, epsilon)
        add("layerNorm", shown, f, {"x": x, "scale": scale, "bias": bias}, attrs)
        f = lambda x, scale: F.rms_norm(x, x.shape[-1:], scale, epsilon)
        if D < 1023:
            add("rmsNorm", shown, f, {"x": x, "scale": scale}, attrs)
one = {"x": floats(48, 5, 1), "scale": floats(49, 1), "bias": floats(50, 1)}
f = lambda x, scale, bias: F.layer_norm(x, (1,), scale, bias, 1e-5)
add("layerNorm", "a width of one: no variance at all", f, one, {"epsilon": 1e-5})
f = lambda x, scale: F.rms_norm(x, (1,), scale, 1e-6)
add("rmsNorm", "a width of one", f, {"x": one["x"], "scale": one["scale"]}, {"epsilon": 1e-6})
zero = {"x": {"shape": [2, 5], "floats": [0.0] * 10}, "scale": floats(51, 5)}
skip = "a step from zero crosses the whole curve"
add("rmsNorm", "zeros", lambda x, scale: F.rms_norm(x, (5,), scale, 1e-6), zero, {"epsilon": 1e-6}, skip=skip)

# embedding, select, repeat

for name, ids in {
    "repeated ids": [[3, 3, 0, 12], [12, 3, 5, 0]],
    "one id": [7],
    "three axes": [[[1, 2], [2, 2]], [[0, 12], [1, 2]]],
}.items():
    inputs = {"table": floats(60, 13, 5), "ids": integers(ids)}
    add("embedding", name, lambda table, ids: F.embedding(ids, table), inputs)

for shape, index in [((5, 7), [0, 6, 3, 3, 1]), ((3, 4, 17), [3, 0, 2]), ((4, 1), [0] * 4), ((1, 3, 2, 5), [1])]:
    inputs = {"x": floats(70 + len(shape), *shape), "index": integers(index)}
    f = lambda x, index: x[torch.arange(len(x)), index]
    add("select", f"[{', '.join(map(str, shape))}]", f, inputs)

for shape, times in [((3, 5), 4), ((1, 17), 1), ((2, 3, 7), 3), ((5,), 2)]:
    f = lambda x, times=times: x.repeat_interleave(times, 0)
    add("repeat", f"[{', '.join(map(str, shape))}], {times} times", f, {"x": floats(80, *shape)}, {"times": times})

# rotary, as Llama's rotate_half, or as GPT-J's rotate_every_two; the first numbers of a head may be all that is turned


def rotary(x, cos, sin, interleaved=False):
    width = 2 * cos.shape[-1]
    x, rest = x[..., :width], x[..., width:]
    if interleaved:
        cos, sin = (t.repeat_interleave(2, -1).unsqueeze(1) for t in (cos, sin))
        swapped = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    else:
        cos, sin = (torch.cat([t, t], -1).unsqueeze(1) for t in (cos, sin))
        first, second = x.chunk(2, -1)
        swapped = torch.cat([-second, first], -1)
    return torch.cat([x * cos + swapped * sin, rest], -1)


for B, H, T, K, angles in [(2, 3, 5, 8, 2), (2, 1, 7, 2, 1), (1, 2, 1, 34, 1)]:
    inputs = {"x": floats(90, B, H, T, K), "cos": floats(91, angles, T, K // 2), "sin": floats(92, angles, T, K // 2)}
    name = f"[{B}, {H}, {T}, {K}], angles for {'each row' if angles == B else 'all rows'}"
    add("rotary", name, rotary, inputs, constants=("cos", "sin"))
for K, R, interleaved in [(10, 10, True), (9, 6, False), (9, 6, True)]:
    inputs = {"x": floats(93, 2, 3, 5, K), "cos": floats(94, 2, 5, R // 2), "sin": floats(95, 2, 5, R // 2)}
    name = f"{R} of {K} numbers{', neighbours' if interleaved else ''}"
    f = lambda x, cos, sin, interleaved=interleaved: rotary(x, cos, sin, interleaved)
    add("rotary", name, f, inputs, {"interleaved": interleaved}, constants=("cos", "sin"))

# attention


def probabilities(query, key, bias=None, mask=None, *, scale, causal, window=None, softCap=None):
    """Masked scores are −1e30, not −∞: a row that sees nothing at all becomes a mean."""
    T, S, groups = query.shape[2], key.shape[2], query.shape[1] // key.shape[1]
    scores = scale * query @ key.repeat_interleave(groups, 1).transpose(2, 3)
    scores = scores if softCap is None else softCap * torch.tanh(scores / softCap)
    scores = scores if bias is None else scores + bias
    visible = torch.ones(1, 1, T, S, dtype=torch.bool)
    visible = visible.tril(S - T) if causal else visible
    if window is not None:
        visible = visible.tril(S - T + window["after"]).triu(S - T - window["before"])
    visible = visible if mask is None else visible & mask.bool()[:, None, None]
    return scores.masked_fill(~visible, -1e30).softmax(-1)


def weigh(probabilities, value):
    return probabilities @ value.repeat_interleave(probabilities.shape[1] // value.shape[1], 1)


def attention(query, key, value, bias=None, mask=None, **attrs):
    return weigh(probabilities(query, key, bias, mask, **attrs), value)


def attention_case(
    name, B, H, G, T, S, K, causal, bias=None, mask=None, scale=None, score_scale=1, window=None, softCap=None, skip=None
):
    attrs = {"scale": K**-0.5 if scale is None else scale, "causal": causal}
    if window is not None:
        attrs["window"] = dict(zip(("before", "after"), window))
    if softCap is not None:
        attrs["softCap"] = softCap
    inputs = {"query": floats(100, B, H, T, K, scale=score_scale), "key": floats(101, B, G, S, K)}
    if bias is not None:
        inputs["bias"] = floats(103, *bias)
    if mask is not None:
        inputs["mask"] = integers(mask)
    add("attentionProbabilities", name, lambda **t: probabilities(**t, **attrs), inputs, attrs, skip=skip)
    inputs = {**inputs, "value": floats(102, B, G, S, K)}
    add("attention", name, lambda **t: attention(**t, **attrs), inputs, attrs, skip=skip)


attention_case("one of everything", 1, 1, 1, 1, 1, 1, False)
attention_case("one of everything, causal", 1, 1, 1, 1, 1, 1, True)
attention_case("every position", 1, 3, 3, 5, 5, 7, False)
attention_case("causal", 1, 2, 2, 7, 7, 4, True)
attention_case("causal with a past", 2, 2, 2, 3, 7, 4, True)
attention_case("causal, one query", 2, 2, 2, 1, 5, 4, True)
attention_case("more queries than keys", 1, 2, 2, 5, 3, 2, False)
attention_case("more queries than keys, causal: the first see nothing", 1, 2, 2, 3, 2, 2, True)
attention_case("grouped heads", 2, 6, 2, 3, 5, 4, False)
attention_case("grouped heads, causal with a past", 2, 4, 2, 3, 5, 4, True)
attention_case("one key head for all", 1, 5, 1, 3, 3, 2, True)
attention_case("mask", 2, 2, 2, 3, 5, 4, False, mask=[[1, 1, 1, 0, 0], [0, 1, 0, 1, 1]])
attention_case("a row that sees nothing", 2, 2, 1, 3, 5, 4, False, mask=[[0, 0, 0, 0, 0], [0, 1, 0, 1, 1]])
attention_case("left padding, causal", 2, 2, 2, 5, 5, 4, True, mask=[[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
attention_case("padding in grouped heads with a past", 2, 4, 2, 2, 5, 3, True, mask=[[0, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
for b in (1, 2):
    for h in (1, 4):
        for t in (1, 3):
            attention_case(f"bias [{b}, {h}, {t}, 5]", 2, 4, 2, 3, 5, 2, False, bias=(b, h, t, 5), scale=1)
attention_case(
    "bias, mask and causal with a past", 2, 4, 2, 3, 5, 4, True, (1, 4, 3, 5), [[0, 1, 1, 1, 1], [1, 1, 1, 1, 0]]
)
attention_case("heads of width 33", 1, 5, 5, 1, 2, 33, True)
attention_case("1023 keys", 1, 1, 1, 1, 1023, 1, True)
attention_case("scores in the hundreds", 1, 2, 2, 3, 5, 4, False, scale=1, score_scale=64)
attention_case("window, causal", 1, 2, 2, 7, 7, 4, True, window=(2, 0))
attention_case("window of one key, causal", 1, 1, 1, 5, 5, 3, True, window=(0, 0))
attention_case("window, causal with a past in grouped heads", 2, 4, 2, 3, 7, 4, True, window=(3, 0))
attention_case("window on both sides", 1, 2, 1, 7, 7, 3, False, window=(1, 3))
attention_case("window wider than all", 1, 1, 1, 3, 5, 2, True, window=(9, 9))
attention_case("window of padding: some see nothing", 2, 2, 2, 5, 5, 4, True, None, [[0, 0, 0, 1, 1], [1] * 5], window=(1, 0))
attention_case("window over more queries than keys: the first see nothing", 1, 2, 2, 5, 3, 2, False, window=(1, 0))
attention_case("soft cap", 1, 2, 2, 5, 5, 3, True, softCap=0.5)
saturated = "a step moves scores by several caps"
attention_case("soft cap, far beyond it", 1, 2, 2, 3, 5, 4, False, scale=1, score_scale=64, softCap=3, skip=saturated)
attention_case("soft cap, bias, mask and window", 2, 4, 2, 5, 7, 4, True, (1, 4, 1, 7), [[0] + [1] * 6, [1] * 7], None, 1, (3, 0), 2)
for B, H, G, T, S, K in [(1, 1, 1, 1, 1, 1), (2, 3, 3, 5, 7, 4), (2, 4, 2, 3, 5, 7)]:
    inputs = {"probabilities": floats(110, B, H, T, S), "value": floats(111, B, G, S, K)}
    add("attentionValues", f"{H} heads, {G} groups, {T} by {S}", weigh, inputs)
for B, H, T, S in [(1, 1, 1, 1), (2, 3, 5, 7), (1, 2, 3, 127)]:
    inputs = {"x": floats(120, B, H, T, S), "gate": floats(121, B, H, S)}
    add("gate", f"[{B}, {H}, {T}, {S}]", lambda x, gate: x * gate[:, :, None], inputs)

# linear and an activation

for i, (name, f) in enumerate(functions.items()):
    if name not in ("relu", "silu", "gelu_new", "relu2"):
        continue
    transposed = name == "silu"
    kernel = floats(60 + i, *((33, 17) if transposed else (17, 33)), scale=0.25)
    spec = {"x": floats(50 + i, 2, 3, 17), "kernel": kernel}
    if name != "relu2":
        spec["bias"] = floats(70 + i, 33)
    y = lambda f=f, transposed=transposed, **t: f(linear(**t, transposed=transposed))
    kink = "a step crosses the kink" if name == "relu" else None
    attrs = {"transposeKernel": transposed, "activation": name}
    add("linear", f"[2, 3, 17] to 33, {name}", y, spec, attrs, skip=kink)

# PyTorch's own fused attention agrees with the formula above.
for causal in (False, True):
    q, k, v = (drawn(floats(s, 2, h, 5, 4)) for s, h in ((1, 4), (2, 2), (3, 2)))
    own = F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True)
    assert torch.allclose(own, attention(q, k, v, scale=0.5, causal=causal), rtol=0, atol=1e-12)

lines = ",\n".join(json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases)
made_by = json.dumps(f"make_ops.py, torch {torch.__version__.split('+')[0]}")
text = f'{{"made_by":{made_by},"cases":[\n{lines}\n]}}\n'
path = Path(__file__).with_name("ops.json")
path.write_text(text)
print(f"{path.name}: {len(cases)} cases, {len(text) / 1000:.0f} kB")
