"""Progress as one bar in the notebook."""

from collections.abc import Iterator
from contextlib import contextmanager

from cvseeker.core.progress import Progress, silent


@contextmanager
def bar(title: str, *, shown: bool) -> Iterator[Progress]:
    """Show the task at hand as one bar."""
    if not shown:
        yield silent
        return
    from tqdm import tqdm  # type: ignore[import-untyped]

    with tqdm(desc=title) as drawn:
        name = ""

        def progress(task: str, done: int, total: int, note: str = "") -> None:
            nonlocal name
            if task != name:
                name = task
                drawn.reset()
                drawn.total = total or None
                drawn.set_description(task, refresh=False)
            drawn.set_postfix_str(note, refresh=False)
            drawn.update(max(done - drawn.n, 0))
            if total and done >= total:
                drawn.refresh()  # the end is drawn, however soon it comes

        yield progress
