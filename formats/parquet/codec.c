#include "formats/parquet/codec.h"

#include "formats/parquet/parquet.h"

#include <brotli/decode.h>
#include <limits.h>
#include <lz4.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

struct codec_state {
    ZSTD_DCtx *zstd;
    z_stream gzip;
};

static const char wrong_size[] = "its content is not as long as the page says";

struct codec_state *codec_new(void)
{
    struct codec_state *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->zstd = ZSTD_createDCtx();
    if (!s->zstd || inflateInit2(&s->gzip, 15 + 32) != Z_OK) { /* 32: accepts both gzip and zlib */
        ZSTD_freeDCtx(s->zstd);
        free(s);
        return NULL;
    }
    return s;
}

void codec_free(struct codec_state *s)
{
    if (!s)
        return;
    ZSTD_freeDCtx(s->zstd);
    inflateEnd(&s->gzip);
    free(s);
}

const char *parquet_codec_name(int codec)
{
    static const char *const names[] = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO",
                                        "BROTLI",       "LZ4",    "ZSTD", "LZ4_RAW"};
    return codec >= 0 && codec < (int)(sizeof names / sizeof *names) ? names[codec] : NULL;
}

const char *codec_refused(int codec)
{
    if (codec == CODEC_LZO)
        return "it is compressed with LZO, which this reader does not have";
    return parquet_codec_name(codec) ? NULL : "it is compressed in a way that this reader does not know";
}

static const char *decode_snappy(const uint8_t *in, size_t in_n, uint8_t *out, size_t n)
{
    size_t len;
    if (snappy_uncompressed_length((const char *)in, in_n, &len) != SNAPPY_OK)
        return "not snappy";
    if (len != n)
        return wrong_size;
    return snappy_uncompress((const char *)in, in_n, (char *)out, &len) == SNAPPY_OK ? NULL
                                                                                     : "damaged snappy data";
}

static const char *decode_zstd(ZSTD_DCtx *z, const uint8_t *in, size_t in_n, uint8_t *out, size_t n)
{
    size_t r = ZSTD_decompressDCtx(z, out, n, in, in_n);
    if (ZSTD_isError(r))
        return ZSTD_getErrorName(r);
    return r == n ? NULL : wrong_size;
}

/* Decompresses one or several gzip members that follow each other. */
static const char *decode_gzip(z_stream *z, const uint8_t *in, size_t in_n, uint8_t *out, size_t n)
{
    int r = Z_OK;
    z->next_in = (uint8_t *)in;
    z->next_out = out;
    z->avail_in = (unsigned)in_n;
    z->avail_out = (unsigned)n;
    do {
        inflateReset(z);
        r = inflate(z, Z_FINISH);
    } while (r == Z_STREAM_END && z->avail_in > 0);
    if (r == Z_BUF_ERROR && z->avail_in > 0)
        return wrong_size;
    if (r != Z_STREAM_END)
        return z->msg ? z->msg : "truncated gzip data";
    return z->avail_out == 0 ? NULL : wrong_size;
}

static const char *decode_brotli(const uint8_t *in, size_t in_n, uint8_t *out, size_t n)
{
    size_t len = n;
    if (BrotliDecoderDecompress(in_n, in, &len, out) != BROTLI_DECODER_RESULT_SUCCESS)
        return "damaged brotli data";
    return len == n ? NULL : wrong_size;
}

static const char *decode_lz4_block(const uint8_t *in, size_t in_n, uint8_t *out, size_t n)
{
    int r = LZ4_decompress_safe((const char *)in, (char *)out, (int)in_n, (int)n);
    if (r < 0)
        return "damaged lz4 data";
    return (size_t)r == n ? NULL : wrong_size;
}

static uint32_t big32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Decompresses Hadoop's framing: blocks, each preceded by its sizes before and after compression. */
static const char *decode_hadoop(const uint8_t *in, size_t in_n, uint8_t *out, size_t n)
{
    while (in_n > 0 || n > 0) {
        if (in_n < 8)
            return "truncated lz4 data";
        uint32_t content = big32(in), block = big32(in + 4);
        in += 8;
        in_n -= 8;
        if (block > in_n || content > n)
            return "damaged lz4 data";
        const char *why = decode_lz4_block(in, block, out, content);
        if (why)
            return why;
        in += block;
        in_n -= block;
        out += content;
        n -= content;
    }
    return NULL;
}

/* LZ4 officially means Hadoop's framing, but early versions of parquet-cpp wrote a bare block. */
static const char *decode_old_lz4(const uint8_t *in, size_t in_n, uint8_t *out, size_t n)
{
    return decode_hadoop(in, in_n, out, n) ? decode_lz4_block(in, in_n, out, n) : NULL;
}

const char *codec_decode(struct codec_state *s, int codec, const uint8_t *in, size_t in_n, uint8_t *out,
                         size_t n)
{
    if (in_n > INT_MAX || n > INT_MAX)
        return "it is longer than 2 GiB";
    if (n == 0)
        return NULL; /* some writers compress an empty page to no bytes */
    switch (codec) {
    case CODEC_SNAPPY:
        return decode_snappy(in, in_n, out, n);
    case CODEC_GZIP:
        return decode_gzip(&s->gzip, in, in_n, out, n);
    case CODEC_BROTLI:
        return decode_brotli(in, in_n, out, n);
    case CODEC_LZ4:
        return decode_old_lz4(in, in_n, out, n);
    case CODEC_ZSTD:
        return decode_zstd(s->zstd, in, in_n, out, n);
    case CODEC_LZ4_RAW:
        return decode_lz4_block(in, in_n, out, n);
    case CODEC_UNCOMPRESSED:
        if (in_n != n)
            return wrong_size;
        memcpy(out, in, n);
        return NULL;
    default:
        return codec_refused(codec);
    }
}
