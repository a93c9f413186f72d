#include "formats/compress.h"

#include <stdlib.h>
#include <zstd.h>

enum { OUT_BYTES = 1 << 17 };

struct compress {
    FILE *f;
    ZSTD_CCtx *zstd;
    char out[OUT_BYTES];
};

/* Returns 0 when everything is written, and -1 on an error. */
static int push(struct compress *c, const char *p, size_t n, ZSTD_EndDirective how)
{
    ZSTD_inBuffer in = {p, n, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {c->out, sizeof c->out, 0};
        left = ZSTD_compressStream2(c->zstd, &out, &in, how);
        if (ZSTD_isError(left) || fwrite(c->out, 1, out.pos, c->f) != out.pos)
            return -1;
    } while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
    return 0;
}

static ssize_t on_write(void *arg, const char *p, size_t n)
{
    return push(arg, p, n, ZSTD_e_continue) == 0 ? (ssize_t)n
                                                 : 0; /* a cookie's write function reports an error as 0 */
}

static int on_close(void *arg)
{
    struct compress *c = arg;
    int r = push(c, NULL, 0, ZSTD_e_end);
    ZSTD_freeCCtx(c->zstd);
    free(c);
    return r;
}

FILE *compress_open(FILE *f, int level)
{
    struct compress *c = malloc(sizeof *c);
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    if (c && zstd) {
        c->f = f;
        c->zstd = zstd;
        ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level);
        ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
        FILE *z = fopencookie(c, "w", (cookie_io_functions_t){.write = on_write, .close = on_close});
        if (z)
            return z;
    }
    ZSTD_freeCCtx(zstd);
    free(c);
    return NULL;
}
