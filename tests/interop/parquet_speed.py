#!/usr/bin/env python3
"""parquet_speed.py TOOLS DIR DOCUMENTS - decoding a text column, beside pyarrow, one thread each

Writes DIR/*.parquet of 256 MiB of text cut out of DOCUMENTS (JSON lines), and prints the processor time of both, the least of
three runs in turn, user and system. pyarrow reads in batches and makes no Python strings; we read row by row.
"""
import json, os, random, subprocess, sys

import pyarrow as pa, pyarrow.parquet as pq

RUNS, BYTES = 3, 256 << 20


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


PYARROW = """
import sys, resource, json, pyarrow as pa, pyarrow.parquet as pq
pa.set_cpu_count(1); pa.set_io_thread_count(1)
a = resource.getrusage(resource.RUSAGE_SELF)
rows = 0
for batch in pq.ParquetFile(sys.argv[1]).iter_batches(columns=["text"], use_threads=False):
    rows += batch.num_rows
b = resource.getrusage(resource.RUSAGE_SELF)
peak = [int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("VmHWM")][0]
print(json.dumps({"rows": rows, "user": b.ru_utime - a.ru_utime, "system": b.ru_stime - a.ru_stime,
                  "peak": peak}))
"""


def main():
    tools, where, documents = sys.argv[1:]
    random.seed(1)
    text = "".join(json.loads(line)["text"] + "\n" for line in open(documents))
    docs, n = [], 0
    while n < BYTES:
        at = random.randrange(len(text))
        docs.append(text[at:at + random.randrange(200, 8000)])
        n += len(docs[-1])
    table = pa.table({"text": docs})
    for codec in ("zstd", "snappy"):
        path = os.path.join(where, codec + ".parquet")
        pq.write_table(table, path, compression=codec, row_group_size=20000)
        ours, theirs = [], []
        for _ in range(RUNS):
            ours.append(run([os.path.join(tools, "parquet-bench"), path, "text"]))
            theirs.append(run([sys.executable, "-c", PYARROW, path]))
        if {r["rows"] for r in ours + theirs} != {len(docs)}:
            sys.exit("parquet_speed: rows are missing")
        def cost(runs):
            return min(r["user"] + r["system"] for r in runs)
        print("%-6s %4d MB stored, %d MB of text: %.2f s, peak %d MB; pyarrow %.2f s, peak %d MB: %.2f times its speed" % (
            codec, os.path.getsize(path) / 1e6, n / 1e6, cost(ours), max(r["peak"] for r in ours) / 1e6, cost(theirs),
            max(r["peak"] for r in theirs) / 1e6, cost(theirs) / cost(ours)))
        if cost(ours) > cost(theirs):
            sys.exit("parquet_speed: slower than pyarrow")
        os.unlink(path)


main()
