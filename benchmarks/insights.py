"""Cross-validate the insights on annotated résumés, and train the tagger that ships.

Usage: python benchmarks/insights.py FOLDER [--folds N] [--read N] [--keep TAGGERS] [--write]

FOLDER holds XML files as of https://github.com/dotin-inc/resume-dataset-NER-annotations (CC0).
Folds are by document; what is shown of a fold is chosen on the other folds' readings. A value is
right that is equal to an annotated one, holds one, lies within one or shares half of its words.
``--write`` trains on all of FOLDER and writes model and thresholds into the package.
A tagger takes a minute to train; with ``--keep`` those that are there are not trained again, and
with ``--read`` only the first folds are.
"""

import argparse
import html
import json
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pycrfsuite

from cvseeker.core.insights import Insight
from cvseeker.resumes.insights import read_insights
from cvseeker.resumes.insights.features import token_features
from cvseeker.resumes.insights.pieces import Piece
from cvseeker.resumes.insights.read import Reading, choose, cut_up, find_by_rules, keeps_lines, seen
from cvseeker.resumes.insights.tagger import KINDS, Trust, find_tagged, open_tagger
from cvseeker.resumes.insights.tokens import Token

PACKAGE = Path(__file__).parents[1] / "src" / "cvseeker" / "resumes" / "insights"
KIND_OF = {
    "Name": "name",
    "Designation": "title",
    "Location": "place",
    "Companies worked at": "employer",
    "College Name": "institution",
    "Degree": "degree",
    "Tech Tools": "skill",
    "Job Specific Skills": "skill",
    "Soft Skills": "skill",
}
STEPS = tuple(step / 20 for step in range(6, 19))
# Above the four in five that are wanted: of other folds it is less.
PRECISION, NEARLY_BEST, FEWEST = 0.85, 0.02, 10
# The least F1 for which precision is not given up.
WANTED = {
    "name": 0.8,
    "title": 0.72,
    "employer": 0.62,
    "institution": 0.7,
    "degree": 0.7,
    "place": 0.76,
    "skill": 0.55,
}
_ESCAPES = re.compile(r"(?:\\x[0-9a-f]{2})+")
_LABEL = re.compile(r'(<label type="[^"]+">|</label>)')


class Annotated(NamedTuple):
    """A résumé and where it says what: kind, start, end."""

    text: str
    spans: tuple[tuple[str, int, int], ...]


class Prepared(NamedTuple):
    """An annotated résumé as the tagger sees it, and what it should say."""

    document: Annotated
    reading: Reading
    features: list[list[str]]
    labels: list[str]


class Read(NamedTuple):
    """What rules and tagger found in a résumé, and what is annotated: kind → values."""

    reading: Reading
    ruled: list[Piece]
    tagged: list[Piece]
    gold: Mapping[str, set[str]]


def main() -> None:
    """Print the table; train and write what ships."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--read", type=int)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    paths = sorted(options.folder.glob("*.xml"))
    documents = [prepare(read_annotated(path.read_text("utf-8"))) for path in paths]
    random.Random(0).shuffle(documents)
    folds = [documents[number :: options.folds] for number in range(options.folds)]
    with tempfile.TemporaryDirectory() as temporary:
        taggers = options.keep or Path(temporary)
        if options.write:
            whole = trained(documents, taggers / "all.crfsuite", options.iterations)
            shutil.copy(whole, PACKAGE / "insights.crfsuite")
        found = [
            read_fold(folds, number, taggers, options.iterations)
            for number in range(options.read or options.folds)
        ]
    print_table(found)
    trust = trust_for([read for fold in found for read in fold])
    print(trust)
    spent = milliseconds([one.document.text for one in documents[:50]])
    print(f"{spent:.0f} ms a résumé (processor time)")
    if options.write:
        (PACKAGE / "trust.json").write_text(json.dumps(trust._asdict()) + "\n", "utf-8")


def read_annotated(xml: str) -> Annotated:
    """Take the labels off a résumé, and the bytes that stand in some of them as escapes."""
    body = xml.split("<cv>", 1)[1].rsplit("</cv>", 1)[0].strip()
    text, spans, kind = "", [], ""
    start = 0
    for piece in _LABEL.split(body):
        if piece.startswith("<label"):
            kind, start = KIND_OF.get(piece.split('"')[1], ""), len(text)
        elif piece == "</label>":
            said = text[start:]
            if kind and said.strip():
                first = start + len(said) - len(said.lstrip())
                spans.append((kind, first, start + len(said.rstrip())))
        else:
            text += html.unescape(html.unescape(_ESCAPES.sub(_unescape, piece)))
    return Annotated(text, tuple(spans))


def _unescape(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("\\x", "")).decode("utf-8", "ignore")


def prepare(document: Annotated) -> Prepared:
    """Look at a résumé once, for all folds."""
    reading = cut_up(document.text)
    features = token_features(reading.tokens, reading.segments)
    return Prepared(document, reading, features, labels_of(reading.tokens, document.spans))


def trained(documents: Iterable[Prepared], path: Path, iterations: int) -> Path:
    """Train a tagger, where there is none, and return its file."""
    if not path.exists():
        trainer = pycrfsuite.Trainer(verbose=False)
        for document in documents:
            trainer.append(document.features, document.labels)
        # An L1 penalty and rare features left out keep the model near two megabytes.
        settings = {"c1": 0.6, "c2": 0.02, "max_iterations": iterations, "feature.minfreq": 4}
        trainer.set_params(settings)
        half = path.with_suffix(".part")
        trainer.train(str(half))
        half.rename(path)
    return path


def labels_of(tokens: Sequence[Token], spans: Iterable[tuple[str, int, int]]) -> list[str]:
    """Return each token's label: where a stretch of a kind begins, goes on, or none is."""
    labels = ["O"] * len(tokens)
    for kind, start, end in spans:
        inside = [at for at, token in enumerate(tokens) if token.start < end and token.end > start]
        for number, at in enumerate(inside):
            labels[at] = f"{'I' if number else 'B'}-{kind}"
    return labels


