"""Numbers of Python peers for the metrics in src/evaluate.

    PYTHONPATH=<checkouts, below> python make_metrics.py     writes metrics.json beside this file

Needs numpy, scipy, scikit-learn, torch, transformers, shap, quantus, captum, ferret-xai, and of what is no package the checkouts
    https://github.com/jayded/eraserbenchmark            on the path as it is
    https://github.com/casszhao/ReAGent                  its folder src/evaluation on the path

A function of 9 features is written down as a table of its values for all 2^9 sets of features that are kept (bit i: feature
i is kept, else it is 0); other cases come with their own numbers. Where no package has a metric, `published` computes it with
NumPy from the formula of its paper, which the case names.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import captum
import ferret
import numpy as np
import quantus
import scipy
import shap
import sklearn
import torch
from captum.attr import IntegratedGradients
from captum.metrics import infidelity, sensitivity_max
from evaluator.soft_comprehensiveness import SoftComprehensivenessEvaluator
from evaluator.soft_norm_comprehensiveness import SoftNormalizedComprehensivenessEvaluator
from evaluator.soft_norm_sufficiency import SoftNormalizedSufficiencyEvaluator
from evaluator.soft_sufficiency import SoftSufficiencyEvaluator
from evaluator.sufficiency import SufficiencyEvaluator
from ferret.evaluators.faithfulness_measures import (
    AOPC_Comprehensiveness_Evaluation,
    AOPC_Sufficiency_Evaluation,
    TauLOO_Evaluation,
)
from ferret.evaluators.plausibility_measures import (
    AUPRC_PlausibilityEvaluation,
    Tokenf1_PlausibilityEvaluation,
    TokenIOU_PlausibilityEvaluation,
)
from ferret.explainers.explanation import ExplanationWithRationale
from rationale_benchmark.metrics import PositionScoredDocument, compute_aopc_scores, score_soft_tokens
from scipy.stats import kendalltau, pearsonr, rankdata, spearmanr
from shap.benchmark import SequentialMasker
from sklearn.metrics import average_precision_score, coverage_error, f1_score, jaccard_score
from sklearn.metrics import label_ranking_average_precision_score as ranking_precision

torch.manual_seed(0)
rng = np.random.default_rng(0)
cases = []


def case(metric, peer, value, **given):
    """What a metric is given, `options` among it, and what the peer makes of it."""
    cases.append({"metric": metric, "peer": peer, "value": float(value), **given})


# --- A function whose features are removed -------------------------------------------------------------------------------

P = 9
HIDDEN = torch.randn(P, 5, dtype=torch.float64)
OUT = torch.randn(5, dtype=torch.float64)


def f(x):
    return torch.sigmoid(torch.tanh(x @ HIDDEN) @ OUT)


def input_x_gradient(inputs):
    inputs = inputs.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(f(inputs).sum(), inputs)
    return (inputs * gradient).detach()


x = torch.randn(1, P, dtype=torch.float64)
kept_sets = torch.tensor([[(s >> i) & 1 for i in range(P)] for s in range(2**P)], dtype=torch.float64)
table = f(x * kept_sets).numpy()
scores = input_x_gradient(x).round(decimals=4)
signed = scores[0].numpy()
positive = np.abs(signed)


def f_of(kept):
    """The function of the kept features alone."""
    return table[sum(1 << int(i) for i in kept)]


def without(removed):
    return [i for i in range(P) if i not in removed]


class Words:
    """The function as ferret's model and tokenizer: a text is the numbers of the features that are in it."""

    cls_token, mask_token_id = None, None
    tokenizer = property(lambda self: self)
    decode = staticmethod(lambda ids, **_: " ".join(str(int(i)) for i in ids))

    def batch_decode(self, rows, **_):
        return [self.decode(ids) for ids in rows]

    @staticmethod
    def _tokenize(text):
        ids = torch.tensor([[int(word) for word in text.split()]])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    @staticmethod
    def _forward(texts, **_):
        p = torch.tensor([f_of(text.split()) for text in ([texts] if isinstance(texts, str) else texts)])
        return None, torch.stack([1 - p, p], dim=-1).log()

    @staticmethod
    def _postprocess_logits(logits, **_):
        return logits


def ferrets(evaluation, attribution, rationale=None, **options):
    evaluator = object.__new__(evaluation)
    evaluator.helper = Words()
    tokens = [str(i) for i in range(len(attribution))]
    about = ("", 1, "text-classification")
    explanation = ExplanationWithRationale(" ".join(tokens), tokens, attribution, *about, rationale=rationale)
    return evaluator.compute_evaluation(explanation, remove_first_last=False, **options).value


