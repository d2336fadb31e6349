"""A request: who asks, of which service, and what of it is written down."""

from typing import Annotated, Any

from fastapi import Depends, Request

from cvseeker.serve.access import Caller
from cvseeker.serve.service import Service

# Whoever has switched to "blind" sees no name on any page until they switch back.
BLIND = "cvseeker_blind"


class Visit:
    """Somebody's request to the service."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.service: Service = request.app.state.service
        self.caller: Caller = getattr(request.state, "caller", Caller())

    @property
    def who(self) -> str:
        """The name of a token, or whoever sits at this machine."""
        return self.caller.name or "this machine"

    @property
    def blind(self) -> bool:
        """Whether the page hides who candidates are."""
        return self.request.cookies.get(BLIND) == "1"

    def log(self, what: str, *, live: bool = False, **about: Any) -> None:
        """Write down what was done; of what is searched ``live``, as one types, the last is kept.

        What changes something, or leaves the house, is on the disk when this returns.
        """
        self.service.log.add(self.who, what, about, live=live)


Visited = Annotated[Visit, Depends(Visit)]
