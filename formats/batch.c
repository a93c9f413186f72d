#include "formats/batch.h"

#include <string.h>
#include <xxhash.h>

static uint64_t header_hash(const struct batch_header *h)
{
    return XXH3_64bits(h, offsetof(struct batch_header, header_hash));
}

void batch_header_seal(struct batch_header *h)
{
    memcpy(h->magic, BATCH_MAGIC, 8);
    h->version = BATCH_VERSION;
    h->token_width = h->vocab_size <= 65536 ? 2 : 4;
    memset(h->reserved, 0, sizeof h->reserved);
    h->header_hash = header_hash(h);
}

static size_t payload_bytes(const struct batch_header *h)
{
    return (size_t)h->B * sizeof(struct batch_row) + (size_t)h->B * ((size_t)h->T + 1) * h->token_width;
}

int batch_header_check(const struct batch_header *h)
{
    if (memcmp(h->magic, BATCH_MAGIC, 8) != 0)
        return BATCH_EMAGIC;
    if (h->version != BATCH_VERSION)
        return BATCH_EVERSION;
    if (h->header_hash != header_hash(h))
        return BATCH_EHASH;
    if (h->vocab_size == 0 || h->token_width != (h->vocab_size <= 65536 ? 2u : 4u))
        return BATCH_EWIDTH;
    if (h->B == 0 || h->B > BATCH_MAX_B || h->T == 0 || h->T > BATCH_MAX_T || h->n_sources == 0 ||
        h->n_sources > BATCH_MAX_SOURCES ||
        payload_bytes(h) > BATCH_MAX_RECORD - sizeof(struct batch_record) - 8)
        return BATCH_ESHAPE;
    return BATCH_OK;
}

size_t batch_record_bytes(const struct batch_header *h)
{
    return (sizeof(struct batch_record) + payload_bytes(h) + 7) & ~(size_t)7;
}

uint64_t batch_payload_hash(const struct batch_header *h, const void *record)
{
    return XXH3_64bits(batch_rows(record), payload_bytes(h));
}

const char *batch_strerror(int err)
{
    switch (err) {
    case BATCH_OK:
        return "no error";
    case BATCH_EMAGIC:
        return "not a batch stream (wrong magic)";
    case BATCH_EVERSION:
        return "batch stream of another version";
    case BATCH_EHASH:
        return "batch stream header is damaged (checksum)";
    case BATCH_EWIDTH:
        return "token width does not fit the vocabulary";
    case BATCH_ESHAPE:
        return "batch stream header has an impossible shape";
    }
    return "unknown batch stream error";
}