def erasers(fractions, protocol):
    """Comprehensiveness and sufficiency: ERASER's average over the ⌈fraction · P⌉ highest, or its paper's, over one more."""
    order = np.argsort(-signed, kind="stable")
    tops = [order[: int(np.ceil(fraction * P - 1e-9))] for fraction in fractions]
    thresholded = [
        {
            "threshold": fraction,
            "comprehensiveness_classification_scores": {"y": f_of(without(top))},
            "sufficiency_classification_scores": {"y": f_of(top)},
        }
        for fraction, top in zip(fractions, tops)
    ]
    instance = {"classification": "y", "classification_scores": {"y": table[-1]}, "thresholded_scores": thresholded}
    _, comprehensiveness, _, sufficiency, _ = compute_aopc_scores([instance], fractions)
    share = len(fractions) / (len(fractions) + (protocol == "paper"))
    return comprehensiveness * share, sufficiency * share


def shaps(perturbation, attribution):
    """SHAP's area over the first value of the curve, plus that value. SHAP removes positive attributions only."""
    masker = SequentialMasker(perturbation, "positive", lambda mask, row: (row * mask).reshape(1, -1), f_of_rows, x.numpy())
    _, curves, (area,) = masker(attribution.reshape(1, -1), "", debug_mode=True, silent=True)
    return area + curves[0, 0]


def f_of_rows(rows):
    return f(torch.as_tensor(rows)).numpy()


TENTHS = [i / 10 for i in range(1, 11)]
SHARES = [0.01, 0.05, 0.1, 0.2, 0.5]
given = {"scores": signed.tolist()}
for name, evaluation in (
    ("aopc_comprehensiveness", AOPC_Comprehensiveness_Evaluation),
    ("aopc_sufficiency", AOPC_Sufficiency_Evaluation),
):
    case(name, "ferret", ferrets(evaluation, signed), **given, options={"shares": TENTHS, "protocol": "ferret"})
for fractions, names in (
    (SHARES, ("aopc_comprehensiveness", "aopc_sufficiency")),
    ([0.2], ("comprehensiveness", "sufficiency")),
):
    for protocol in ("eraser", "paper"):
        for name, value in zip(names, erasers(fractions, protocol)):
            case(name, "ERASER", value, **given, options={"shares": fractions, "protocol": protocol})
case("leave_one_out_correlation", "ferret", ferrets(TauLOO_Evaluation, signed), **given)
delta = IntegratedGradients(f).compute_convergence_delta((scores,), torch.zeros_like(x), x)
case("completeness_gap", "Captum", abs(delta.item()), **given)

given = {"scores": positive.tolist()}
case("deletion", "SHAP", shaps("remove", positive), **given)
case("insertion", "SHAP", shaps("keep", positive), **given)
case("morf_lerf", "SHAP", shaps("remove", positive.max() + 1 - positive) - shaps("remove", positive), **given)


def captum_infidelity():
    samples = 40
    removed = (torch.rand(samples, P, dtype=torch.float64) < 0.5).double()

    def perturb(inputs):
        return removed, inputs * (1 - removed)

    def measure(normalize):
        value = infidelity(f, perturb, x, scores, n_perturb_samples=samples, normalize=normalize)
        return value.item()

    for normalize in (False, True):
        options = {"samples": samples, "normalize": normalize}
        given = {"scores": signed.tolist(), "removed": removed.int().tolist(), "options": options}
        case("infidelity", "Captum", measure(normalize), **given)


captum_infidelity()


def explanation_of(inputs):
    with torch.enable_grad():
        return (input_x_gradient(inputs[0] if isinstance(inputs, tuple) else inputs),)


nearby = x + (torch.rand(10, P, dtype=torch.float64) * 2 - 1) * 0.02
sensitivity = sensitivity_max(explanation_of, x, perturb_func=lambda _: nearby, n_perturb_samples=10)
given = {"scores": input_x_gradient(x)[0].tolist(), "nearby": input_x_gradient(nearby).tolist()}
case("max_sensitivity", "Captum", sensitivity, **given)


# --- Published formulas --------------------------------------------------------------------------------------------------


def published_log_odds(attribution, fractions):
    """Mean of ln p(x without the top) − ln p(x), Shrikumar et al. 2017; Chen and Ji 2020 (arXiv 2010.00667), equation 5."""
    order = np.argsort(-attribution)
    tops = [order[: int(np.ceil(fraction * P - 1e-9))] for fraction in fractions]
    return np.mean([np.log(f_of(without(top))) - np.log(table[-1]) for top in tops])


