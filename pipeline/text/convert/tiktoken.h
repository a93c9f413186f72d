/*
 * tiktoken.h - converts a .tiktoken file to a tokenizer: tokenizer.md, "Converting"
 *
 * Each line is a token: its bytes in base64, a space, and its rank, which is its id. Ranks may have gaps. The
 * file does not say how text is cut into pieces, nor which special tokens there are.
 */
#ifndef CONVERT_TIKTOKEN_H
#define CONVERT_TIKTOKEN_H

#include "pipeline/text/pretokenize/pretokenizer.h"
#include "pipeline/text/vocabulary/tokenizer.h"

struct special_token {
    const char *content; /* UTF-8, not empty; borrowed */
    uint32_t id;         /* UINT32_MAX: the id after the highest one */
};

struct tiktoken_opts {
    enum pattern pattern;
    const char *regex; /* for PATTERN_REGEX */
    bool nfc;
    const struct special_token *special;
    size_t n_special;
};

/* A published vocabulary, recognised by the number of its ranks. */
struct tiktoken_family {
    const char *name; /* the word that --pattern takes */
    enum pattern pattern;
    bool nfc;
    uint32_t n_ranks;
    size_t n_special;
    const char *regex; /* for PATTERN_REGEX */
};
enum { TIKTOKEN_FAMILIES = 5 };
extern const struct tiktoken_family tiktoken_families[TIKTOKEN_FAMILIES];
/* Returns the special tokens of a family, n_special of them; *text, malloc'd, owns their contents. */
struct special_token *tiktoken_family_special(const struct tiktoken_family *f, char **text);

/* Returns the number of non-empty lines, which is the number of ranks of a valid file. */
uint32_t tiktoken_count(const char *bytes, size_t len);
/* Returns NULL with file, line and reason in err. */
struct tokenizer *tiktoken_parse(const char *bytes, size_t len, const struct tiktoken_opts *opts,
                                 const char *name, char *err, size_t cap);

#endif
