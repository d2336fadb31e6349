"""Which model, where, and by whose key."""

import os
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from cvseeker.core.errors import InputError

OPENAI_URL = "https://api.openai.com/v1"
# What is shorter stands for a key at a server that wants none, and may be a word of a reply.
_SHORTEST_SECRET = 8
# Seconds that a reply may take: from a service, and from a server of one's own, which computes on
# what nobody waits for any more.
PATIENCE, PATIENCE_AT_HOME = 120.0, 900.0
NO_KEY = "none"
"""Stands for the key of a server that wants none; clients must have one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Which model, where, and by whose key.

    ``key_env`` names the environment variable that holds the key; the key itself is in no record,
    file, log or error message. ``url_option``, ``key_option`` and ``timeout_option`` are what
    messages tell users to set.
    """

    model: str
    url: str = OPENAI_URL
    key_env: str = "OPENAI_API_KEY"
    timeout_seconds: float = PATIENCE
    url_option: str = "--llm-url"
    key_option: str = "--llm-key-env"
    timeout_option: str = "--timeout"

    def hide(self, text: str) -> str:
        """Return a text without the key, which a careless server may repeat."""
        key = os.environ.get(self.key_env, "").strip()
        return text.replace(key, "***") if len(key) >= _SHORTEST_SECRET else text

    def key(self) -> str:
        """Return the key; an `InputError` says that there is none, or what is no key."""
        key = os.environ.get(self.key_env, "").strip()
        if not all("!" <= letter <= "~" for letter in key):
            # The key itself is not shown.
            raise InputError(
                f"the key in the environment variable {self.key_env} holds a blank or a letter "
                f"that no key has; set it anew (export {self.key_env}=…)"
            )
        if key or is_local(self.url):
            # A server of one's own wants none, and the client must have one.
            return key or NO_KEY
        raise InputError(
            f"{self.url}: no key in the environment variable {self.key_env}; set it (export "
            f"{self.key_env}=…) or name another one with {self.key_option}"
        )


def is_local(url: str) -> bool:
    """Tell whether a URL is of this machine."""
    host = _host(url)
    if isinstance(host, str):
        return host == "localhost"
    return host.is_loopback or host.is_unspecified


def is_own(url: str) -> bool:
    """Tell whether a URL is of a machine of one's own, or none at all: a client object's name."""
    host = _host(url)
    if isinstance(host, str):
        return "." not in host or host.endswith((".local", ".internal", ".lan"))
    return host.is_private


def _host(url: str) -> str | IPv4Address | IPv6Address:
    name = urlsplit(url).hostname or ""
    try:
        return ip_address(name)
    except ValueError:
        return name


def check_url(url: str, *, url_option: str = "--llm-url", key_option: str = "--llm-key-env") -> str:
    """Return an HTTP address without a slash at its end; refuse others, and those with secrets."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port beyond 65535
        known = False
    if not known:
        raise InputError(
            f"{url_option} {url!r}: expected an address such as http://localhost:11434/v1"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InputError(
            f"{url_option} of {parts.hostname}: holds a password or parameters; expected the "
            f"address alone, and the key in an environment variable ({key_option})"
        )
    return url.rstrip("/")