def published_curves(attribution, log_p, steps):
    """RISE and MAS of FlashTrace (arXiv 2602.01914, evaluation), with equal steps; MAS after Walker et al. 2024, equations 3-5."""
    order = np.argsort(-attribution)
    size = len(order) // steps
    assert size * steps == len(order)
    curve = np.array([log_p(order[size * step :]) for step in range(steps + 1)])
    response = np.minimum.accumulate(np.clip((curve - curve[-1]) / abs(curve[0] - curve[-1]), 0, 1))
    mass = np.maximum(attribution, 0)[order]
    density = np.array([mass[size * step :].sum() for step in range(steps + 1)]) / mass.sum()
    penalised = np.clip(response + np.abs(response - density), 0, 1)
    penalised = (penalised - penalised.min()) / (penalised.max() - penalised.min())
    return np.trapezoid(response, dx=1 / steps), np.trapezoid(penalised, dx=1 / steps)


case("log_odds", "formula", published_log_odds(signed, SHARES), scores=signed.tolist(), options={"shares": SHARES})
weights = np.round(rng.normal(size=40), 3)
for attribution, log_p, steps, more in (
    (positive, lambda kept: np.log(f_of(kept)), P, {}),
    (np.round(weights + rng.normal(size=40), 3), lambda kept: weights[kept].sum(), 20, {"weights": weights.tolist()}),
):
    for name, value in zip(("rise", "mas"), published_curves(attribution, log_p, steps)):
        case(name, "formula", value, scores=attribution.tolist(), **more)


# --- Scores beside evidence ----------------------------------------------------------------------------------------------


def ranked(size, evidence, levels=None):
    """Evidence and scores: whole numbers with ties below `levels`, else different numbers of both signs."""
    labels = np.zeros(size, dtype=int)
    labels[rng.choice(size, evidence, replace=False)] = 1
    values = rng.integers(0, levels, size) / levels - 0.3 if levels else rng.permutation(size) / size - 0.4
    return labels, values.round(3)


def evidence_cases(labels, values, has_ties):
    found = np.flatnonzero(labels)
    given = {"scores": values.tolist(), "evidence": found.tolist()}
    document = PositionScoredDocument("", "", tuple(values), tuple(labels.astype(bool)))
    case("auprc", "scikit-learn", average_precision_score(labels, values), **given)
    case("auprc", "ERASER", score_soft_tokens([document])["auprc"], **given, options={"area": "trapezoids"})
    case("dot_product", "NumPy", values @ labels, **given)
    if has_ties:
        return
    batch = {"a_batch": values.reshape(1, -1), "s_batch": labels.reshape(1, -1)}
    case("mrr", "SciPy", 1 / rankdata(-values)[found].min(), **given)
    case("probes_needed", "SciPy", rankdata(-values)[found].min() - 1, **given)
    case("top_1", "Quantus", object_of(quantus.PointingGame, weighted=False).evaluate_batch(**batch)[0], **given)
    above_0 = batch | {"a_batch": np.maximum(batch["a_batch"], 0)}
    case("relevance_mass", "Quantus", object_of(quantus.RelevanceMassAccuracy).evaluate_batch(**above_0)[0], **given)
    rank_accuracy = object_of(quantus.RelevanceRankAccuracy).evaluate_batch(**batch)[0]
    for name in ("token_f1", "recovery") if rank_accuracy <= (values > 0).sum() / labels.sum() else ():
        options = {"k": "evidence"} if name == "token_f1" else {"share": labels.sum() / len(labels)}
        case(name, "Quantus", rank_accuracy, **given, options=options)
    top = (rankdata(-values) <= 5).astype(int)
    case("token_f1", "scikit-learn", f1_score(labels, top), **given)
    case("token_iou", "scikit-learn", jaccard_score(labels, top), **given)
    # ferret's rationales are positive scores alone.
    for name, evaluation in (("token_f1", Tokenf1_PlausibilityEvaluation), ("token_iou", TokenIOU_PlausibilityEvaluation)):
        case(name, "ferret", ferrets(evaluation, values, labels), **given, options={"positive": True})
    above = (values - values.min() + 0.1).round(3)
    area = ferrets(AUPRC_PlausibilityEvaluation, above, labels)
    case("auprc", "ferret", area, **given | {"scores": above.tolist()}, options={"area": "trapezoids"})
    if len(found) == 1:
        case("mrr", "scikit-learn", ranking_precision([labels], [values]), **given)
        case("probes_needed", "scikit-learn", coverage_error([labels], [values]) - 1, **given)


def object_of(metric, **fields):
    """A metric of Quantus without the options of its call."""
    made = object.__new__(metric)
    made.__dict__.update(fields)
    return made


