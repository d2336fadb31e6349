"""The stage ``index``, and searching a workspace with it."""

import atexit
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from cvseeker.core.errors import InputError, WorkspaceError
from cvseeker.core.files import read_json, write_json
from cvseeker.core.hashes import text_hash
from cvseeker.core.mapping import Mapper, map_here
from cvseeker.core.progress import Progress, silent
from cvseeker.core.record import NAME, Record
from cvseeker.core.settings import Settings
from cvseeker.core.wordlists import read_lines
from cvseeker.core.workspace import StageResult, Workspace, exclusive
from cvseeker.resumes import Ingested
from cvseeker.retrieval.claims import cut_claims
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.models import BaseModelChoice, choose_model, model_identity
from cvseeker.retrieval.query_encoder import QueryEncoder
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.store import VectorStore, encoder_identity
from cvseeker.search.index import (
    ENOUGH,
    Candidate,
    CandidateIndex,
    index_candidates,
    open_engine,
    resume_index,
)
from cvseeker.search.strength import LOOKED_AT, Array, Strength, background, measure

_STRENGTH = "bands.json"
# What is learnt from: so many claims, at least so many, chosen by this seed.
_CLAIMS, _FEWEST_CLAIMS, _SEED = 100, 10, 13
# The share of the candidates who may be others before it is learnt again.
_CHANGED = 0.1


@dataclass(frozen=True, slots=True)
class Opened:
    """What a search for candidates needs, read from a workspace."""

    index: CandidateIndex
    encoder: QueryEncoder | LocalEncoder
    # The folder of the record.
    record: Path
    strength: Strength | None


def open_workspace(
    path: Path, *, engine: str, untuned: bool = False, progress: Progress = silent
) -> Opened:
    """Open the index, the encoder and the candidates of a workspace.

    With ``untuned`` the base takes a tuned model's place, whose index is made for this one time.
    """
    workspace = Workspace(path)
    index = _load_index(workspace)
    choice = _model_of(workspace, index)
    encoder: QueryEncoder | LocalEncoder
    strength = None
    if untuned and not index.model:
        index, encoder = _untuned(workspace, _recorded(workspace)[0], progress)
    else:
        _use_engine(workspace, index, engine)
        encoder = QueryEncoder.from_choice(choice) or LocalEncoder.from_choice(choice)
        learnt = workspace.stage_folder("index") / _STRENGTH
        strength = Strength.from_dict(read_json(learnt)) if learnt.is_file() else None
    has_record = (workspace.path / NAME).is_file()
    record = path if has_record else _record_for_once(workspace)
    return Opened(index, encoder, record, strength)


