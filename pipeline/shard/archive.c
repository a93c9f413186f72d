#include "pipeline/shard/archive.h"

#include <fcntl.h>
#include <lz4frame.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "formats/decompress.h"
#include "formats/manifest.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

enum {
    CHUNK_BYTES = 1 << 20,
    ZSTD_LEVEL = 3,
};

struct copy { /* one file being converted into another */
    const char *from;
    FILE *in; /* NULL when unpacking */
    struct commit out;
    unsigned char *buffer;           /* input */
    size_t n;                        /* bytes in the buffer */
    uint64_t offset, written, limit; /* offset: of the input after the buffer */
};

static void copy_open(struct copy *c, const char *from, const char *to)
{
    *c = (struct copy){.from = from, .limit = UINT64_MAX};
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

static size_t lz4_check(const struct copy *c, uint64_t offset, size_t n)
{
    if (LZ4F_isError(n))
        bad(c, offset, LZ4F_getErrorName(n));
    return n;
}

static void pack_lz4(struct copy *c)
{
    LZ4F_preferences_t prefs = {
        .frameInfo = {.contentChecksumFlag = LZ4F_contentChecksumEnabled, .blockSizeID = LZ4F_max1MB}};
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

void archive_pack(const char *from, const char *to, int kind)
{
    struct copy c;
    copy_open(&c, from, to);
    if (kind == ARCHIVE_ZSTD)
        pack_zstd(&c);
    else
        pack_lz4(&c);
    fclose(c.in);
    free(c.buffer);
    commit_finish(&c.out);
}

void archive_unpack(const char *from, const char *to, int kind, uint64_t bytes)
{
    struct copy c = {.from = from, .limit = bytes, .buffer = xmalloc(CHUNK_BYTES)};
    char err[200];
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die_errno("%s", from);
    struct decompress *d =
        decompress_open(fd, kind == ARCHIVE_ZSTD ? DECOMPRESS_ZSTD : DECOMPRESS_LZ4, err, sizeof err);
    if (!d)
        bad(&c, 0, err);
    commit_open(&c.out, to);
    ssize_t n;
    while ((n = decompress_read(d, c.buffer, CHUNK_BYTES)) > 0 || n == DECOMPRESS_AGAIN) {
        c.offset = decompress_offset(d);
        if (n > 0)
            copy_write(&c, c.buffer, (size_t)n);
    }
    c.offset = decompress_offset(d);
    if (n < 0)
        bad(&c, c.offset, decompress_error(d));
    if (c.written != bytes)
        bad(&c, c.offset, "holds less than the manifest says");
    decompress_close(d);
    free(c.buffer);
    commit_finish(&c.out);
}
