"""What the fake server can be told: one dataclass, and the command line made from it."""

import argparse
from dataclasses import dataclass, fields
from typing import Any

FAULTS = (
    "rate_limit",  # 429 with Retry-After
    "rate_limit_silent",  # 429 without
    "server_error",  # 500
    "reset",  # the connection breaks off
    "stall",  # nothing for a long time, then the connection closes
    "empty",
    "invalid_json",
    "truncated_json",
    "fences",
    "wrong_language",
    "prose",
    "duplicate_id",
    "refusal",
)


@dataclass(frozen=True, slots=True)
class Options:
    """The server's options; each is a flag of the same name with dashes.

    Attributes
    ----------
    host, port
        Where it listens; port 0 takes a free one.
    latency, jitter
        Seconds from a request's arrival to its reply; up to ``jitter`` more, by the content's hash.
    seed
        Chooses the faults.
    fault_rate, faults
        Share of attempts that get a fault, and which sorts may come (comma list).
    stall
        Seconds that a stalled request hangs before its connection closes.
    fault_retry_after
        Seconds in the Retry-After header of the fault ``rate_limit``.
    rate, burst, retry_after
        Requests allowed a second (0: any number), how many seconds' worth may come at once, and
        whether a 429 says when to come again.
    api_key
        The one key that is let in; empty lets in everybody.
    models
        Known models (comma list); empty knows any.
    json_schema, json_object
        Whether these sorts of ``response_format`` are taken.
    reject_params
        Parameters that are refused (comma list).
    quota
        Successful chat requests until the quota is used up; -1 has no end.
    count_abandoned
        Whether replies to clients that went away count as delivered.
    batch_seconds
        Seconds from a batch's creation to its completion.
    until_stdin_closes
        Whether to exit with whoever holds the other end of standard input.
    """

    host: str = "127.0.0.1"
    port: int = 0
    latency: float = 0.0
    jitter: float = 0.0
    seed: int = 0
    fault_rate: float = 0.0
    faults: str = ",".join(FAULTS)
    stall: float = 3.0
    fault_retry_after: float = 0.2
    rate: float = 0.0
    burst: float = 0.5
    retry_after: bool = True
    api_key: str = ""
    models: str = ""
    json_schema: bool = True
    json_object: bool = True
    reject_params: str = ""
    quota: int = -1
    count_abandoned: bool = False
    batch_seconds: float = 0.5
    until_stdin_closes: bool = False


def split_list(text: str) -> list[str]:
    """Return the parts of a comma list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def parse_arguments(arguments: list[str] | None = None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="server.py", description="A fake LLM server.")
    for field in fields(Options):
        flag = "--" + field.name.replace("_", "-")
        if isinstance(field.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=field.default)
        else:
            parser.add_argument(flag, type=type(field.default), default=field.default)
    options = Options(**vars(parser.parse_args(arguments)))
    if problem := find_problem(options):
        parser.error(problem)
    return options


def find_problem(options: Options) -> str:
    """Return what is wrong with options, empty if nothing is."""
    unknown = set(split_list(options.faults)) - set(FAULTS)
    if unknown:
        return f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}"
    return ""


def to_arguments(options: dict[str, Any]) -> list[str]:
    """Return keyword options as command line arguments.

    Examples
    --------
    >>> to_arguments({"latency": 0.5, "json_schema": False, "faults": ["empty", "reset"]})
    ['--latency=0.5', '--no-json-schema', '--faults=empty,reset']
    """
    arguments = []
    for name, value in join_lists(options).items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            arguments.append(f"--{flag}={value}")
    return arguments


def join_lists(options: dict[str, Any]) -> dict[str, Any]:
    """Return options whose lists are comma lists."""
    return {
        name: ",".join(value) if isinstance(value, list | tuple) else value
        for name, value in options.items()
    }
