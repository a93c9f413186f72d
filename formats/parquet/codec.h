/*
 * codec.h - decompress a page whose size is known
 */
#ifndef PARQUET_CODEC_H
#define PARQUET_CODEC_H

#include <stddef.h>
#include <stdint.h>

enum parquet_codec { /* numbers as in the format */
                     CODEC_UNCOMPRESSED,
                     CODEC_SNAPPY,
                     CODEC_GZIP,
                     CODEC_LZO,
                     CODEC_BROTLI,
                     CODEC_LZ4, /* Hadoop's framing of lz4 blocks; deprecated */
                     CODEC_ZSTD,
                     CODEC_LZ4_RAW,
};

struct codec_state;                     /* decoder contexts that are reused from page to page */
struct codec_state *codec_new(void);    /* NULL: out of memory */
void codec_free(struct codec_state *s); /* NULL is fine */

/* Returns NULL when this reader can decode the codec, otherwise the reason why not. */
const char *codec_refused(int codec);
/* Writes exactly n bytes to out. Returns NULL, or the reason why that was not possible. */
const char *codec_decode(struct codec_state *s, int codec, const uint8_t *in, size_t in_n, uint8_t *out,
                         size_t n);

#endif
