/*
 * vocabulary.h - internals of a tokenizer, for the files of this directory
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
    VOCABULARY_MAX = 1 << 20,        /* most ids: they have 20 bits */
    VOCABULARY_MAX_MERGES = 1 << 23, /* most merges: ranks have 24 bits, and the highest means none */
    VOCABULARY_MAX_TOKEN = 65535,    /* bytes of one token: TOKENS_MAX_TOKEN_BYTES */
    FILTER_SHIFT = 3, /* one filter word for 8 slots: at most 1 in 100 pairs passes by mistake */
};

enum token_kind {
    TOKEN_UNUSED, /* there is no such id */
    TOKEN_TEXT,   /* a byte, or a token that merges make */
    TOKEN_CODE,   /* in the vocabulary, but no merge makes it: unused ids */
    TOKEN_ADDED,  /* an added token that is not special */
    TOKEN_SPECIAL,
};

struct token {
    uint32_t at, len; /* in bytes[]: its bytes as merges see them */
    enum token_kind kind;
    bool added, special;          /* an added token, of any kind: merges may make the same id */
    uint32_t shown_at, shown_len; /* in bytes[]: the text that it stands for */
};

struct added { /* a string that is searched for in a text before the text is cut */
    uint32_t id;
    uint32_t at, len;           /* in bytes[]: its content */
    uint32_t find_at, find_len; /* in bytes[]: the string that is searched for: the content or, if
                                   `normalized`, its normalised form */
    bool special;
    bool lstrip, rstrip; /* white space before, or after, the token belongs to it */
    bool normalized;     /* searched for after the normaliser */
    bool word;           /* not found within a word */
};

/* For vocabularies whose merges begin with characters and not bytes (SentencePiece's). */
struct characters {
    bool fuse_unknown;  /* neighbouring unknown tokens become one */
    bool byte_fallback; /* a character that is no token is replaced by byte tokens */
    uint32_t unknown;   /* UINT32_MAX: unknown characters are left out, as in the library */
    uint32_t fallback[256];
    char *prefix,
        *suffix;  /* prefix: before all characters but the first; suffix: after the last; "" is none; owned */
    bool spaces;  /* U+2581 stands for a space */
    bool spelled; /* the characters are those of bytelevel.h */
};

/* How a text is normalised and cut where the hand-written patterns do not suffice; owned, with everything in
 * it. */
struct text_steps {
    struct rule *rules;
    size_t n_rules;
    struct step *steps;
    size_t n_steps;
};

struct merge { /* its rank is its position in merges[] */
    uint32_t left, right, id;
};

struct made { /* the last merge that makes a token of its own bytes; all 0 for bytes */
    uint64_t left : 20, right : 20;
    uint64_t by : 24; /* rank of that merge plus 1 */
};
_Static_assert(sizeof(struct made) == 8, "eight to a cache line");

struct extent {
    uint32_t len;     /* length of a token in bytes; 0: the merges do not make it of its own bytes */
    uint32_t shorter; /* the longest other token that its bytes begin with; bytes have none */
};

void text_steps_free(struct text_steps *s); /* NULL is fine */

