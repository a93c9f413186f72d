#include "formats/decompress.h"

#include <errno.h>
#include <limits.h>
#include <lz4frame.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    IN_BYTES = 1 << 17,
    MAX_WINDOW_LOG = 27, /* 128 MiB: what `zstd -d` accepts unasked */
};

struct decompress {
    int fd; /* -1: source gives the bytes */
    decompress_source *source;
    void *arg;
    enum decompress_kind kind;
    bool eof, failed;
    bool within;     /* inside a frame: the end of the file here is a truncation */
    uint64_t base;   /* file offset of in[0] */
    size_t pos, len; /* unread input is in[pos..len) */
    z_stream gz;
    ZSTD_DCtx *zstd;
    LZ4F_dctx *lz4;
    char error[160];
    unsigned char in[IN_BYTES];
};

static int fail(struct decompress *d, const char *what, const char *detail)
{
    d->failed = true;
    snprintf(d->error, sizeof d->error, "%s%s%s", what, detail ? ": " : "", detail ? detail : "");
    return -1;
}

/* Moves what is left to the front and reads once. 0, also at the end of the file (eof set), -1 or
 * DECOMPRESS_AGAIN. */
static int fill(struct decompress *d)
{
    memmove(d->in, d->in + d->pos, d->len - d->pos);
    d->base += d->pos;
    d->len -= d->pos;
    d->pos = 0;
    if (d->eof || d->len == IN_BYTES)
        return 0;
    size_t room = IN_BYTES - d->len;
    ssize_t n = d->source ? d->source(d->arg, d->in + d->len, room) : read(d->fd, d->in + d->len, room);
    if (n < 0)
        return n == DECOMPRESS_AGAIN || errno == EINTR ? DECOMPRESS_AGAIN
                                                       : fail(d, "cannot read", strerror(errno));
    d->eof = n == 0;
    d->len += (size_t)n;
    return 0;
}

static uint32_t little32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool is_skippable(uint32_t magic) /* shared by zstd and lz4 */
{
    return (magic & 0xfffffff0u) == 0x184d2a50u;
}

static enum decompress_kind kind_of_magic(const unsigned char *p, size_t n)
{
    if (n >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8)
        return DECOMPRESS_GZIP;
    if (n < 4)
        return DECOMPRESS_PLAIN;
    uint32_t magic = little32(p);
    if (magic == ZSTD_MAGICNUMBER || is_skippable(magic))
        return DECOMPRESS_ZSTD;
    return magic == 0x184d2204u ? DECOMPRESS_LZ4 : DECOMPRESS_PLAIN;
}

/* Finds the kind from the first bytes and holds it against the one asked for. */
static int detect(struct decompress *d, enum decompress_kind asked)
{
    while (d->len < 4 && !d->eof) {
        int rc = fill(d);
        if (rc == DECOMPRESS_AGAIN && d->source)
            return fail(d, "interrupted", NULL);
        if (rc == -1)
            return -1;
    }
    enum decompress_kind found = kind_of_magic(d->in, d->len);
    if (asked == DECOMPRESS_LZ4 && d->len >= 4 && is_skippable(little32(d->in)))
        found = DECOMPRESS_LZ4;
    d->kind = asked == DECOMPRESS_AUTO ? found : asked;
    if (d->kind == DECOMPRESS_PLAIN || d->kind == found)
        return 0;
    if (d->len < 4)
        return fail(
            d, d->len == 0 ? "empty, not a compressed stream" : "truncated: ends in the first frame's magic",
            NULL);
    if (asked == DECOMPRESS_LZ4 && little32(d->in) == 0x184c2102u)
        return fail(d, "lz4 in the legacy format, which is not supported (repack it with lz4)", NULL);
    return fail(d,
                asked == DECOMPRESS_GZIP   ? "not a gzip stream (wrong magic)"
                : asked == DECOMPRESS_ZSTD ? "not a zstd stream (wrong magic)"
                                           : "not an lz4 stream (wrong magic)",
                NULL);
}

static int start_decoder(struct decompress *d)
{
    switch (d->kind) {
    case DECOMPRESS_GZIP:
        return inflateInit2(&d->gz, 15 + 16) == Z_OK ? 0 : fail(d, "out of memory", NULL);
    case DECOMPRESS_ZSTD:
        d->zstd = ZSTD_createDCtx();
        if (!d->zstd)
            return fail(d, "out of memory", NULL);
        ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, MAX_WINDOW_LOG);
        return 0;
    case DECOMPRESS_LZ4:
        if (LZ4F_isError(LZ4F_createDecompressionContext(&d->lz4, LZ4F_VERSION)))
            return fail(d, "out of memory", NULL);
        return 0;
    default:
        return 0;
    }
}

