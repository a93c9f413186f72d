/*
 * vocabulary.h - the inside of a tokenizer, for the files of this directory
 *
 *   t = vocabulary_new(n)
 *   vocabulary_set(t, id, bytes, len, kind), vocabulary_merge(t, left, right, id) in order of rank
 *   vocabulary_finish(t, why, cap)      checks it, builds the tables, hashes; then it is immutable
 */
#ifndef TEXT_VOCABULARY_H
#define TEXT_VOCABULARY_H

#include "pipeline/text/tokenizer.h"

enum {
    VOCABULARY_MAX = 1 << 20,           /* ids */
    VOCABULARY_MAX_TOKEN = 65535,       /* bytes of one token: TOKENS_MAX_TOKEN_BYTES */
};

enum token_kind {
    TOKEN_UNUSED,       /* no such id */
    TOKEN_TEXT,         /* a byte, or what merges make */
    TOKEN_CODE,         /* in the vocabulary, but no merge makes it: unused ids */
    TOKEN_ADDED,        /* an added token that is not special */
    TOKEN_SPECIAL,
};

struct token {
    uint32_t at, len;                   /* in bytes[] */
    enum token_kind kind;
};

struct merge {                          /* rank is the position in merges[] */
    uint32_t left, right, id;
};

struct merge_slot {                     /* hash table of pairs; rank UINT32_MAX: empty */
    uint64_t pair;
    uint32_t rank, id;
};

struct tokenizer {
    uint32_t vocab_size;
    struct token *tokens;               /* vocab_size of them */
    char *bytes;
    size_t n_bytes, bytes_cap;
    struct merge *merges;
    uint32_t n_merges, merges_cap;
    struct merge_slot *slots;
    uint32_t slot_mask;
    uint32_t byte_id[256];
    uint32_t *added;                    /* TOKEN_ADDED and TOKEN_SPECIAL, by first byte, then longest first */
    uint32_t n_added;
    uint32_t added_from[257];           /* added[added_from[b] .. added_from[b + 1]) begin with byte b */
    uint64_t hash;
};

struct tokenizer *vocabulary_new(uint32_t vocab_size);
/* The id must be unused, len at most VOCABULARY_MAX_TOKEN. */
void vocabulary_set(struct tokenizer *t, uint32_t id, const char *bytes, size_t len, enum token_kind kind);
void vocabulary_merge(struct tokenizer *t, uint32_t left, uint32_t right, uint32_t id);
/* 0, or -1 with the reason. */
int vocabulary_finish(struct tokenizer *t, char *why, size_t cap);

static inline const char *token_bytes(const struct tokenizer *t, uint32_t id)
{
    return t->bytes + t->tokens[id].at;
}

static inline uint64_t merge_pair(uint32_t left, uint32_t right)
{
    return (uint64_t)left << 32 | right;
}

/* NULL: these two do not merge. */
static inline const struct merge_slot *merge_find(const struct tokenizer *t, uint32_t left, uint32_t right)
{
    uint64_t pair = merge_pair(left, right);
    uint32_t i = (uint32_t)((pair * 0x9e3779b97f4a7c15u) >> 32) & t->slot_mask;
    for (; t->slots[i].rank != UINT32_MAX; i = (i + 1) & t->slot_mask)
        if (t->slots[i].pair == pair)
            return &t->slots[i];
    return NULL;
}

#endif
