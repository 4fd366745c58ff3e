"""metrics.json: image scores and pixel maps with what scikit-learn (and, for AUPRO, the procedure below) makes of them.

Scores and map values are multiples of 1/64 or short decimals, so that ties are exact and text loses nothing.
"""

from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from sklearn.metrics import average_precision_score, brier_score_loss, precision_recall_curve, roc_auc_score, roc_curve

from fixtures_common import numpy_generator, write_row_lists

FORMULAS = [
    {"auroc": "sklearn roc_auc_score; null without both kinds"},
    {"ap": "sklearn average_precision_score: sum over distinct thresholds of (R_n - R_(n-1)) P_n; null without positives"},
    {"f1_max": "largest 2PR/(P+R) over distinct thresholds, score >= threshold is positive; f1_threshold is the highest such"},
    {"ece_B": "bins (b/B, (b+1)/B], the first also holds 0; sum over bins of n_b/n |mean score_b - share of positives_b|"},
    {"brier": "mean (score - label)^2"},
    {"pixel_auroc, pixel_ap": "as above over all pixels of all images of the case"},
    {"aupro": "regions: 8-connected components of each mask. For each distinct score, falling, as threshold (>=): PRO = mean"
              " over all regions of all images of the share of the region's pixels above it, FPR = share of all normal pixels"
              " above it. Curve from (0, 0), trapezoids; the one that crosses the limit is cut there, its height taken by"
              " linear interpolation; the area is divided by the limit"},
    {"resized": "a map smaller than its mask is first enlarged bilinearly, pixel centres at .5, edges repeated"},
]


# ---- image scores -----------------------------------------------------------------------------------------------------


def expected_calibration_error(scores: np.ndarray, labels: np.ndarray, bins: int) -> float:
    edges = np.arange(1, bins + 1) / bins
    index = np.searchsorted(edges, scores, side="left")
    total = 0.0
    for b in range(bins):
        inside = index == b
        if inside.any():
            total += inside.sum() / len(scores) * abs(scores[inside].mean() - labels[inside].mean())
    return float(total)


def f1_max(scores: np.ndarray, labels: np.ndarray) -> tuple:
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    f1 = 2 * precision[:-1] * recall[:-1] / np.maximum(precision[:-1] + recall[:-1], 1e-300)
    best = np.flatnonzero(f1 >= f1.max() - 1e-15)[-1]
    return float(f1[best]), float(thresholds[best])


def score_row(name: str, scores, labels) -> dict:
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=int)
    row = {"name": name, "scores": scores.tolist(), "labels": labels.tolist()}
    both, probabilities = 0 < labels.sum() < len(labels), bool(((scores >= 0) & (scores <= 1)).all())
    row["auroc"] = float(roc_auc_score(labels, scores)) if both else None
    row["ap"] = float(average_precision_score(labels, scores)) if labels.any() else None
    row["f1_max"], row["f1_threshold"] = f1_max(scores, labels) if labels.any() else (None, None)
    if both:
        fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
        row["roc"] = {"fpr": fpr.tolist(), "tpr": tpr.tolist()} if len(scores) <= 12 else None
    for bins in (10, 15):
        row[f"ece_{bins}"] = expected_calibration_error(scores, labels, bins) if probabilities else None
    row["brier"] = float(brier_score_loss(labels, scores)) if probabilities and both else None
    return row


def score_rows() -> list:
    random = numpy_generator("metric scores")
    labels = (random.random(200) < 0.35).astype(int)
    informed = np.clip(labels * 0.25 + random.random(200) * 0.75, 0, 1)
    return [
        score_row("perfect", [0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]),
        score_row("reversed", [0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1]),
        score_row("all tied", [0.5] * 6, [0, 1, 0, 1, 1, 0]),
        score_row("tie across kinds", [0.25, 0.5, 0.5, 0.5, 0.75, 1.0], [0, 0, 1, 1, 0, 1]),
        score_row("bin edges", [0.0, 0.0, 0.5, 0.5, 0.515625, 0.484375, 1.0, 1.0, 0.984375], [0, 1, 1, 0, 1, 0, 1, 1, 0]),
        score_row("one positive", [0.3, 0.9, 0.4, 0.2, 0.7], [0, 0, 1, 0, 0]),
        score_row("one negative", [0.3, 0.9, 0.4, 0.2, 0.7], [1, 1, 0, 1, 1]),
        score_row("positives only", [0.3, 0.6, 0.9], [1, 1, 1]),
        score_row("negatives only", [0.3, 0.6, 0.9], [0, 0, 0]),
        score_row("not probabilities", [-3.5, 12.0, 0.0, 7.25, -1.0, 7.25], [0, 1, 0, 1, 1, 0]),
        score_row("yes-no answers", [1, 0, 1, 1, 0, 0, 1, 0], [1, 0, 0, 1, 1, 0, 1, 0]),
        score_row("200 in steps of 1/32", np.round(informed * 32) / 32, labels),
        score_row("200 in steps of 1/1024", np.round(informed * 1024) / 1024, labels),
        score_row("40, overconfident", np.round(np.where(random.random(40) < 0.5, 0.96875, 0.03125), 5), (random.random(40) < 0.5).astype(int)),
    ]


