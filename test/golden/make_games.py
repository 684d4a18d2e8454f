"""What other people's programs say about small games: writes games.json.

    pip install numpy scipy scikit-learn shap
    python test/golden/make_games.py

`lasso`: scikit-learn's Lasso. `contextCite`: its recipe (arXiv 2409.00729) put together from scikit-learn's parts, which is
StandardScaler and Lasso(alpha=0.01) on log-odds of a response divided by its number of tokens, and coefficients scaled back.
`partition`: SHAP's partition explainer with a tree of pairs, on a game that is a table with a value for each coalition.
"""

import json
from pathlib import Path

import numpy as np
import shap
import sklearn
from scipy.special import expit, logit
from sklearn.linear_model import Lasso
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
rng = np.random.default_rng(5)


def lasso_case(K, P, alpha):
    X = rng.integers(0, 2, (K, P)).astype(float)
    X[:, -1] = 1
    y = np.round(X @ rng.normal(size=P) + rng.normal(size=K), 6)
    model = Lasso(alpha=alpha, tol=1e-12, max_iter=1_000_000).fit(X, y)
    return {"X": X.tolist(), "y": y.tolist(), "alpha": alpha, "coefficients": model.coef_.tolist(), "intercept": model.intercept_}


def context_cite(K, P, N):
    masks = (rng.random((K, P)) < 0.5).astype(float)
    odds = np.round(masks @ rng.normal(size=(P, N)) + rng.normal(size=N), 6)
    log_p = np.sum(np.log(expit(odds)), 1)
    response = log_p - np.log(-np.expm1(log_p))
    scaler = StandardScaler().fit(masks)
    model = Lasso(alpha=0.01, tol=1e-12, max_iter=1_000_000).fit(scaler.transform(masks), response / N)
    return {"masks": masks.astype(int).tolist(), "odds": odds.tolist(), "scores": (model.coef_ / scaler.scale_ * N).tolist()}


def partition(P, links):
    table = np.round(rng.normal(size=2**P), 6)
    bits = 2 ** np.arange(P)
    masker = shap.maskers.Partition(np.zeros((1, P)), clustering=np.array(links, float))
    explainer = shap.explainers.Partition(lambda X: table[(X @ bits).astype(int)], masker)
    values = explainer(np.ones((1, P)), max_evals=100_000, fixed_context=None).values[0]
    return {"table": table.tolist(), "links": [[int(a), int(b)] for a, b, _, _ in links], "values": values.tolist()}


games = {
    "libraries": f"shap {shap.__version__}, scikit-learn {sklearn.__version__}",
    "lasso": [lasso_case(11, 5, 0.05), lasso_case(7, 9, 0.2)],
    "contextCite": context_cite(23, 5, 3),
    # Rows of a linkage: two clusters, their distance, how many players they have.
    "partition": [
        partition(5, [(0, 1, 0.1, 2), (3, 4, 0.2, 2), (2, 5, 0.3, 3), (6, 7, 0.4, 5)]),
        partition(4, [(0, 1, 0.1, 2), (4, 2, 0.2, 3), (5, 3, 0.3, 4)]),
    ],
}
(HERE / "games.json").write_text(json.dumps(games) + "\n")
