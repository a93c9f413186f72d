/*
 * tiktoken.h - a .tiktoken file as a tokenizer: tokenizer.md, "Converting"
 *
 * A line a token: its bytes in base64, a space, its rank, which is its id. Ranks may have gaps. Nothing in
 * the file says how text is cut, nor which special tokens there are.
 */
#ifndef CONVERT_TIKTOKEN_H
#define CONVERT_TIKTOKEN_H

#include "pipeline/text/pretokenize/pretokenizer.h"
#include "pipeline/text/vocabulary/tokenizer.h"

struct special_token {
    const char *content; /* UTF-8, not empty; borrowed */
    uint32_t id;         /* UINT32_MAX: the next one after the highest */
};

struct tiktoken_opts {
    enum pattern pattern;
    const char *regex; /* PATTERN_REGEX */
    bool nfc;
    const struct special_token *special;
    size_t n_special;
};

/* A vocabulary in use, known by the number of its ranks. */
struct tiktoken_family {
    const char *name; /* as --pattern has it */
    enum pattern pattern;
    bool nfc;
    uint32_t n_ranks;
    size_t n_special;
    const char *regex; /* PATTERN_REGEX */
};
enum { TIKTOKEN_FAMILIES = 5 };
extern const struct tiktoken_family tiktoken_families[TIKTOKEN_FAMILIES];
/* The special tokens of one, n_special of them; *text, malloc'd, owns what their contents point to. */
struct special_token *tiktoken_family_special(const struct tiktoken_family *f, char **text);

/* How many lines are not empty: the number of ranks of a good file. */
uint32_t tiktoken_count(const char *bytes, size_t len);
/* NULL, with file, line and reason in err. */
struct tokenizer *tiktoken_parse(const char *bytes, size_t len, const struct tiktoken_opts *opts,
                                 const char *name, char *err, size_t cap);

#endif
