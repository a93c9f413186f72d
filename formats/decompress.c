#include "formats/decompress.h"

#define LZ4F_STATIC_LINKING_ONLY /* for LZ4F_getErrorCode, which the shared library exports too */
#include <bzlib.h>
#include <errno.h>
#include <limits.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    IN_BYTES = 1 << 17,
    WINDOW_LOG = 27,       /* 128 MiB: the largest that `zstd -d` accepts without an option */
    MAX_WINDOW_LOG = 31,   /* 2 GiB: the largest that writers of the format use */
    XZ_OVERHEAD = 1 << 20, /* bytes that liblzma needs besides the dictionary: some 80 KiB, rounded up */
};

struct decompress {
    int fd; /* -1: bytes come from source */
    decompress_source *source;
    void *arg;
    enum decompress_kind kind;
    bool eof, failed;
    bool within;     /* inside a frame: the end of the file here is a truncation */
    bool padded;     /* gzip: zeros follow the last member, and nothing else may follow */
    uint64_t base;   /* file offset of in[0] */
    size_t pos, len; /* unread input is in[pos..len) */
    z_stream gz;
    bz_stream bz2;
    lzma_stream xz;
    ZSTD_DCtx *zstd;
    LZ4F_dctx *lz4;
    char error[160];
    unsigned char in[IN_BYTES];
};

static int window_log = WINDOW_LOG;

int decompress_set_window(uint64_t bytes)
{
    int log = 10;
    while (log < MAX_WINDOW_LOG && (uint64_t)1 << log < bytes)
        log++;
    if ((uint64_t)1 << log < bytes)
        return -1;
    window_log = log;
    return 0;
}

static int fail(struct decompress *d, const char *what, const char *detail)
{
    d->failed = true;
    snprintf(d->error, sizeof d->error, "%s%s%s", what, detail ? ": " : "", detail ? detail : "");
    return -1;
}

/* Reads once, as the file has it. Returns the number of bytes, 0 at its end, -1 or DECOMPRESS_AGAIN. */
static ssize_t read_stored(struct decompress *d, void *buf, size_t room)
{
    ssize_t n = d->source ? d->source(d->arg, buf, room) : read(d->fd, buf, room);
    if (n < 0)
        return n == DECOMPRESS_AGAIN || errno == EINTR ? DECOMPRESS_AGAIN
                                                       : fail(d, "cannot read", strerror(errno));
    d->eof = n == 0;
    return n;
}

/* Moves the unread input to the front and reads once. Returns 0 (also at the end of the file, with eof set),
 * -1 or DECOMPRESS_AGAIN. */