def _record_for_once(workspace: Workspace) -> Path:
    """Return a folder with a record of a workspace from before there was one."""
    folder = Path(mkdtemp(prefix="cvseeker-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    resumes = Ingested(workspace.require("ingest")).resumes()
    numbered = sorted(((_number(one.resume_id, {}), one) for one in resumes), key=itemgetter(0))
    with Record.make(folder) as record, record.transaction():
        record.write("INSERT INTO sqlite_sequence VALUES ('candidates', 0)")
        for number, resume in numbered:
            # The next number that is given out.
            record.write(
                "UPDATE sqlite_sequence SET seq = ? WHERE name = 'candidates'", (number - 1,)
            )
            record.put(resume, ())
    return folder


def _untuned(
    workspace: Workspace, numbers: Mapping[str, int], progress: Progress
) -> tuple[CandidateIndex, LocalEncoder]:
    """Index everybody in memory by the model that was tuned, as it was before."""
    workspace.require("model")
    base = choose_model((workspace.manifest("model") or {})["counts"]["base"], download=False)
    encoder = LocalEncoder.from_choice(base)
    index = CandidateIndex(model=encoder.name)
    everybody = _candidates(workspace, numbers)
    index_candidates(index, everybody, encoder, VectorStore(workspace.cache), progress)
    return index, encoder


def _use_engine(workspace: Workspace, index: CandidateIndex, name: str) -> None:
    """Let an index use the engine of a name; ``auto`` is what was found good when it was made."""
    engine = open_engine(
        name, cache=workspace.cache, workspace=workspace.path, identity=index.identity
    )
    recall = index.use(engine) if engine else 1.0
    if recall < ENOUGH:
        raise InputError(
            f"{name}: finds {recall:.1%} of the nearest candidates; expected {ENOUGH:.0%}: search "
            "with the engine 'auto'"
        )


def _load_index(workspace: Workspace) -> CandidateIndex:
    """Load the index, unless it shows who has gone, or its model has become another.

    One by the base is older than a tuned model, and as good as it was.
    """
    index, newer = workspace.read("index", CandidateIndex.open), workspace.newer_than("index")
    if newer == "ingest" or (newer == "model" and not index.model):
        raise WorkspaceError(
            f"{workspace.stage_folder('index')}: older than the present {newer}; run: "
            f"{workspace.command('index')}"
        )
    return index


def _model_of(workspace: Workspace, index: CandidateIndex) -> BaseModelChoice:
    """Return the model that made an index: the workspace's, or one that is here and as it was.

    Nothing that an index says makes a search download a model, or take another one.
    """
    if not index.model:
        return choose_model(str(workspace.require("model")), download=False)
    choice = choose_model(index.model, download=False)
    made_by = (workspace.manifest("index") or {})["inputs"].get("base")
    if model_identity(choice) != made_by:
        raise WorkspaceError(
            f"{choice.name}: not the model that made {workspace.stage_folder('index')}; run: "
            f"{workspace.command('index')}"
        )
    return choice


def _candidates(workspace: Workspace, numbers: Mapping[str, int]) -> Iterator[Candidate]:
    """Yield everybody who was ingested, by the record's numbers."""
    passages = Ingested(workspace.require("ingest")).passages()
    for resume_id, group in groupby(passages, key=attrgetter("resume_id")):
        yield Candidate(_number(resume_id, numbers), tuple(group))


def _number(resume_id: str, numbers: Mapping[str, int]) -> int:
    # Of a workspace from before there was a record.
    return numbers.get(resume_id, int(text_hash(resume_id), 16) >> 1)


def _recorded(workspace: Workspace) -> tuple[dict[str, int], int]:
    """Return résumé id → number, and the number of the last change."""
    if not (workspace.path / "record.sqlite").is_file():
        return {}, 0
    with Record.open(workspace.path) as record:
        return record.numbers(), record.sequence


def _claims(workspace: Workspace) -> list[str]:
    """Return what some of the résumés say of themselves: a title, skills or a sentence each."""
    resumes = list(Ingested(workspace.require("ingest")).resumes())
    chance = random.Random(_SEED)
    chance.shuffle(resumes)
    found: list[str] = []
    for resume in resumes:
        kinds: dict[str, list[str]] = {}
        for claim in cut_claims(resume.text)[0]:
            kinds.setdefault(claim.kind, []).append(claim.text)
        skills = kinds.pop("skill", [])
        queries = [chance.choice(texts) for texts in kinds.values()]
        if skills:
            queries.append(", ".join(chance.sample(skills, min(3, len(skills)))))
        found += chance.sample(queries, min(1, len(queries)))
        if len(found) == _CLAIMS:
            break
    return found


def _learn_strength(
    workspace: Workspace, index: CandidateIndex, encoder: LocalEncoder, path: Path, changed: int
) -> None:
    """Learn what scores are worth, unless nearly everybody is who they were when it was learnt.

    Nothing is learnt where the résumés claim too little.
    """
    kept = read_json(path) if path.is_file() else {}
    changed += kept.get("changed", 0)
    if kept and changed <= _CHANGED * index.counts["candidates"]:
        write_json(path, {**kept, "changed": changed})
        return
    path.unlink(missing_ok=True)
    claims = _claims(workspace)
    if len(claims) >= _FEWEST_CLAIMS:
        there = _measured(index, encoder, claims)
        elsewhere = _measured(index, encoder, read_lines("cvseeker.search", "elsewhere"))
        write_json(path, {**Strength.learn(there, elsewhere).to_dict(), "changed": 0})


def _measured(index: CandidateIndex, encoder: LocalEncoder, texts: Sequence[str]) -> Array:
    """Measure what an index answers to queries, (n, k)."""
    encoded = EncodedQueries.from_texts(texts, encoder)
    rows = []
    for row in range(len(texts)):
        query = encoded[row : row + 1]
        found = index.search(query, weights=encoder.hybrid, limit=LOOKED_AT)
        rows.append(measure(index, query, found, background(found)))
    return np.array(rows)


def _previous(workspace: Workspace) -> Path | None:
    """Return the folder of an index that is whole, whatever it is of."""
    try:
        return workspace.require("index")
    except WorkspaceError:
        return None


@exclusive
def index_stage(
    workspace: Workspace,
    settings: Settings,
    progress: Progress = silent,
    *,
    load: Callable[[str | None], LocalEncoder] = LocalEncoder.from_name,
    mapper: Mapper = map_here,
) -> StageResult:
    """Passages → the search index, by the tuned model or, where there is none, by the base.

    Whoever indexes again and again hands over what returns the model that is loaded, and,
    where passages are encoded elsewhere, a mapper.
    """

    def work(folder: Path) -> dict[str, Any]:
        encoder = load(str(model) if tuned else settings.finetune.base)
        # The tuned model is named by its place in the workspace, which may be moved.
        name = "" if tuned else encoder.name
        index = resume_index(folder, _previous(workspace), name, encoder_identity(encoder))
        store = VectorStore(workspace.cache)
        numbers, sequence = _recorded(workspace)
        changes = index_candidates(
            index,
            _candidates(workspace, numbers),
            encoder,
            store,
            progress,
            sequence=sequence,
            mapper=mapper,
        )
        changed = changes["encoded"] + changes["removed"]
        _learn_strength(workspace, index, encoder, folder / _STRENGTH, changed)
        found = {"engine": index.engine, "recall@10": index.recall}
        return {**index.counts, **changes, **found, "model": "tuned" if tuned else encoder.name}

    model = workspace.stage_folder("model")
    tuned = workspace.manifest("model") is not None
    inputs = dict(workspace.output_hashes("ingest"))
    if tuned:
        inputs |= workspace.output_hashes("model")
    else:
        inputs["base"] = model_identity(choose_model(settings.finetune.base))
    return workspace.run_stage("index", {}, inputs, work, resumable=True)
