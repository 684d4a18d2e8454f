"""PyTorch on the operations of bench/ops.ts: python bench/peer_ops.py THREADS

Reads one operation a line, as JSON, and answers with the median seconds of a run.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]))
# One thread waits for no other: its processor time is its time, on a busy machine, too.
clock = time.process_time if int(sys.argv[1]) == 1 else time.perf_counter


def forward(kind, s):
    if kind == "linear":
        w = torch.rand(s["O"], s["I"]) if s.get("transposed") else torch.rand(s["I"], s["O"]).T
        bias = torch.rand(s["O"])
        return torch.rand(s["M"], s["I"]), lambda x: F.linear(x, w, bias)
    if kind == "layerNorm":
        scale, bias = torch.rand(s["D"]), torch.rand(s["D"])
        return torch.rand(s["R"], s["D"]), lambda x: F.layer_norm(x, (s["D"],), scale, bias, 1e-5)
    if kind == "rmsNorm":
        scale = torch.rand(s["D"])
        return torch.rand(s["R"], s["D"]), lambda x: F.rms_norm(x, (s["D"],), scale, 1e-5)
    if kind == "activation":
        return torch.rand(s["R"], s["D"]), lambda x: F.gelu(x, approximate="tanh")
    if kind == "softmax":
        return torch.rand(s["R"], s["D"]), lambda x: torch.softmax(x, -1)
    if kind == "attention":
        shape = (s["B"], s["H"], s["T"], s["K"])
        k, v = torch.rand(shape).requires_grad_(), torch.rand(shape).requires_grad_()
        return torch.rand(shape), lambda q: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    raise ValueError(kind)


def median_seconds(run):
    run()
    run()
    times, start = [], time.perf_counter()
    while len(times) < 9 or (time.perf_counter() - start < 0.5 and len(times) < 1000):
        before = clock()
        run()
        times.append(clock() - before)
    return sorted(times)[(len(times) - 1) // 2]


print(json.dumps({"torch": torch.__version__}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    x, f = forward(asked["kind"], asked["sizes"])
    if asked["backward"]:
        x.requires_grad_()
        y = f(x)
        dy = torch.rand_like(y)
        seconds = median_seconds(lambda: y.backward(dy, retain_graph=True))
    else:
        with torch.inference_mode():
            seconds = median_seconds(lambda: f(x))
    print(json.dumps({"seconds": seconds}), flush=True)
