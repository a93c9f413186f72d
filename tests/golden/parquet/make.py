#!/usr/bin/env python3
"""make.py - writes the golden Parquet files of this folder, and rows.json: what pyarrow reads from them (parquet_test.c)"""
import json, os, random

import pyarrow as pa, pyarrow.parquet as pq

os.chdir(os.path.dirname(os.path.abspath(__file__)))
random.seed(3)
small = {"store_schema": False, "write_statistics": False}
text = ["one", None, "", "quatre é", "五", "one", "six\0six", None, "one more", "the end"]
talk = [[{"role": "user", "content": "hi"}, {"role": "bot", "content": "ho"}], [], None, [{"role": None, "content": "q"}],
        [{"role": "user", "content": None}]]
rows = {}


def write(name, columns, **options):
    pq.write_table(pa.table(columns), name + ".parquet", **small, **options)
    rows[name] = pq.ParquetFile(name + ".parquet").read().to_pydict()


write("plain-v1", {"text": text}, compression="none", use_dictionary=False, row_group_size=4, data_page_version="1.0")
write("dictionary-v1-snappy", {"text": text, "id": range(10)}, compression="snappy", use_dictionary=["text"])
words = ["word %d" % (i % 7 if i < 40 else i) for i in range(80)]
write("fallback-v2-zstd", {"text": words}, compression="zstd", data_page_version="2.0", data_page_size=100,
      dictionary_pagesize_limit=80, write_batch_size=10)
write("delta-v2-gzip", {"text": ["prefix %d" % (i // 3) if i % 5 else None for i in range(50)], "long": list(map(str, range(50))),
                        "n": [(-3) ** (i % 39) for i in range(50)]},
      compression="gzip", use_dictionary=False, data_page_version="2.0",
      column_encoding={"text": "DELTA_BYTE_ARRAY", "long": "DELTA_LENGTH_BYTE_ARRAY", "n": "DELTA_BINARY_PACKED"})
write("numbers-lz4", {"f32": pa.array([1.5, 0.1, None, -2e30], pa.float32()), "f64": [0.1, 1e300, 2.0, None],
                      "flag": [True, None, False, True], "u64": pa.array([2**64 - 1, 0, 7, None], pa.uint64()),
                      "i32": pa.array([-2**31, 2**31 - 1, None, 0], pa.int32())},
      compression="lz4", use_dictionary=False,
      column_encoding={"f32": "BYTE_STREAM_SPLIT", "f64": "BYTE_STREAM_SPLIT", "flag": "RLE", "u64": "PLAIN", "i32": "PLAIN"})
write("nested-brotli", {"conversations": talk, "choices": [["x", "y"], [], None, ["z", None, "w"], [""]],
                        "deep": [[["a"], ["b", "c"]], [[]], None, [None, ["d"]], []], "meta": [{"title": "t"}, None] + [{"title": None}] * 3},
      compression="brotli", row_group_size=3, write_page_checksum=True)
del rows["numbers-lz4"]["u64"]          # above what JSON readers take for whole numbers
with open("rows.json", "w") as f:
    json.dump(rows, f, ensure_ascii=False, separators=(",", ":"))
    f.write("\n")
