"""A writer of the plainest Parquet files there are: columns of required strings, PLAIN, uncompressed, pages of version 1.

For tests that run without pyarrow. The layout is the one of formats/parquet.md.
"""

import struct

BYTE_ARRAY, REQUIRED, UTF8, PLAIN, RLE, UNCOMPRESSED, DATA_PAGE = 6, 0, 0, 0, 3, 0, 0
I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out + bytes([n]))


def thrift(*fields):
    """A struct of (id, type, value), by Thrift's compact protocol."""
    out, last = bytearray(), 0
    for number, kind, value in fields:
        out.append((number - last) << 4 | kind)
        last = number
        out += item(kind, value)
    return bytes(out) + b"\0"


def item(kind, value):
    if kind in (I32, I64):
        return varint(value << 1)
    if kind == BINARY:
        return varint(len(value)) + value
    if kind == LIST:
        of, values = value
        head = bytes([len(values) << 4 | of]) if len(values) < 15 else bytes([0xF0 | of]) + varint(len(values))
        return head + b"".join(item(of, v) for v in values)
    return value


def page(values):
    data = b"".join(struct.pack("<I", len(v)) + v for v in values)
    header = thrift((1, I32, DATA_PAGE), (2, I32, len(data)), (3, I32, len(data)),
                    (5, STRUCT, thrift((1, I32, len(values)), (2, I32, PLAIN), (3, I32, RLE), (4, I32, RLE))))
    return header + data


def write(file, names, rows, group=1000):
    """rows: tuples of strings, one for each name; so many to a row group."""
    out, groups = bytearray(b"PAR1"), []
    for at in range(0, len(rows), group):
        part, chunks, total = rows[at:at + group], [], 0
        for i, name in enumerate(names):
            data = page([row[i].encode() for row in part])
            meta = thrift((1, I32, BYTE_ARRAY), (2, LIST, (I32, [PLAIN, RLE])), (3, LIST, (BINARY, [name.encode()])),
                          (4, I32, UNCOMPRESSED), (5, I64, len(part)), (6, I64, len(data)), (7, I64, len(data)),
                          (9, I64, len(out)))
            chunks.append(thrift((2, I64, len(out)), (3, STRUCT, meta)))
            out += data
            total += len(data)
        groups.append(thrift((1, LIST, (STRUCT, chunks)), (2, I64, total), (3, I64, len(part))))
    schema = [thrift((4, BINARY, b"schema"), (5, I32, len(names)))]
    schema += [thrift((1, I32, BYTE_ARRAY), (3, I32, REQUIRED), (4, BINARY, n.encode()), (6, I32, UTF8)) for n in names]
    footer = thrift((1, I32, 1), (2, LIST, (STRUCT, schema)), (3, I64, len(rows)), (4, LIST, (STRUCT, groups)))
    file.write(bytes(out) + footer + struct.pack("<I", len(footer)) + b"PAR1")