struct tokenizer {
    enum pattern pattern;          /* pattern of the pre-tokenizer; 0, the default, is ours */
    struct text_steps *steps;      /* NULL: pattern and nfc suffice */
    struct characters *characters; /* NULL: byte-level; owned */
    bool spelled;             /* the steps produce characters of bytelevel.h, which are turned into bytes */
    bool gaps;                /* bytes that UTF-8 never contains have no token */
    size_t drop_spaces;       /* decoding removes this many spaces at the start of a text */
    uint32_t *before, *after; /* ids that the post-processor puts around a text; owned */
    size_t n_before, n_after;
    uint32_t eos, bos; /* set by files beside a tokenizer.json or by the caller; UINT32_MAX: not set */
    uint32_t *ends; /* the ids that end a text which a model writes, beside eos; NULL: no file says; owned */
    size_t n_ends;
    char *post_refused;   /* why the post-processor is not supported; NULL: it is; owned */
    bool whole_documents; /* the file asks for truncation or padding, which are left out */
    uint32_t renumbered;  /* number of added tokens whose id differs from the one in the file */
    char *regex;          /* for PATTERN_REGEX; else NULL */
    bool nfc;             /* text is first normalised to NFC */
    bool ignore_merges; /* a piece that is a token becomes that token, whatever the merges would make of it */
    uint32_t vocab_size;
    struct token *tokens; /* vocab_size of them */
    char *bytes;
    size_t n_bytes, bytes_cap;
    struct merge *merges;
    uint32_t n_merges, merges_cap;
    bool in_order; /* no merge that can happen ranks before the merges of its parts, so pieces can be matched
                    */
    struct made *made; /* made and extents have vocab_size elements; all 0 unless in_order */
    struct extent *extents;
    struct trie trie;   /* in_order: the tokens that are made, with id + 1 as value */
    struct seams seams; /* seams of the tokens that merges make; none with ignore_merges, where a whole piece
                           may be a token */
    uint64_t *slots;    /* hash table of pairs: left, right (20 bits each), rank (24); all ones: empty */
    int slot_shift;
    uint64_t *filter; /* two bits of a word for each pair: they rule out most pairs that do not merge */
    uint32_t byte_id[256];
    struct added *added; /* sorted by first byte of the string to find, then longest first */
    uint32_t n_added, added_cap;
    uint32_t added_from[257]; /* added[added_from[b] .. added_from[b + 1]) begin with byte b */
    bool added_any[2]
                  [2]; /* indexed by enum added_pass, enum added_kinds: whether there is any to search for */
    uint32_t *whole;   /* for ignore_merges and characters: hash table of text tokens by their bytes;
                          UINT32_MAX: empty */
    uint32_t whole_mask;
    uint64_t hash;
};

struct tokenizer *vocabulary_new(uint32_t vocab_size);
/* The id must be unused; len is at most VOCABULARY_MAX_TOKEN. */
void vocabulary_set(struct tokenizer *t, uint32_t id, const char *bytes, size_t len, enum token_kind kind);
/* Adds an added token, which may be in the vocabulary already. find: the string to search for; NULL: the
 * content. Returns its entry, valid until the next call. */
struct added *vocabulary_add(struct tokenizer *t, uint32_t id, const char *content, size_t len,
                             const char *find, size_t find_len, bool special);
/* Returns the entry with this content; NULL: none. */
struct added *vocabulary_added(const struct tokenizer *t, const char *content, size_t len);
void vocabulary_merge(struct tokenizer *t, uint32_t left, uint32_t right, uint32_t id);
/* Returns 0, or -1 with the reason. */
int vocabulary_finish(struct tokenizer *t, char *why, size_t cap);

/* Returns the id of the text token with these bytes, whether merges make it or not; UINT32_MAX: none. Only
 * for tokenizers with ignore_merges or characters. */
uint32_t vocabulary_find(const struct tokenizer *t, const char *bytes, size_t len);
/* Fills in in_order, made, extents and trie: merge_valid.c. */
void merges_prepare(struct tokenizer *t);
/* Whether two tokens that are made of their own bytes stay apart until the merge of rank `limit`; UINT32_MAX:
 * until the end. */
bool merges_keep_apart(const struct tokenizer *t, uint32_t left, uint32_t right, uint32_t limit);
/* Fills in added_any: added.c. */
void added_prepare(struct tokenizer *t);

static inline const char *token_bytes(const struct tokenizer *t, uint32_t id)
{
    return t->bytes + t->tokens[id].at;
}

static inline uint64_t merge_pair(uint32_t left, uint32_t right)
{
    return (uint64_t)left << 32 | right;
}

/* Returns the hash of a pair; its two bits in the filter's word follow from the hash. */
static inline uint64_t pair_hash(uint32_t left, uint32_t right)
{
    return ((uint64_t)left << 20 | right) * 0x9e3779b97f4a7c15u;
}

static inline uint64_t pair_bits(uint64_t hash)
{
    return (uint64_t)1 << (hash >> 26 & 63) | (uint64_t)1 << (hash >> 32 & 63);
}

/* Returns the rank of the merge of these two; UINT32_MAX: they do not merge. */
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

/* The layout of ids, described in tokenizer.md. */
struct layout {
    uint32_t n_text;           /* bytes and merges: ids from 0 on */
    uint32_t n_special;        /* special tokens follow the text ids */
    uint32_t n_image, n_audio; /* image and audio codes follow these */
};
struct layout vocabulary_layout(uint32_t vocab_size);
/* Adds everything that follows the text ids, and fills text ids from n_made on with unused ones. */
void vocabulary_add_rest(struct tokenizer *t, const struct layout *l, uint32_t n_made);

#endif