static struct decompress *open_stream(int fd, decompress_source *source, void *arg, enum decompress_kind kind,
                                      char *err, size_t cap)
{
    struct decompress *d = malloc(sizeof *d);
    if (!d) {
        snprintf(err, cap, "out of memory");
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    memset(d, 0, offsetof(struct decompress, in));
    d->fd = fd;
    d->source = source;
    d->arg = arg;
    if (detect(d, kind) != 0 || start_decoder(d) != 0) {
        snprintf(err, cap, "%s", d->error);
        decompress_close(d);
        return NULL;
    }
    return d;
}

struct decompress *decompress_open(int fd, enum decompress_kind kind, char *err, size_t cap)
{
    return open_stream(fd, NULL, NULL, kind, err, cap);
}

struct decompress *decompress_open_source(decompress_source *source, void *arg, enum decompress_kind kind,
                                          char *err, size_t cap)
{
    return open_stream(-1, source, arg, kind, err, cap);
}

void decompress_close(struct decompress *d)
{
    if (!d)
        return;
    if (d->gz.state)
        inflateEnd(&d->gz);
    ZSTD_freeDCtx(d->zstd);
    if (d->lz4)
        LZ4F_freeDecompressionContext(d->lz4);
    if (d->fd >= 0)
        close(d->fd);
    free(d);
}

static ssize_t read_plain(struct decompress *d, void *buf, size_t n)
{
    size_t have = d->len - d->pos;
    if (n > have)
        n = have;
    memcpy(buf, d->in + d->pos, n);
    d->pos += n;
    return (ssize_t)n;
}

/* The decoders below take input from in[pos..len) and return the bytes they gave, 0 to ask for more input, or
 * -1. */

static ssize_t read_gzip(struct decompress *d, void *buf, size_t n)
{
    if (!d->within) { /* at the start of a member: two bytes tell it from trailing garbage */
        if (d->len - d->pos < 2 && !d->eof)
            return 0;
        if (d->len - d->pos < 2 || d->in[d->pos] != 0x1f || d->in[d->pos + 1] != 0x8b)
            return fail(d, "bytes that are no gzip member follow the last one", NULL);
        inflateReset(&d->gz);
        d->within = true;
    }
    d->gz.next_in = d->in + d->pos;
    d->gz.avail_in = (uInt)(d->len - d->pos);
    d->gz.next_out = buf;
    d->gz.avail_out = n > INT_MAX ? INT_MAX : (uInt)n;
    uInt room = d->gz.avail_out;
    int r = inflate(&d->gz, Z_NO_FLUSH);
    d->pos = d->len - d->gz.avail_in;
    if (r == Z_STREAM_END)
        d->within = false;
    else if (r != Z_OK && r != Z_BUF_ERROR)
        return fail(d, "corrupt gzip stream", d->gz.msg);
    return (ssize_t)(room - d->gz.avail_out);
}

static ssize_t read_zstd(struct decompress *d, void *buf, size_t n)
{
    ZSTD_inBuffer in = {d->in, d->len, d->pos};
    ZSTD_outBuffer out = {buf, n, 0};
    size_t r = ZSTD_decompressStream(d->zstd, &out, &in);
    d->pos = in.pos;
    if (ZSTD_isError(r)) {
        if (ZSTD_getErrorCode(r) == ZSTD_error_frameParameter_windowTooLarge)
            return fail(d, "zstd frame with a window above 128 MiB is refused (repack it without --long)",
                        NULL);
        return fail(d, d->within ? "corrupt zstd frame" : "not a zstd frame", ZSTD_getErrorName(r));
    }
    d->within = r != 0;
    return (ssize_t)out.pos;
}

static ssize_t read_lz4(struct decompress *d, void *buf, size_t n)
{
    size_t taken = d->len - d->pos, given = n;
    size_t r = LZ4F_decompress(d->lz4, buf, &given, d->in + d->pos, &taken, NULL);
    if (LZ4F_isError(r))
        return fail(d, d->within ? "corrupt lz4 frame" : "not an lz4 frame", LZ4F_getErrorName(r));
    d->pos += taken;
    d->within = r != 0;
    return (ssize_t)given;
}

static ssize_t decode(struct decompress *d, void *buf, size_t n)
{
    switch (d->kind) {
    case DECOMPRESS_GZIP:
        return read_gzip(d, buf, n);
    case DECOMPRESS_ZSTD:
        return read_zstd(d, buf, n);
    case DECOMPRESS_LZ4:
        return read_lz4(d, buf, n);
    default:
        return read_plain(d, buf, n);
    }
}

ssize_t decompress_read(struct decompress *d, void *buf, size_t n)
{
    if (d->failed)
        return -1;
    if (n == 0)
        return 0;
    for (;;) {
        /* A decoder may hold back output that did not fit, so within a frame it is called without new input
         * too. */
        if (d->pos < d->len || d->within) {
            size_t before = d->pos;
            ssize_t got = decode(d, buf, n);
            if (got != 0)
                return got;
            if (d->pos != before)
                continue;
        }
        if (d->eof && d->pos == d->len)
            return d->within ? fail(d, "truncated: ends within a compressed frame", NULL) : 0;
        if (d->eof && d->len < IN_BYTES) /* input is left, and no more comes to make sense of it */
            return fail(d, "truncated: ends within a compressed frame", NULL);
        int rc = fill(d);
        if (rc != 0)
            return rc;
    }
}

const char *decompress_error(const struct decompress *d)
{
    return d->error;
}

uint64_t decompress_offset(const struct decompress *d)
{
    return d->base + d->pos;
}

enum decompress_kind decompress_kind(const struct decompress *d)
{
    return d->kind;
}

enum decompress_kind decompress_kind_of_name(const char *name, size_t *stem)
{
    static const struct {
        const char *end;
        enum decompress_kind kind;
    } ends[] = {
        {".gz", DECOMPRESS_GZIP},
        {".zst", DECOMPRESS_ZSTD},
        {".zstd", DECOMPRESS_ZSTD},
        {".lz4", DECOMPRESS_LZ4},
    };
    size_t len = strlen(name);
    *stem = len;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i].end);
        if (len > n && strcmp(name + len - n, ends[i].end) == 0) {
            *stem = len - n;
            return ends[i].kind;
        }
    }
    return DECOMPRESS_AUTO;
}
