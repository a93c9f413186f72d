/*
 * vocabulary.h - the inside of a tokenizer, for the files of this directory
 *
 *   t = vocabulary_new(n)
 *   vocabulary_set(t, id, bytes, len, kind), vocabulary_merge(t, left, right, id) in order of rank
 *   vocabulary_finish(t, why, cap)      checks it, builds the tables, hashes; then it is immutable
 */
#ifndef VOCABULARY_VOCABULARY_H
#define VOCABULARY_VOCABULARY_H

#include "pipeline/text/pretokenize/pretokenizer.h"
#include "pipeline/text/vocabulary/seams.h"
#include "pipeline/text/vocabulary/tokenizer.h"
#include "pipeline/text/vocabulary/trie.h"

enum {
    VOCABULARY_MAX = 1 << 20,        /* ids: 20 bits */
    VOCABULARY_MAX_MERGES = 1 << 23, /* ranks: 24 bits, the highest is none */
    VOCABULARY_MAX_TOKEN = 65535,    /* bytes of one token: TOKENS_MAX_TOKEN_BYTES */
    FILTER_SHIFT = 3, /* a word of the filter for 8 slots: at most 1 in 100 pairs pass that should not */
};

enum token_kind {
    TOKEN_UNUSED, /* no such id */
    TOKEN_TEXT,   /* a byte, or what merges make */
    TOKEN_CODE,   /* in the vocabulary, but no merge makes it: unused ids */
    TOKEN_ADDED,  /* an added token that is not special */
    TOKEN_SPECIAL,
};

struct token {
    uint32_t at, len; /* in bytes[] */
    enum token_kind kind;
    /* of added tokens: white space before or behind belongs to it; looked for after the normaliser */
    bool lstrip, rstrip, normalized;
};

struct merge { /* rank is the position in merges[] */
    uint32_t left, right, id;
};

struct made { /* the last merge that makes a token of its own bytes; 0 of bytes */
    uint64_t left : 20, right : 20;
    uint64_t by : 24; /* its rank + 1 */
};
_Static_assert(sizeof(struct made) == 8, "eight to a cache line");

struct extent {
    uint32_t len;     /* bytes of a token; 0: the merges do not make it of its own bytes */
    uint32_t shorter; /* the longest token that its bytes begin with, but itself; of a byte nothing */
};

struct tokenizer {
    enum pattern pattern; /* of the pre-tokenizer; 0, the default, is ours */
    char *regex;          /* PATTERN_REGEX; else NULL */
    bool nfc;             /* text is normalised to NFC first */
    bool ignore_merges;   /* a piece that is a token is that token, whatever the merges make of it */
    uint32_t vocab_size;
    struct token *tokens; /* vocab_size of them */
    char *bytes;
    size_t n_bytes, bytes_cap;
    struct merge *merges;
    uint32_t n_merges, merges_cap;
    bool in_order;     /* no merge that can happen ranks before those of its parts: pieces can be matched */
    struct made *made; /* these two: vocab_size of them; all 0 unless in_order */
    struct extent *extents;
    struct trie trie; /* in_order: id + 1 of the tokens that are made */
    struct seams
        seams; /* of the tokens that merges make; none with ignore_merges, where a whole piece may differ */
    uint64_t *slots; /* hash table of pairs: left, right (20 bits each), rank (24); all ones: empty */
    int slot_shift;
    uint64_t *filter; /* two bits of a word for each pair: most pairs that are asked for do not merge */
    uint32_t byte_id[256];
    uint32_t *added; /* TOKEN_ADDED and TOKEN_SPECIAL, by first byte, then longest first */
    uint32_t n_added;
    uint32_t added_from[257]; /* added[added_from[b] .. added_from[b + 1]) begin with byte b */
    bool added_any[2][2];     /* by enum added_pass, enum added_kinds: whether there is any to look for */
    uint32_t *whole;          /* ignore_merges: hash table of text tokens by their bytes; UINT32_MAX: empty */
    uint32_t whole_mask;
    uint64_t hash;
};

struct tokenizer *vocabulary_new(uint32_t vocab_size);
/* The id must be unused, len at most VOCABULARY_MAX_TOKEN. */
void vocabulary_set(struct tokenizer *t, uint32_t id, const char *bytes, size_t len, enum token_kind kind);
void vocabulary_merge(struct tokenizer *t, uint32_t left, uint32_t right, uint32_t id);
/* 0, or -1 with the reason. */
int vocabulary_finish(struct tokenizer *t, char *why, size_t cap);

/* id of the text token with these bytes, made by merges or not; UINT32_MAX: none. Of tokenizers with
 * ignore_merges. */
uint32_t vocabulary_find(const struct tokenizer *t, const char *bytes, size_t len);
/* Fills in_order, made, extents and trie: merge_valid.c. */
void merges_prepare(struct tokenizer *t);
/* Whether two tokens that are made of their own bytes stay apart up to the merge of rank `limit`; UINT32_MAX:
 * for good. */
bool merges_keep_apart(const struct tokenizer *t, uint32_t left, uint32_t right, uint32_t limit);
/* Fills added_any: added.c. */
void added_prepare(struct tokenizer *t);

static inline const char *token_bytes(const struct tokenizer *t, uint32_t id)
{
    return t->bytes + t->tokens[id].at;
}

static inline uint64_t merge_pair(uint32_t left, uint32_t right)
{
    return (uint64_t)left << 32 | right;
}

/* The hash of a pair, and its two bits in the filter's word. */
static inline uint64_t pair_hash(uint32_t left, uint32_t right)
{
    return ((uint64_t)left << 20 | right) * 0x9e3779b97f4a7c15u;
}

static inline uint64_t pair_bits(uint64_t hash)
{
    return (uint64_t)1 << (hash >> 26 & 63) | (uint64_t)1 << (hash >> 32 & 63);
}

/* Rank of the merge of these two; UINT32_MAX: they do not merge. */
static inline uint32_t merge_rank(const struct tokenizer *t, uint32_t left, uint32_t right)
{
    uint64_t pair = (uint64_t)left << 20 | right, hash = pair_hash(left, right), bits = pair_bits(hash);
    if ((t->filter[hash >> (t->slot_shift + FILTER_SHIFT)] & bits) != bits)
        return UINT32_MAX;
    uint64_t i = hash >> t->slot_shift;
    for (; t->slots[i] != UINT64_MAX; i = (i + 1) & (UINT64_MAX >> t->slot_shift))
        if (t->slots[i] >> 24 == pair)
            return (uint32_t)(t->slots[i] & 0xffffff);
    return UINT32_MAX;
}

/* The layout of ids: tokenizer.md. */
struct layout {
    uint32_t n_text;           /* bytes and merges: ids from 0 */
    uint32_t n_special;        /* after them */
    uint32_t n_image, n_audio; /* codes, after these */
};
struct layout vocabulary_layout(uint32_t vocab_size);
/* Sets what follows the text ids, and fills text ids from n_made on with unused ones. */
void vocabulary_add_rest(struct tokenizer *t, const struct layout *l, uint32_t n_made);

#endif