static int fill(struct decompress *d)
{
    memmove(d->in, d->in + d->pos, d->len - d->pos);
    d->base += d->pos;
    d->len -= d->pos;
    d->pos = 0;
    if (d->eof || d->len == IN_BYTES)
        return 0;
    ssize_t n = read_stored(d, d->in + d->len, IN_BYTES - d->len);
    if (n < 0)
        return (int)n;
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

static bool begins(const unsigned char *p, size_t n, const char *magic, size_t magic_len)
{
    return n >= magic_len && memcmp(p, magic, magic_len) == 0;
}

enum { MAGIC_BYTES = 10 }; /* length of the longest magic number, that of bzip2 */

/* A bzip2 stream begins with BZh, the block size, and the magic number of its first block or, when it is
 * empty, of its end. */
static bool is_bzip2(const unsigned char *p, size_t n)
{
    return begins(p, n, "BZh", 3) && n >= MAGIC_BYTES && p[3] >= '1' && p[3] <= '9' &&
           (memcmp(p + 4, "1AY&SY", 6) == 0 || memcmp(p + 4, "\x17rE8P\x90", 6) == 0);
}

static enum decompress_kind kind_of_magic(const unsigned char *p, size_t n)
{
    if (begins(p, n, "\x1f\x8b\x08", 3))
        return DECOMPRESS_GZIP;
    if (begins(p, n,
               "\xfd"
               "7zXZ\0",
               6))
        return DECOMPRESS_XZ;
    if (is_bzip2(p, n))
        return DECOMPRESS_BZIP2;
    if (begins(p, n, "\x28\xb5\x2f\xfd", 4))
        return DECOMPRESS_ZSTD;
    return begins(p, n, "\x04\x22\x4d\x18", 4) ? DECOMPRESS_LZ4 : DECOMPRESS_PLAIN;
}

/* While the first bytes are read, signals do not interrupt, unless the source wants its reader to stop on
 * them. */
static int fill_first(struct decompress *d)
{
    int rc = fill(d);
    return rc == DECOMPRESS_AGAIN && d->source ? fail(d, "interrupted", NULL) : rc;
}

/* Reads until n bytes are available or the file ends. Returns 0 or -1. */
static int want(struct decompress *d, size_t n)
{
    while (d->len - d->pos < n && !d->eof)
        if (fill_first(d) == -1)
            return -1;
    return 0;
}

/* Skips skippable frames, which zstd and lz4 share: the bytes after them tell the two formats apart. */
static int skip_frames(struct decompress *d, bool *skipped)
{
    while (d->len - d->pos >= 4 && is_skippable(little32(d->in + d->pos))) {
        if (want(d, 8) != 0)
            return -1;
        uint64_t left = d->len - d->pos < 8 ? UINT64_MAX : 8 + (uint64_t)little32(d->in + d->pos + 4);
        while (left > 0) {
            size_t here = d->len - d->pos < left ? d->len - d->pos : (size_t)left;
            d->pos += here;
            left -= here;
            if (left > 0 && d->eof)
                return fail(d, "truncated: ends within a skippable frame", NULL);
            if (left > 0 && fill_first(d) == -1)
                return -1;
        }
        *skipped = true;
        if (want(d, MAGIC_BYTES) != 0)
            return -1;
    }
    return 0;
}

static const char *const kind_names[] = {
    [DECOMPRESS_GZIP] = "a gzip",   [DECOMPRESS_ZSTD] = "a zstd", [DECOMPRESS_LZ4] = "an lz4",
    [DECOMPRESS_BZIP2] = "a bzip2", [DECOMPRESS_XZ] = "an xz",
};

/* Reports that the stream is not of the kind that its name promises. */
static int refuse_kind(struct decompress *d, enum decompress_kind asked)
{
    char what[80];
    size_t n = d->len - d->pos;
    if (n == 0 && d->base + d->pos == 0)
        return fail(d, "empty, not a compressed stream", NULL);
    if (n < 4)
        return fail(d, "truncated: ends in the first frame's magic", NULL);
    if (asked == DECOMPRESS_LZ4 && little32(d->in + d->pos) == 0x184c2102u)
        return fail(d, "lz4 in the legacy format, which is not supported (repack it with lz4)", NULL);
    snprintf(what, sizeof what, "not %s stream (wrong magic)", kind_names[asked]);
    return fail(d, what, NULL);
}

/* Finds the kind from the first bytes and compares it with the one asked for. */
static int detect(struct decompress *d, enum decompress_kind asked)
{
    bool skipped = false,
         frames = asked == DECOMPRESS_AUTO || asked == DECOMPRESS_ZSTD || asked == DECOMPRESS_LZ4;
    if (want(d, MAGIC_BYTES) != 0 || (frames && skip_frames(d, &skipped) != 0))
        return -1;
    enum decompress_kind found = kind_of_magic(d->in + d->pos, d->len - d->pos);
    if (skipped && d->pos == d->len) /* only skippable frames: an empty stream of either kind */
        found = asked == DECOMPRESS_LZ4 ? DECOMPRESS_LZ4 : DECOMPRESS_ZSTD;
    if (skipped && found != DECOMPRESS_ZSTD && found != DECOMPRESS_LZ4)
        return fail(d, "neither a zstd nor an lz4 frame follows the skippable one", NULL);
    d->kind = asked == DECOMPRESS_AUTO ? found : asked;
    return d->kind == DECOMPRESS_PLAIN || d->kind == found ? 0 : refuse_kind(d, asked);
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
        ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, window_log);
        return 0;
    case DECOMPRESS_XZ:
        return lzma_stream_decoder(&d->xz, ((uint64_t)1 << window_log) + XZ_OVERHEAD, LZMA_CONCATENATED) ==
                       LZMA_OK
                   ? 0
                   : fail(d, "out of memory", NULL);
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
    if (d->bz2.state)
        BZ2_bzDecompressEnd(&d->bz2);
    lzma_end(&d->xz);
    ZSTD_freeDCtx(d->zstd);
    if (d->lz4)
        LZ4F_freeDecompressionContext(d->lz4);
    if (d->fd >= 0)
        close(d->fd);
    free(d);
}

