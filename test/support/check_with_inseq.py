"""Opens result files with Python Inseq and compares them with the files that Inseq itself wrote.

Reads {"files": [{path, gzip, original, sequence, relative}], "aggregated": path} from standard input and prints
{"checked": n, "problems": [...]}. `relative` is the rounding error that the file's precision allows; below the smallest
number of float8 an absolute error of 2^-10 is allowed as well.
"""

import json
import os
import sys
import tempfile

import torch
from inseq import FeatureAttributionOutput


def load(path, gzip=False):
    return FeatureAttributionOutput.load(path, decompress=gzip)


def load_original(path):
    """Inseq cannot load files with step attributions; the rest of them is compared."""
    with open(path) as file:
        content = json.load(file)
    if content["attributes"]["step_attributions"] is None:
        return load(path)
    content["attributes"]["step_attributions"] = None
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy.json")
        with open(copy, "w") as file:
            json.dump(content, file)
        return load(copy)


def tokens(sequence):
    return [[(t.token, t.id) for t in side] for side in (sequence.source, sequence.target)]


def arrays(sequence):
    yield "source", sequence.source_attributions
    yield "target", sequence.target_attributions
    yield from (sequence.step_scores or {}).items()
    yield from (sequence.sequence_scores or {}).items()


def compare(ours, theirs, relative):
    if type(ours) is not type(theirs):
        yield f"class {type(ours)} instead of {type(theirs)}"
    if tokens(ours) != tokens(theirs):
        yield "tokens differ"
    if (ours.attr_pos_start, ours.attr_pos_end) != (theirs.attr_pos_start, theirs.attr_pos_end):
        yield "positions differ"
    mine, their = dict(arrays(ours)), dict(arrays(theirs))
    if mine.keys() != their.keys():
        yield f"scores {sorted(mine)} instead of {sorted(their)}"
        return
    for name, wanted in their.items():
        received = mine[name]
        if wanted is None or received is None:
            if wanted is not received:
                yield f"{name}: one of them is missing"
            continue
        absolute = 0 if relative == 0 else 2**-10 if relative > 2**-10 else 2**-25
        # float8 has no number above 448.
        in_range = wanted.abs() <= 448
        same = torch.isclose(received, wanted.float(), rtol=relative, atol=absolute, equal_nan=True)
        if received.shape != wanted.shape or not (same | ~in_range & ~wanted.isnan()).all():
            yield f"{name}: numbers differ"


def main():
    request = json.load(sys.stdin)
    problems = []
    for file in request["files"]:
        ours, theirs = load(file["path"], file["gzip"]), load_original(file["original"])
        wanted = theirs.sequence_attributions
        if file["sequence"] is not None:
            wanted = wanted[file["sequence"] : file["sequence"] + 1]
        if len(ours.sequence_attributions) != len(wanted):
            problems.append(f"{file['path']}: number of sequences")
        for mine, their in zip(ours.sequence_attributions, wanted):
            problems += [f"{file['path']}: {what}" for what in compare(mine, their, file["relative"])]
    shown = load(request["aggregated"])
    again = shown.aggregate()
    if not torch.equal(
        again[0].target_attributions.nan_to_num(), shown[0].target_attributions.nan_to_num()
    ):
        problems.append("an aggregated result is not shown as it is")
    print(json.dumps({"checked": len(request["files"]) + 1, "problems": problems}))


if __name__ == "__main__":
    main()
