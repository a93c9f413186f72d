/*
 * batch.h - training batches on a pipe or in a ring. Byte layout: formats/batch.md.
 *
 * The header is 128 bytes, first on the pipe or first record of the ring.
 * Then one record a step: {struct batch_record, B provenance entries, B rows of
 * T+1 tokens, zero padding to 8 bytes}; every record has the same size,
 * batch_record_bytes(). `train` cuts a step into micro-batches by itself.
 * A clean end is a record with step == BATCH_END and the same size (contents zero).
 */
#ifndef FORMATS_BATCH_H
#define FORMATS_BATCH_H

#include <stdint.h>
#include <stddef.h>

#define BATCH_MAGIC "TRTBTCH\n"
#define BATCH_END UINT64_MAX
enum {
    BATCH_VERSION = 1,
    BATCH_MAX_SOURCES = 64,
    BATCH_MAX_T = 1 << 20,
    BATCH_MAX_B = 1 << 20,
    BATCH_MAX_RECORD = 32 << 20
}; /* bytes; a ring holds five such records, which together with the shards stay below 1 GiB */

struct batch_header {
    char magic[8];
    uint32_t version;
    uint32_t token_width; /* 2 or 4 */
    uint32_t B, T;        /* rows a step; tokens a row, without the one more that is the last target */
    uint32_t vocab_size;
    uint32_t n_sources;
    uint64_t tokenizer_hash;
    uint64_t seed;
    uint64_t mix_hash;   /* XXH3-64 of the mix: sources, weights, shards, seed, B, T */
    uint64_t first_step; /* the value of --start-step */
    uint32_t eos_id;
    uint8_t reserved[52];
    uint64_t header_hash;
};
_Static_assert(sizeof(struct batch_header) == 128, "batch header is 128 bytes");

struct batch_record { /* 16 bytes */
    uint64_t step;
    uint64_t payload_hash; /* XXH3-64 of provenance and rows */
};

struct batch_row {     /* where a row came from: 16 bytes */
    uint16_t source;   /* index in the mix */
    uint16_t reserved; /* zero */
    uint32_t epoch;    /* how many times that source was started again from its beginning */
    uint64_t offset;   /* first token's position in the source's token sequence */
};
_Static_assert(sizeof(struct batch_row) == 16 && sizeof(struct batch_record) == 16,
               "no padding in a batch record");

enum {
    BATCH_OK = 0,
    BATCH_EMAGIC = -1,
    BATCH_EVERSION = -2,
    BATCH_EHASH = -3,
    BATCH_ESHAPE = -4,
    BATCH_EWIDTH = -5
};
void batch_header_seal(struct batch_header *h); /* fills in magic, version, width and hash */
int batch_header_check(const struct batch_header *h);
size_t batch_record_bytes(const struct batch_header *h); /* size of a whole record */
const char *batch_strerror(int err);

/* Views into a record of batch_record_bytes() bytes. The casts drop const, as strchr does: a caller who may
 * write the record may write through these. */
static inline struct batch_row *batch_rows(const void *record)
{
    return (struct batch_row *)((char *)record + sizeof(struct batch_record));
}
static inline void *batch_tokens(const struct batch_header *h, const void *record)
{
    return (char *)record + sizeof(struct batch_record) + (size_t)h->B * sizeof(struct batch_row);
}
uint64_t batch_payload_hash(const struct batch_header *h, const void *record);

#endif