/* Returns what is left of the bytes that showed the kind, and from then on reads without a copy. */
static ssize_t read_plain(struct decompress *d, void *buf, size_t n)
{
    size_t have = d->len - d->pos;
    if (have == 0 && !d->eof) {
        ssize_t got = read_stored(d, buf, n);
        d->base += got > 0 ? (uint64_t)got : 0;
        return got;
    }
    if (n > have)
        n = have;
    memcpy(buf, d->in + d->pos, n);
    d->pos += n;
    return (ssize_t)n;
}

/* Each decoder below takes input from in[pos..len) and returns the number of bytes that it produced, 0 to ask
 * for more input, or -1. */

static ssize_t read_gzip(struct decompress *d, void *buf, size_t n)
{
    if (!d->within) { /* at the start of a member: two bytes tell a member from trailing garbage */
        for (; d->pos < d->len && d->in[d->pos] == 0; d->pos++)
            d->padded = true; /* tapes and `truncate` leave such zeros */
        if (d->pos == d->len)
            return 0;
        if (d->padded)
            return fail(d, "bytes that are no padding follow the zeros after the last gzip member", NULL);
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

/* Starts the next of the independent streams that may follow each other. Returns 1: started, 0: more input is
 * needed, or -1. */
static int start_bzip2(struct decompress *d)
{
    size_t have = d->len - d->pos;
    if (have < MAGIC_BYTES && !d->eof)
        return 0;
    if (!is_bzip2(d->in + d->pos, have))
        return begins(d->in + d->pos, have < 3 ? have : 3, "BZh", have < 3 ? have : 3)
                   ? fail(d, "truncated: ends within a compressed frame", NULL)
                   : fail(d, "bytes that are no bzip2 stream follow the last one", NULL);
    if (d->bz2.state)
        BZ2_bzDecompressEnd(&d->bz2);
    if (BZ2_bzDecompressInit(&d->bz2, 0, 0) != BZ_OK)
        return fail(d, "out of memory", NULL);
    d->within = true;
    return 1;
}

static ssize_t read_bzip2(struct decompress *d, void *buf, size_t n)
{
    if (!d->within) {
        int started = start_bzip2(d);
        if (started <= 0)
            return started;
    }
    d->bz2.next_in = (char *)d->in + d->pos;
    d->bz2.avail_in = (unsigned)(d->len - d->pos);
    d->bz2.next_out = buf;
    d->bz2.avail_out = n > INT_MAX ? INT_MAX : (unsigned)n;
    unsigned room = d->bz2.avail_out;
    int r = BZ2_bzDecompress(&d->bz2);
    d->pos = d->len - d->bz2.avail_in;
    if (r == BZ_STREAM_END)
        d->within = false;
    else if (r == BZ_MEM_ERROR)
        return fail(d, "out of memory", NULL);
    else if (r != BZ_OK)
        return fail(d, "corrupt bzip2 stream", NULL);
    return (ssize_t)(room - d->bz2.avail_out);
}

static ssize_t read_xz(struct decompress *d, void *buf, size_t n)
{
    d->xz.next_in = d->in + d->pos;
    d->xz.avail_in = d->len - d->pos;
    d->xz.next_out = buf;
    d->xz.avail_out = n;
    lzma_ret r = lzma_code(&d->xz, d->eof ? LZMA_FINISH : LZMA_RUN);
    d->pos = d->len - d->xz.avail_in;
    d->within = r != LZMA_STREAM_END; /* liblzma itself joins streams and padding that follow each other */
    if (r == LZMA_OK || r == LZMA_STREAM_END || r == LZMA_BUF_ERROR)
        return (ssize_t)(n - d->xz.avail_out);
    if (r == LZMA_MEMLIMIT_ERROR)
        return fail(d, "xz stream with a dictionary above the limit for windows is refused", NULL);
    if (r == LZMA_MEM_ERROR)
        return fail(d, "out of memory", NULL);
    return fail(d, "corrupt xz stream", NULL);
}

static int window_too_large(struct decompress *d)
{
    char what[120];
    snprintf(what, sizeof what,
             "zstd frame with a window above %llu MiB is refused (--zstd-window takes more)",
             1ull << (window_log - 20));
    return fail(d, what, NULL);
}

static ssize_t read_zstd(struct decompress *d, void *buf, size_t n)
{
    ZSTD_inBuffer in = {d->in, d->len, d->pos};
    ZSTD_outBuffer out = {buf, n, 0};
    size_t r = ZSTD_decompressStream(d->zstd, &out, &in);
    d->pos = in.pos;
    if (ZSTD_isError(r)) {
        switch (ZSTD_getErrorCode(r)) {
        case ZSTD_error_frameParameter_windowTooLarge:
            return window_too_large(d);
        case ZSTD_error_prefix_unknown: /* not in the first frame, which detect() has seen */
            return fail(d, "bytes that are no zstd frame follow the last one", NULL);
        case ZSTD_error_memory_allocation:
            return fail(d, "out of memory", NULL);
        default:
            return fail(d, "corrupt zstd frame", ZSTD_getErrorName(r));
        }
    }
    d->within = r != 0;
    return (ssize_t)out.pos;
}

static ssize_t read_lz4(struct decompress *d, void *buf, size_t n)
{
    size_t taken = d->len - d->pos, given = n;
    size_t r = LZ4F_decompress(d->lz4, buf, &given, d->in + d->pos, &taken, NULL);
    if (LZ4F_isError(r)) {
        switch (LZ4F_getErrorCode(r)) {
        case LZ4F_ERROR_frameType_unknown:
            return fail(d, "bytes that are no lz4 frame follow the last one", NULL);
        case LZ4F_ERROR_allocation_failed:
            return fail(d, "out of memory", NULL);
        default:
            return fail(d, "corrupt lz4 frame", LZ4F_getErrorName(r));
        }
    }
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
    case DECOMPRESS_BZIP2:
        return read_bzip2(d, buf, n);
    case DECOMPRESS_XZ:
        return read_xz(d, buf, n);
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
        /* A decoder may hold back output that did not fit, so within a frame it is called even without new
         * input. */
        if (d->pos < d->len || d->within || d->kind == DECOMPRESS_PLAIN) {
            size_t before = d->pos;
            ssize_t got = decode(d, buf, n);
            if (got != 0)
                return got;
            if (d->pos != before)
                continue;
        }
        if (d->eof && d->pos == d->len)
            return d->within ? fail(d, "truncated: ends within a compressed frame", NULL) : 0;
        if (d->eof && d->len < IN_BYTES) /* unread input remains, and no more comes to complete it */
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
        {".gz", DECOMPRESS_GZIP}, {".zst", DECOMPRESS_ZSTD},  {".zstd", DECOMPRESS_ZSTD},
        {".lz4", DECOMPRESS_LZ4}, {".bz2", DECOMPRESS_BZIP2}, {".xz", DECOMPRESS_XZ},
    };
    size_t len = strlen(name);
    *stem = len;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i].end);
        if (len > n && strcasecmp(name + len - n, ends[i].end) == 0) {
            *stem = len - n;
            return ends[i].kind;
        }
    }
    return DECOMPRESS_AUTO;
}
