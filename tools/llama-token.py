#!/usr/bin/env python3
"""llama-token.py - what a token costs llama.cpp (the wheel xllamacpp), for tools/bench

usage: llama-token.py FILE.gguf THREADS TOKENS

Prints the least milliseconds a token takes, of three texts: processor time, and by the clock. The prompt counts as
part of the first token in the former, as it does in tools/kernel-bench.
"""
import json
import os
import resource
import sys

import xllamacpp

path, threads, tokens = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
params = xllamacpp.CommonParams()
params.model.path = path
params.n_ctx = 2048
params.n_parallel = 1
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
params.verbosity = -1
server = xllamacpp.Server(params)
request = {"prompt": "Once", "n_predict": tokens, "temperature": 0, "ignore_eos": True, "cache_prompt": False}


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


least, most = float("inf"), 0
for _ in range(3):
    before = cpu()
    answer = server.handle_completions(request)
    least = min(least, (cpu() - before) / tokens * 1e3)
    answer = json.loads(answer) if isinstance(answer, (str, bytes)) else answer
    most = max(most, answer["timings"]["predicted_per_second"])
print(f"{least:.2f} {1e3 / most:.2f}")
sys.stdout.flush()
os._exit(0)  # the server's threads would keep the program