# ---- pixel maps -------------------------------------------------------------------------------------------------------


def aupro(maps: list, masks: list, limit: float) -> float:
    """The per-region overlap curve of Bergmann et al. (MVTec AD), exact: one point for each distinct score."""
    eight = np.ones((3, 3), dtype=int)
    regions, normals = [], []
    for values, mask in zip(maps, masks):
        labelled, count = ndimage.label(mask, structure=eight)
        regions += [np.sort(values[labelled == k]) for k in range(1, count + 1)]
        normals.append(values[mask == 0])
    normal = np.sort(np.concatenate(normals))
    thresholds = np.unique(np.concatenate([v.ravel() for v in maps]))[::-1]
    at_least = lambda values: (len(values) - np.searchsorted(values, thresholds, side="left")) / len(values)
    fpr = np.concatenate([[0.0], at_least(normal)])
    pro = np.concatenate([[0.0], np.mean([at_least(region) for region in regions], axis=0)])
    if fpr[-1] < limit:
        raise ValueError("the curve ends before the limit")
    inside = fpr <= limit
    cut = np.count_nonzero(inside)
    x, y = fpr[inside], pro[inside]
    if x[-1] < limit:
        share = (limit - x[-1]) / (fpr[cut] - x[-1])
        x, y = np.append(x, limit), np.append(y, y[-1] + share * (pro[cut] - y[-1]))
    return float(np.trapezoid(y, x) / limit)


def enlarge(values: np.ndarray, height: int, width: int) -> np.ndarray:
    tensor = torch.from_numpy(values)[None, None]
    return torch.nn.functional.interpolate(tensor, size=(height, width), mode="bilinear", align_corners=False)[0, 0].numpy()


def pixel_row(name: str, images: list) -> dict:
    """images: (map, mask); maps are f64 holding values exact in f32."""
    full = [enlarge(values, *mask.shape) if values.shape != mask.shape else values for values, mask in images]
    masks = [mask for _, mask in images]
    scores, labels = np.concatenate([v.ravel() for v in full]), np.concatenate([m.ravel() for m in masks])
    return {
        "name": name,
        "images": [{"map_height": v.shape[0], "map_width": v.shape[1], "height": m.shape[0], "width": m.shape[1],
                    "map": v.ravel().tolist(), "mask": "".join(map(str, m.ravel()))} for v, m in images],
        "regions": int(sum(ndimage.label(m, structure=np.ones((3, 3)))[1] for m in masks)),
        "pixel_auroc": float(roc_auc_score(labels, scores)), "pixel_ap": float(average_precision_score(labels, scores)),
        "aupro": {str(limit): aupro(full, masks, limit) for limit in (0.05, 0.3, 1.0)},
    }


def random_map(mask: np.ndarray, generator, strength: float, steps: int) -> np.ndarray:
    values = ndimage.gaussian_filter(mask * strength, 1.0) + generator.random(mask.shape) * 0.6
    return np.clip(np.round(values * steps) / steps, 0, 2)


def pixel_rows() -> list:
    random = numpy_generator("metric maps")
    two = np.zeros((16, 20), dtype=int)
    two[2:5, 3:8] = 1
    two[10:15, 12:14] = 1
    diagonal = np.zeros((10, 10), dtype=int)  # two squares that touch at a corner: one region under 8-connectivity
    diagonal[2:4, 2:4] = diagonal[4:6, 4:6] = 1
    diagonal[8, 1] = 1
    clean = np.zeros((12, 12), dtype=int)
    coarse = np.round(random.random((4, 5)) * 64) / 64
    return [
        pixel_row("two regions", [(random_map(two, random, 1.0, 64), two)]),
        pixel_row("corner contact and ties", [(random_map(diagonal, random, 0.8, 8), diagonal)]),
        pixel_row("three images, one of them normal", [
            (random_map(two, random, 0.6, 64), two), (random_map(clean, random, 1.0, 64), clean),
            (random_map(diagonal, random, 0.7, 64), diagonal)]),
        pixel_row("perfect", [(two.astype(np.float64), two)]),
        pixel_row("constant", [(np.full(two.shape, 0.5), two)]),
        pixel_row("inverted", [(1.0 - two, two)]),
        pixel_row("map smaller than mask", [(coarse, two)]),
    ]


def quantile_rows() -> list:
    values = [0.5, 1.0, 1.0, 2.25, 4.0, 8.0, 8.5]
    return [{"values": values, "q": q, "quantile": float(np.quantile(values, q))} for q in (0, 0.025, 0.1, 0.5, 0.9, 0.975, 1)]


def write_metrics(path: Path) -> None:
    write_row_lists(path, {"formulas": FORMULAS, "scores": score_rows(), "pixels": pixel_rows(), "quantiles": quantile_rows()})
