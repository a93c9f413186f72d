#include "formats/parquet/rle.h"

#include "formats/parquet/thrift.h"

#include <string.h>

void rle_begin(struct rle *r, const uint8_t *bytes, size_t n, unsigned width)
{
    *r = (struct rle){.at = bytes, .end = bytes + n, .width = width};
}

uint64_t bits_at(const uint8_t *bytes, size_t n, uint64_t bit, unsigned width)
{
    uint64_t v = 0, byte = bit / 8;
    if (byte < n)
        memcpy(&v, bytes + byte, n - byte < 8 ? n - byte : 8);
    return v >> (bit % 8) & ((1ull << width) - 1);
}

/* Reads a run's header: its length, and in the lowest bit whether it is packed. */
static int begin_run(struct rle *r)
{
    uint64_t header;
    size_t n = varint_read(r->at, r->end, &header);
    if (n == 0)
        return -1;
    r->at += n;
    r->packed = header & 1;
    r->left = header >> 1;
    if (!r->packed) {
        size_t bytes = (r->width + 7) / 8;
        if ((size_t)(r->end - r->at) < bytes)
            return -1;
        r->value = 0;
        memcpy(&r->value, r->at, bytes);
        r->at += bytes;
        return 0;
    }
    /* A packed run is groups of eight numbers, width bytes each. Some writers leave out the end of the last
     * group. */
    uint64_t room = (uint64_t)(r->end - r->at);
    r->bit = 0;
    if (r->width == 0) {
        r->packed_bytes = 0;
        r->left = r->left > UINT64_MAX / 8 ? UINT64_MAX : r->left * 8;
        return 0;
    }
    r->packed_bytes = r->left > room / r->width ? room : r->left * r->width;
    r->left = r->packed_bytes * 8 / r->width;
    return r->left > 0 ? 0 : -1;
}

static void read_packed(struct rle *r, uint32_t *out, size_t n)
{
    size_t bytes = (size_t)(r->end - r->at);
    for (size_t i = 0; i < n; i++, r->bit += r->width)
        out[i] = (uint32_t)bits_at(r->at, bytes, r->bit, r->width);
}

size_t rle_read(struct rle *r, uint32_t *out, size_t n)
{
    size_t done = 0;
    while (done < n) {
        while (r->left == 0)
            if (begin_run(r) < 0)
                return done;
        size_t some = r->left < n - done ? (size_t)r->left : n - done;
        if (r->packed)
            read_packed(r, out + done, some);
        else
            for (size_t i = 0; i < some; i++)
                out[done + i] = r->value;
        done += some;
        r->left -= some;
        if (r->left == 0 && r->packed)
            r->at += r->packed_bytes;
    }
    return done;
}
