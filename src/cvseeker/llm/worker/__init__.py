"""The process that sends requests for a command and outlives it: ``python -m cvseeker.llm.worker``.

A command that is killed takes the replies in flight with it, which were paid for. So the requests
are sent by a process of their own: it reads them from its standard input, sends them, and writes
every reply into the ledger. When the command is gone it sends nothing more, saves what is still in
flight, and ends.
"""

from cvseeker.llm.worker.start import WAITING, send_all

__all__ = ["WAITING", "send_all"]
