"""
llama.cpp's own HTTP server, in a process of its own: prints its address, and ends when its standard input does.

    python serve.py MODEL.gguf [CONTEXT]
"""

from __future__ import annotations

import sys

import xllamacpp


def main(path: str, context: str = "512") -> None:
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = int(context)
    params.n_parallel = 1
    params.warmup = False
    params.fit_params = False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
