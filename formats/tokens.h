/*
 * tokens.h - a stream of tokenised documents on a pipe, or in a ring. Byte layout: formats/tokens.md.
 *
 * The header is 128 bytes, the first thing on a pipe or the first record of a ring. Then records: a struct
 * tokens_record (24 bytes) and n_tokens tokens, padded with zeros to a multiple of 4 bytes. A document longer
 * than TOKENS_MAX_RECORD is cut into several records, all but the last flagged TOKENS_CONTINUED. The stream
 * ends with a record of domain TOKENS_END whose n_tokens is the number of documents modulo 2^32 (no payload),
 * so that a truncated stream can be told from a complete one.
 */
#ifndef FORMATS_TOKENS_H
#define FORMATS_TOKENS_H

#include <stdint.h>
#include <stddef.h>

#define TOKENS_MAGIC "TRTTOKS\n"
enum {
    TOKENS_VERSION = 2,
    TOKENS_MAX_RECORD = 1 << 20,    /* tokens in one record */
    TOKENS_MAX_TOKEN_BYTES = 65535, /* text bytes of one token: bounds text_bytes */
    TOKENS_CONTINUED = 1,           /* flag: the document goes on in the next record */
    TOKENS_END = 0xff,              /* domain value of the end record */
};

/* The domains of documents, in the order in which mix lists them. "other" is for text of none of these. */
enum domain { DOMAIN_OTHER, DOMAIN_LANGUAGE, DOMAIN_CODE, DOMAIN_MATH, DOMAIN_ML, DOMAIN_LOGIC, N_DOMAINS };
extern const char *const domain_names[N_DOMAINS];
int domain_from_name(const char *name); /* -1: unknown */

struct tokens_header {
    char magic[8];
    uint32_t version;
    uint32_t token_width;    /* 2 or 4 bytes */
    uint32_t vocab_size;     /* every token is below it */
    uint32_t eos_id, bos_id; /* ids written between documents; UINT32_MAX: none */
    uint32_t reserved0;
    uint64_t tokenizer_hash; /* XXH3-64 of the tokenizer (text/vocabulary/tokenizer.h: tokenizer_hash) */
    uint8_t reserved[80];
    uint64_t header_hash; /* XXH3-64 of the bytes before it */
};
_Static_assert(sizeof(struct tokens_header) == 128, "tokens header is 128 bytes");

struct tokens_record { /* 24 bytes, then the tokens */
    uint32_t n_tokens;
    uint8_t domain, flags;
    uint16_t zero;
    uint64_t text_bytes;    /* bytes of text these tokens decode to */
    uint64_t document_hash; /* XXH3-64 of the whole document as it was read; equal in all of its records */
};
_Static_assert(sizeof(struct tokens_record) == 24, "tokens record is 24 bytes");

enum {
    TOKENS_OK = 0,
    TOKENS_EMAGIC = -1,
    TOKENS_EVERSION = -2,
    TOKENS_EHASH = -3,
    TOKENS_EWIDTH = -4,
    TOKENS_ERECORD = -5
};
void tokens_header_init(struct tokens_header *h, uint32_t vocab_size, uint64_t tokenizer_hash, uint32_t bos,
                        uint32_t eos);
int tokens_header_check(const struct tokens_header *h);
/* Checks that lengths and zero bytes are within bounds. */
int tokens_record_check(const struct tokens_record *r);
size_t tokens_payload_bytes(const struct tokens_header *h, uint32_t n_tokens); /* padded to a multiple of 4 */
const char *tokens_strerror(int err);

#endif