def published_recovery(labels, values, share):
    """Evidence among the ⌈share · P⌉ highest, FlashTrace (arXiv 2602.01914); those that are not positive do not count."""
    top = np.argsort(-values)[: int(np.ceil(share * len(values) - 1e-9))]
    return labels[top[values[top] > 0]].sum() / labels.sum()


for size, evidence, levels in ((1, 1, 1), (5, 2, 2), (17, 5, 5), (31, 6, 100), (7, 1, None), (12, 3, None), (23, 8, None)):
    labels, values = ranked(size, evidence, levels)
    evidence_cases(labels, values, levels is not None)
    if levels is None:
        given = {"scores": values.tolist(), "evidence": np.flatnonzero(labels).tolist()}
        case("recovery", "formula", published_recovery(labels, values, 0.3), **given, options={"share": 0.3})


# --- Correlations --------------------------------------------------------------------------------------------------------


def correlated(size, levels):
    a, b = rng.integers(0, levels, size).astype(float), rng.normal(size=size).round(1)
    spearman = quantus.similarity_func.correlation_spearman(a, b)
    case("parameter_randomization", "Quantus", spearman, scores=a.tolist(), randomized=b.tolist())
    coefficients = {"kendall": kendalltau(a, b)[0], "spearman": spearmanr(a, b)[0], "pearson": pearsonr(a, b)[0]}
    return {"a": a.tolist(), "b": b.tolist(), **coefficients}


correlations = [correlated(size, levels) for size, levels in ((3, 3), (11, 4), (23, 50))]


# --- Soft erasure --------------------------------------------------------------------------------------------------------

VOCABULARY, STEPS, SAMPLES = 6, 2, 3


def distributions(*shape):
    """In 64ths."""
    return torch.from_numpy(rng.multinomial(64, rng.dirichlet(np.ones(VOCABULARY)), shape) / 64)


def reagents(evaluator, p, q, nothing):
    """ReAGent's metric of one step: p of the text, q of what is thinned out, `nothing` of no text."""
    plain = SoftSufficiencyEvaluator if "Suff" in evaluator.__name__ else SoftComprehensivenessEvaluator
    if evaluator is plain:
        return plain.get_metric(None, p[None], q[None]).item()
    soft = SimpleNamespace(evaluate=lambda *_: plain.get_metric(None, p[None], q[None]))
    empty = SimpleNamespace(evaluate=lambda *_: SufficiencyEvaluator.get_metric(None, p[None], nothing[None]))
    parts = {name: soft for name in ("soft_sufficiency_evaluator", "soft_comprehensiveness_evaluator")}
    made = object_of(evaluator, **parts, soft_sufficiency_evaluator_0=empty)
    return made.evaluate(None, None, None, input_wte=1, prob_original=p).item()


def hellinger(p, q):
    """√(½ Σ (√p − √q)²), of the last axis: Zhao and Shan 2024 (arXiv 2402.00794), section 4."""
    return np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum(-1) / 2)


text, thinned, nothing = distributions(STEPS), distributions(SAMPLES, STEPS), distributions(STEPS)
given = {"text": text.tolist(), "thinned": thinned.tolist(), "nothing": nothing.tolist()}
drawn, most = hellinger(text.numpy(), thinned.numpy()).mean(0), hellinger(text.numpy(), nothing.numpy())
in_hellinger = {
    "soft_sufficiency": 1 - drawn,
    "soft_comprehensiveness": drawn,
    "soft_normalized_sufficiency": np.maximum(0, (1 - drawn) - (1 - most)) / most,
    "soft_normalized_comprehensiveness": drawn / most,
}
classes = (
    SoftSufficiencyEvaluator,
    SoftComprehensivenessEvaluator,
    SoftNormalizedSufficiencyEvaluator,
    SoftNormalizedComprehensivenessEvaluator,
)
for (name, per_step), evaluator in zip(in_hellinger.items(), classes):
    case(name, "formula", per_step.mean(), scores=[0, 1], soft=given, options={"samples": SAMPLES})
    value = np.mean([reagents(evaluator, *step) for step in zip(text, thinned[0], nothing)])
    case(name, "ReAGent", value, scores=[0, 1], soft=given, options={"samples": 1, "distance": "reagent"})


packages = (captum, ferret, np, quantus, scipy, shap, sklearn, torch)
golden = {
    "versions": {package.__name__: package.__version__ for package in packages},
    "table": table.tolist(),
    "correlations": correlations,
    "cases": cases,
}
Path(__file__).with_name("metrics.json").write_text(json.dumps(golden) + "\n")
