"""PyTorch's speed for the products of bench/matmul.ts: one line of JSON, GFLOP/s (median) by case."""

import json
import sys
import time

import torch

threads, cases = int(sys.argv[1]), json.loads(sys.argv[2])
torch.set_num_threads(threads)
result = {}
with torch.inference_mode():
    for name, (M, I, O, transposed) in cases.items():
        x = torch.rand(M, I)
        w = torch.rand(O, I).T if transposed else torch.rand(I, O)
        bias = torch.rand(O)
        times = []
        for _ in range(2):
            torch.addmm(bias, x, w)
        start = time.perf_counter()
        while len(times) < 9 or (time.perf_counter() - start < 0.5 and len(times) < 1000):
            before = time.perf_counter()
            torch.addmm(bias, x, w)
            times.append(time.perf_counter() - before)
        result[name] = 2 * M * I * O / sorted(times)[len(times) // 2] / 1e9
print(json.dumps({"version": torch.__version__, "gflops": result}))
