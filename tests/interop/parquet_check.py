#!/usr/bin/env python3
"""parquet_check.py BIN DIR - Parquet files of pyarrow, DuckDB and polars, read by `BIN/fetch`, against pyarrow

Writes files into DIR in all combinations of codec, page version, dictionary, encoding, nullability, row-group size and
nesting, and compares the documents of each with what pyarrow reads, byte for byte. Prints one line a writer.
"""
import itertools, json, os, random, struct, subprocess, sys

import duckdb, polars as pl, pyarrow as pa, pyarrow.parquet as pq

JOIN = "|"
ROWS = 300
random.seed(5)


def texts(n, nulls, kinds):
    """Short and long, repeated and not, with every length of UTF-8 character."""
    alphabet = "abcdefgh \n\"\\\té日🙂\0"
    repeated = ["".join(random.choices(alphabet, k=random.randrange(30))) for _ in range(kinds)]
    out = []
    for i in range(n):
        if nulls and random.random() < nulls:
            out.append(None)
        elif random.random() < 0.7:
            out.append(random.choice(repeated))
        else:
            out.append("common prefix %d " % (i // 10) + "".join(random.choices(alphabet, k=random.randrange(300))))
    return out


def lists(n, nulls):
    flat = texts(3 * n, nulls / 2, 20)
    return [None if nulls and random.random() < nulls else [flat.pop() for _ in range(random.randrange(4))] for _ in range(n)]


def table(nullable):
    """A column of each kind; without nulls all are required."""
    nulls = 0.2 if nullable else 0.0
    t, l = texts(ROWS, nulls, 40), lists(ROWS, nulls)
    talk = [None if x is None else [{"role": "user", "content": y} for y in x] for x in lists(ROWS, nulls)]

    def maybe(v):
        return None if nulls and random.random() < nulls else v

    columns = {
        "text": (pa.string(), t),
        "endings": (pa.list_(pa.field("item", pa.string(), nullable)), l),
        "conversations": (pa.list_(pa.field("item", pa.struct([("role", pa.string()), ("content", pa.string())]),
                                            nullable)), talk),
        "deep": (pa.list_(pa.field("item", pa.list_(pa.field("item", pa.string(), nullable)), nullable)),
                 [maybe([x or [], ["z"]]) for x in lists(ROWS, nulls)]),
        "meta": (pa.struct([pa.field("title", pa.string(), nullable)]), [maybe({"title": maybe(str(i))}) for i in range(ROWS)]),
        "tags": (pa.map_(pa.string(), pa.string()), [maybe([("k%d" % j, maybe(str(i))) for j in range(i % 3)]) for i in range(ROWS)]),
        # Differences fit into 32 bits: pyarrow cannot read DuckDB's wider ones.
        "i32": (pa.int32(), [maybe(random.randrange(-2**30, 2**30)) for _ in range(ROWS)]),
        "i64": (pa.int64(), [maybe(random.randrange(-2**63, 2**63) >> random.randrange(64)) for _ in range(ROWS)]),
        "u8": (pa.uint8(), [maybe(random.randrange(256)) for _ in range(ROWS)]),
        "u64": (pa.uint64(), [maybe(random.randrange(2**64)) for _ in range(ROWS)]),
        "flag": (pa.bool_(), [maybe(random.random() < 0.5) for _ in range(ROWS)]),
        "f32": (pa.float32(), [maybe(random.gauss(0, 1e5)) for _ in range(ROWS)]),
        "f64": (pa.float64(), [maybe(random.gauss(0, 1e-5)) for _ in range(ROWS)]),
    }
    fields = [pa.field(name, ty, nullable) for name, (ty, _) in columns.items()]
    return pa.table([pa.array(v, ty) for ty, v in columns.values()], schema=pa.schema(fields))


# --- what pyarrow reads, as text ---------------------------------------------------------------------------------

def flatten(value, path):
    """The values that a name leads to, in order; lists on the way are walked."""
    if value is None:
        return []
    if isinstance(value, tuple):                # of a map
        value = {"key": value[0], "value": value[1]}
    if isinstance(value, list):
        return [x for v in value for x in flatten(v, path)]
    if path:
        return flatten(value[path[0]], path[1:])
    return [value]


def scalar(v, kind):
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, float):
        for digits in range(6 if kind == "f32" else 15, 18):
            text = "%.*g" % (digits, v)
            again = struct.unpack("f", struct.pack("f", float(text)))[0] if kind == "f32" else float(text)
            if again == v:
                break
        return text
    return str(v)


def expected(path):
    """For each row the texts of the templates below."""
    rows = pq.ParquetFile(path).read().to_pylist()
    words, numbers, apart = [], [], []
    for r in rows:
        def field(name):
            return JOIN.join(scalar(x, name) for x in flatten(r, name.split(".")))
        words.append("~".join(field(n) for n in WORDS if n.split(".")[0] in r))
        numbers.append("~".join(field(n) for n in NUMBERS if n in r))
        def elements(name, *fields):
            return ["".join(JOIN.join(scalar(x, name) for x in flatten(e, [f])) + ";" for f in fields) for e in r.get(name) or []]
        apart.append("".join(elements("conversations", "role", "content")) + "~" + "".join(elements("tags", "key", "value")))
    return words, numbers, apart


WORDS = ["text", "endings", "conversations.content", "conversations.role", "deep", "meta.title", "tags.key", "tags.value"]
APART = ["#conversations}{role};{content};{/conversations", "#tags}{key};{value};{/tags"]
NUMBERS = ["i32", "i64", "u8", "u64", "flag", "f32", "f64"]


def ours(binary, where, names):
    """For each file the rows found, numbered from 0."""
    template = "<" + "~".join("{%s}" % n for n in names) + ">"
    r = subprocess.run([binary, "--cat", "--quiet", "--text", template, "--join", JOIN, where], capture_output=True)
    if r.returncode:
        sys.exit("parquet_check: " + r.stderr.decode())
    found = {}
    for line in r.stdout.decode().splitlines():
        doc = json.loads(line)
        path, row = doc["id"].rsplit(":", 1)
        found.setdefault(path, {})[int(row) - 1] = doc["text"][1:-1]
    return found


def compare(binary, where):
    """A row whose columns are all null is left out; every other must be there, and equal. Returns the number of files."""
    paths = [os.path.join(where, name) for name in sorted(os.listdir(where))]
    have = pq.ParquetFile(paths[0]).schema_arrow.names
    found = [ours(binary, where, [n for n in group if n.strip("#").replace("}", ".").split(".")[0] in have])
             for group in (WORDS, NUMBERS, APART)]
    for path in paths:
        for rows, want in zip(found, expected(path)):
            for i, w in enumerate(want):
                got = rows[path].get(i, w if w.strip("~;") == "" else None)
                if got != w:
                    sys.exit("parquet_check: %s: row %d: %r, pyarrow has %r" % (path, i, got, w))
    return len(paths)


# --- the writers -------------------------------------------------------------------------------------------------

def pyarrow_files(where, tables):
    codecs = ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]
    sizes = [17, 250, 100000]
    for codec, version, dictionary, nullable, rows in itertools.product(codecs, ["1.0", "2.0"], [True, False, "fallback"],
                                                                        [True, False], sizes):
        path = "%s/pa-%s-%s-%s-%s-%d.parquet" % (where, codec, version, dictionary, nullable, rows)
        pq.write_table(tables[nullable], path, compression=codec, data_page_version=version, row_group_size=rows,
                       use_dictionary=bool(dictionary), dictionary_pagesize_limit=500 if dictionary == "fallback" else 2**20,
                       data_page_size=1000 if rows == 250 else 2**20, write_page_checksum=rows == 17,
                       use_compliant_nested_type=rows != 17)          # else list.item, as older versions
    encodings = [{"text": "DELTA_BYTE_ARRAY"}, {"text": "DELTA_LENGTH_BYTE_ARRAY"}, {"i32": "DELTA_BINARY_PACKED"},
                 {"i64": "DELTA_BINARY_PACKED", "flag": "RLE", "u8": "DELTA_BINARY_PACKED"},
                 {"f32": "BYTE_STREAM_SPLIT", "f64": "BYTE_STREAM_SPLIT", "i32": "BYTE_STREAM_SPLIT"},
                 {"endings.list.element": "DELTA_BYTE_ARRAY"}]
    for i, codec, version, nullable, rows in itertools.product(range(len(encodings)), ["none", "snappy", "zstd"],
                                                               ["1.0", "2.0"], [True, False], sizes):
        path = "%s/pa-e%d-%s-%s-%s-%d.parquet" % (where, i, codec, version, nullable, rows)
        pq.write_table(tables[nullable], path, compression=codec, data_page_version=version, row_group_size=rows,
                       use_dictionary=False, column_encoding=encodings[i], data_page_size=1000 if rows == 250 else 2**20)


