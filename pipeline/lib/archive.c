#include "pipeline/lib/archive.h"

#include <lz4frame.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "formats/manifest.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

enum {
    CHUNK_BYTES = 1 << 20,
    ZSTD_LEVEL = 3,
    MAX_WINDOW_LOG = 27,            /* 128 MiB: what zstd itself accepts without --long */
};

struct copy {                       /* one file being turned into another */
    const char *from;
    FILE *in;
    struct commit out;
    unsigned char *buffer;          /* input */
    size_t n;                       /* bytes in it */
    uint64_t offset, written, limit;    /* offset: of the input behind the buffer */
};

static void copy_open(struct copy *c, const char *from, const char *to, uint64_t limit)
{
    *c = (struct copy){.from = from, .limit = limit};
    c->in = fopen(from, "rbe");
    if (!c->in)
        die_errno("%s", from);
    c->buffer = xmalloc(CHUNK_BYTES);
    commit_open(&c->out, to);
}

static bool copy_fill(struct copy *c)
{
    c->n = fread(c->buffer, 1, CHUNK_BYTES, c->in);
    c->offset += c->n;
    if (ferror(c->in))
        die_errno("%s: cannot read", c->from);
    return c->n > 0;
}

static _Noreturn void bad(const struct copy *c, uint64_t offset, const char *reason)
{
    die("%s: offset %llu: %s", c->from, (unsigned long long)offset, reason);
}

static void copy_write(struct copy *c, const void *p, size_t n)
{
    if (n > c->limit - c->written)
        bad(c, c->offset, "holds more than the manifest says");
    c->written += n;
    if (fwrite(p, 1, n, c->out.f) != n)
        die_errno("%s: cannot write", c->out.path);
}

static void copy_close(struct copy *c)
{
    fclose(c->in);
    free(c->buffer);
    commit_finish(&c->out);
}

static void pack_zstd(struct copy *c)
{
    ZSTD_CCtx *z = ZSTD_createCCtx();
    size_t cap = ZSTD_CStreamOutSize();
    void *out = xmalloc(cap);
    if (!z)
        die("out of memory");
    ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
    for (bool more = true; more;) {
        more = copy_fill(c);
        ZSTD_inBuffer in = {c->buffer, c->n, 0};
        size_t left;
        do {
            ZSTD_outBuffer o = {out, cap, 0};
            left = ZSTD_compressStream2(z, &o, &in, more ? ZSTD_e_continue : ZSTD_e_end);
            if (ZSTD_isError(left))
                bad(c, c->offset, ZSTD_getErrorName(left));
            copy_write(c, out, o.pos);
        } while (more ? in.pos < in.size : left > 0);
    }
    ZSTD_freeCCtx(z);
    free(out);
}

static void unpack_zstd(struct copy *c)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();
    size_t cap = ZSTD_DStreamOutSize(), left = 1;
    void *out = xmalloc(cap);
    if (!z)
        die("out of memory");
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, MAX_WINDOW_LOG);
    while (copy_fill(c)) {
        ZSTD_inBuffer in = {c->buffer, c->n, 0};
        ZSTD_outBuffer o;
        do {                        /* until the input is used and the decoder has nothing kept back */
            o = (ZSTD_outBuffer){out, cap, 0};
            left = ZSTD_decompressStream(z, &o, &in);
            if (ZSTD_isError(left))
                bad(c, c->offset - c->n + in.pos, ZSTD_getErrorName(left));
            copy_write(c, out, o.pos);
        } while (in.pos < in.size || (left != 0 && o.pos == cap));
    }
    if (left != 0)
        bad(c, c->offset, "ends within the compressed data");
    ZSTD_freeDCtx(z);
    free(out);
}

static size_t lz4_check(const struct copy *c, uint64_t offset, size_t n)
{
    if (LZ4F_isError(n))
        bad(c, offset, LZ4F_getErrorName(n));
    return n;
}

static void pack_lz4(struct copy *c)
{
    LZ4F_preferences_t prefs = {.frameInfo = {.contentChecksumFlag = LZ4F_contentChecksumEnabled,
                                              .blockSizeID = LZ4F_max1MB}};
    LZ4F_cctx *z;
    lz4_check(c, 0, LZ4F_createCompressionContext(&z, LZ4F_VERSION));
    size_t cap = LZ4F_compressBound(CHUNK_BYTES, &prefs) + LZ4F_HEADER_SIZE_MAX;
    void *out = xmalloc(cap);
    copy_write(c, out, lz4_check(c, 0, LZ4F_compressBegin(z, out, cap, &prefs)));
    while (copy_fill(c))
        copy_write(c, out, lz4_check(c, c->offset, LZ4F_compressUpdate(z, out, cap, c->buffer, c->n, NULL)));
    copy_write(c, out, lz4_check(c, c->offset, LZ4F_compressEnd(z, out, cap, NULL)));
    LZ4F_freeCompressionContext(z);
    free(out);
}

static void unpack_lz4(struct copy *c)
{
    LZ4F_dctx *z;
    lz4_check(c, 0, LZ4F_createDecompressionContext(&z, LZ4F_VERSION));
    void *out = xmalloc(CHUNK_BYTES);
    size_t left = 1;
    while (copy_fill(c)) {
        size_t pos = 0, made;
        do {
            size_t used = c->n - pos;
            made = CHUNK_BYTES;
            left = lz4_check(c, c->offset - c->n + pos, LZ4F_decompress(z, out, &made, c->buffer + pos, &used, NULL));
            copy_write(c, out, made);
            pos += used;
        } while (pos < c->n || (left != 0 && made == CHUNK_BYTES));
    }
    if (left != 0)
        bad(c, c->offset, "ends within the compressed data");
    LZ4F_freeDecompressionContext(z);
    free(out);
}

void archive_pack(const char *from, const char *to, int kind)
{
    struct copy c;
    copy_open(&c, from, to, UINT64_MAX);
    if (kind == ARCHIVE_ZSTD)
        pack_zstd(&c);
    else
        pack_lz4(&c);
    copy_close(&c);
}

void archive_unpack(const char *from, const char *to, int kind, uint64_t bytes)
{
    struct copy c;
    copy_open(&c, from, to, bytes);
    if (kind == ARCHIVE_ZSTD)
        unpack_zstd(&c);
    else
        unpack_lz4(&c);
    if (c.written != bytes)
        bad(&c, c.offset, "holds less than the manifest says");
    copy_close(&c);
}
