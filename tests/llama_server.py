"""A llama.cpp server with one slot: ``python llama_server.py MODEL``; prints its address first.

Runs in an interpreter that has ``xllamacpp``, and needs nothing else of the project's.
"""

import signal
import sys

CONTEXT = 4096


def main() -> None:
    """Serve a model until the signal to end comes."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.port = 0
    params.n_ctx, params.n_parallel = CONTEXT, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