def duckdb_files(where, tables):
    db = duckdb.connect()
    db.execute("SET threads = 1")
    for nullable, t in tables.items():
        db.register("t%d" % nullable, t.drop(["u64"]))
    codecs = ["uncompressed", "snappy", "gzip", "zstd", "lz4_raw", "brotli"]
    for codec, version, limit, nullable, rows in itertools.product(codecs, ["V1", "V2"], [1, 100000], [True, False],
                                                                   [2048, 100000]):
        path = "%s/duck-%s-%s-%d-%s-%d.parquet" % (where, codec, version, limit, nullable, rows)
        db.execute("COPY (SELECT * FROM t%d) TO '%s' (FORMAT parquet, COMPRESSION %s, PARQUET_VERSION %s, "
                   "DICTIONARY_SIZE_LIMIT %d, ROW_GROUP_SIZE %d)" % (nullable, path, codec, version, limit, rows))


def polars_files(where, tables):
    for codec, statistics, nullable, rows, page in itertools.product(
            ["uncompressed", "snappy", "gzip", "zstd", "lz4", "brotli"], [True, False], [True, False], [100, 100000], [500, None]):
        path = "%s/polars-%s-%s-%s-%d-%s.parquet" % (where, codec, statistics, nullable, rows, page)
        pl.from_arrow(tables[nullable]).write_parquet(path, compression=codec, statistics=statistics, row_group_size=rows,
                                                      data_page_size=page)


def main():
    binary, where = os.path.join(sys.argv[1], "fetch"), sys.argv[2]
    tables = {True: table(True), False: table(False)}
    total = 0
    for write in (pyarrow_files, duckdb_files, polars_files):
        folder = os.path.join(where, write.__name__)
        os.makedirs(folder)
        write(folder, tables)
        n = compare(binary, folder)
        print("%-14s %d files, every text as pyarrow reads it" % (write.__name__[:-6], n))
        total += n
    if total < 500:
        sys.exit("parquet_check: only %d files" % total)


main()
