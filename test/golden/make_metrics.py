"""Numbers of Captum, scikit-learn and SciPy for the metrics in src/evaluate, and of the published form of AOPC in NumPy.

    PYTHONPATH=<captum checkout> python make_metrics.py     writes metrics.json beside this file

Needs torch, captum (main or 0.8), scikit-learn, scipy, numpy. A function of 7 features is written down as a table of its
values for all 2^7 sets of features that are kept (bit i: feature i is kept, else it is 0).
"""

import json
from pathlib import Path

import captum
import numpy as np
import scipy
import sklearn
import torch
from captum.metrics import infidelity, sensitivity_max
from scipy.stats import kendalltau, pearsonr, spearmanr
from sklearn.metrics import average_precision_score

torch.manual_seed(0)
rng = np.random.default_rng(0)
P = 7
HIDDEN = torch.randn(P, 5, dtype=torch.float64)
OUT = torch.randn(5, dtype=torch.float64)


def f(x):
    return torch.sigmoid(torch.tanh(x @ HIDDEN) @ OUT)


x = torch.randn(1, P, dtype=torch.float64)
kept_sets = torch.tensor([[(s >> i) & 1 for i in range(P)] for s in range(2**P)], dtype=torch.float64)
table = f(x * kept_sets)


def input_x_gradient(inputs):
    (inputs,) = inputs if isinstance(inputs, tuple) else (inputs,)
    inputs = inputs.clone().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(f(inputs).sum(), inputs)
    return (inputs * gradient).detach()


scores = input_x_gradient(x)


def captum_infidelity():
    samples = 40
    removed = (torch.rand(samples, P, dtype=torch.float64) < 0.5).double()

    def perturb(inputs):
        return removed, inputs * (1 - removed)

    def measure(normalize):
        value = infidelity(f, perturb, x, scores, n_perturb_samples=samples, normalize=normalize)
        return value.item()

    return {"removed": removed.int().tolist(), "plain": measure(False), "normalized": measure(True)}


def captum_sensitivity():
    samples = 10
    nearby = x + (torch.rand(samples, P, dtype=torch.float64) * 2 - 1) * 0.02
    value = sensitivity_max(lambda inputs: (input_x_gradient(inputs),), x, perturb_func=lambda _: nearby, n_perturb_samples=samples)
    return {"nearby": input_x_gradient(nearby).tolist(), "value": value.item()}


def aopc(attribution, fractions, keep, protocol):
    """ERASER's (ceil, all thresholds) and ferret's (int, positive only, repeated rationales dropped) average."""
    order = np.argsort(-attribution, kind="stable")
    losses, last = [], None
    for fraction in fractions:
        if protocol == "ferret":
            top = [i for i in order[: int(fraction * P + 1e-9)] if attribution[i] > 0]
            if not top or top == last:
                continue
            last = top
        else:
            top = list(order[: int(np.ceil(fraction * P - 1e-9))])
        bits = sum(1 << int(i) for i in top)
        left = bits if keep else (2**P - 1) ^ bits
        losses.append((table[-1] - table[left]).item())
    return float(np.sum(losses) / (len(losses) + (protocol == "paper")))


def ranked(size, levels):
    """Labels and scores with ties."""
    labels = rng.integers(0, 2, size)
    labels[rng.integers(size)] = 1
    values = rng.integers(0, levels, size) / levels - 0.3
    return {"labels": labels.tolist(), "scores": values.tolist(), "value": average_precision_score(labels, values)}


def correlated(size, levels):
    a, b = rng.integers(0, levels, size).astype(float), rng.normal(size=size).round(1)
    return {
        "a": a.tolist(),
        "b": b.tolist(),
        "kendall": kendalltau(a, b)[0],
        "spearman": spearmanr(a, b)[0],
        "pearson": pearsonr(a, b)[0],
    }


tenths = [i / 10 for i in range(1, 11)]
eraser = [0.01, 0.05, 0.1, 0.2, 0.5]
golden = {
    "versions": {
        "captum": captum.__version__,
        "scipy": scipy.__version__,
        "sklearn": sklearn.__version__,
        "torch": torch.__version__,
    },
    "table": table.tolist(),
    "scores": scores[0].tolist(),
    "infidelity": captum_infidelity(),
    "sensitivity": captum_sensitivity(),
    "aopc": [
        {
            "metric": "aopc_sufficiency" if keep else "aopc_comprehensiveness",
            "options": {"shares": shares, "protocol": protocol},
            "value": aopc(scores[0].numpy(), shares, keep, protocol),
        }
        for keep in (False, True)
        for shares, protocol in ((eraser, "eraser"), (eraser, "paper"), (tenths, "ferret"))
    ],
    "averagePrecision": [ranked(size, levels) for size, levels in ((1, 1), (5, 2), (17, 5), (31, 100))],
    "correlations": [correlated(size, levels) for size, levels in ((3, 3), (11, 4), (23, 50))],
}
Path(__file__).with_name("metrics.json").write_text(json.dumps(golden) + "\n")