def read_fold(
    folds: Sequence[Sequence[Prepared]], number: int, taggers: Path, iterations: int
) -> list[Read]:
    """Read a fold with a tagger that the others trained."""
    others = [one for at, fold in enumerate(folds) if at != number for one in fold]
    tagger = open_tagger(trained(others, taggers / f"without_{number}.crfsuite", iterations))
    found = []
    for document, reading, features, _ in folds[number]:
        gold: dict[str, set[str]] = {kind: set() for kind in KINDS}
        for kind, start, end in document.spans:
            gold[kind].add(plain(document.text[start:end]))
        tagged = list(find_tagged(reading.tokens, features, tagger))
        found.append(Read(reading, list(find_by_rules(reading)), tagged, gold))
    print(f"fold {number + 1} of {len(folds)} read", file=sys.stderr)
    return found


def trust_for(found: Sequence[Read]) -> Trust:
    """Choose what is shown.

    Of the thresholds that keep what is wanted of F1 the lowest that shows four right values in
    five, or nearly as many as any does; where none keeps it, the most precise of those whose F1 is
    nearly the best.
    """
    shares = {kind: share_right_alone(found, kind) for kind in KINDS if kind != "name"}
    alone = {kind: share for kind, share in shares.items() if share is not None}
    scores = {step: score(found, Trust(dict.fromkeys(KINDS, step), alone)) for step in STEPS}
    least = {}
    for kind, wanted in WANTED.items():
        kept = [step for step in STEPS if scores[step][kind][2] >= wanted]
        if kept:
            most = max(scores[step][kind][0] for step in kept) - NEARLY_BEST
            asked = min(PRECISION, most)
            least[kind] = next(step for step in kept if scores[step][kind][0] >= asked)
        else:
            best = max(scores[step][kind][2] for step in STEPS) - NEARLY_BEST
            least[kind] = max(step for step in STEPS if scores[step][kind][2] >= best)
    return Trust(least, alone)


def share_right_alone(found: Sequence[Read], kind: str) -> float | None:
    """Return how many of the values are right that rules alone found where lines are lost.

    ``None`` where there are too few to tell.
    """
    right = total = 0
    for reading, ruled, tagged, gold in found:
        if keeps_lines(reading.text):
            continue
        is_seen = seen(reading.text, tagged)
        own = (one for one in ruled if one.kind == kind and not is_seen(one))
        for value in {plain(reading.text[one.start : one.end]) for one in own}:
            right += any(alike(value, other) for other in gold[kind])
            total += 1
    return round(right / total, 2) if total >= FEWEST else None


def score(found: Sequence[Read], trust: Trust) -> dict[str, tuple[float, float, float]]:
    """Return kind → precision, recall and F1 of distinct values."""
    shown = [choose(read.reading, read.ruled, read.tagged, trust) for read in found]
    return {
        kind: _measures(
            [(_values(s, kind), read.gold[kind]) for s, read in zip(shown, found, strict=True)]
        )
        for kind in KINDS
    }


def _values(insights: Iterable[Insight], kind: str) -> set[str]:
    return {plain(found.text) for found in insights if found.kind == kind}


def _measures(pairs: Sequence[tuple[set[str], set[str]]]) -> tuple[float, float, float]:
    right = sum(
        any(alike(value, other) for other in gold) for shown, gold in pairs for value in shown
    )
    met = sum(
        any(alike(value, other) for other in shown) for shown, gold in pairs for value in gold
    )
    precision = right / max(1, sum(len(shown) for shown, _ in pairs))
    recall = met / max(1, sum(len(gold) for _, gold in pairs))
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def plain(text: str) -> str:
    """Return a value's words, small."""
    return " ".join(word.strip(".") for word in re.findall(r"[\w+#.]+", text.lower()))


def alike(one: str, other: str) -> bool:
    """Tell whether two values match leniently."""
    if f" {one} " in f" {other} " or f" {other} " in f" {one} ":
        return True
    words, others = set(one.split()), set(other.split())
    return 2 * len(words & others) >= len(words | others)


def print_table(found: Sequence[Sequence[Read]]) -> None:
    """Print precision, recall and F1 of each kind, the mean of the folds."""
    rows = []
    for number, fold in enumerate(found):
        others = [read for at, other in enumerate(found) if at != number for read in other]
        rows.append(score(fold, trust_for(others)))
    print("kind         precision  recall     F1   (rules alone)")
    nothing = Trust(dict.fromkeys(KINDS, 2.0), {})
    rules = score([read for fold in found for read in fold], nothing)
    for kind in KINDS:
        means = [sum(row[kind][at] for row in rows) / len(rows) for at in range(3)]
        told = "   ".join(f"{mean:.3f}" for mean in means)
        print(f"{kind:<12}      {told}   ({rules[kind][2]:.3f})")


def milliseconds(texts: Sequence[str]) -> float:
    """Return the processor's milliseconds a résumé, the model being loaded."""
    read_insights(texts[0])
    started = time.process_time()
    for text in texts:
        read_insights(text)
    return 1000 * (time.process_time() - started) / len(texts)


if __name__ == "__main__":
    main()
