"""Which systems an evaluation compares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from cvseeker.core.hashes import path_hashes
from cvseeker.retrieval.models import choose_model, model_identity


@dataclass(frozen=True, slots=True)
class Systems:
    """What is compared, BM25 aside.

    ``models`` are name to show → folder or name, ``None`` the default base; ``remote`` embedding
    models behind the settings' endpoint; ``runs`` and ``vectors`` name to show → a TREC run file,
    or a folder with ``corpus.npy`` and ``queries.npy``.
    """

    models: Mapping[str, str | None] = field(default_factory=dict)
    remote: Sequence[str] = ()
    runs: Mapping[str, Path] = field(default_factory=dict)
    vectors: Mapping[str, Path] = field(default_factory=dict)

    def any(self) -> bool:
        """Whether there is one."""
        return bool(self.models or self.remote or self.runs or self.vectors)

    def hashes(self) -> dict[str, str]:
        """Return what changes when a local model, a run or vectors do."""
        hashes = {name: model_identity(choose_model(model)) for name, model in self.models.items()}
        for option, kind in (("run", self.runs), ("vectors", self.vectors)):
            for name, path in kind.items():
                hashes |= {
                    f"{name}/{key}": value for key, value in path_hashes(option, path).items()
                }
        return hashes

    def places(self) -> dict[str, Path]:
        """Return where what is compared may lie; a hub's name is no place."""
        models = {f"--model {name}": Path(model) for name, model in self.models.items() if model}
        runs = {f"--run {name}": path for name, path in self.runs.items()}
        return models | runs | {f"--vectors {name}": path for name, path in self.vectors.items()}

    def folders(self) -> dict[str, Path | None]:
        """Return the folders that models are loaded from, ``None`` where a hub has one."""
        places = {name: Path(choose_model(model).location) for name, model in self.models.items()}
        return {name: place if place.is_dir() else None for name, place in places.items()}

    def flags(self) -> str:
        """Return the options that name them; a folder elsewhere is told by its last name."""
        options = [
            ("--model", name if model in {None, name} else f"{name}={Path(str(model)).name}")
            for name, model in self.models.items()
        ]
        options += [("--openai", name) for name in self.remote]
        for option, kind in (("--run", self.runs), ("--vectors", self.vectors)):
            options += [(option, f"{name}={path.name}") for name, path in kind.items()]
        return "".join(f" {option} {quote(value)}" for option, value in options)
