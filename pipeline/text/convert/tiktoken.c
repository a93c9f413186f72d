#include "pipeline/text/convert/tiktoken.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/convert/splits.h"
#include "pipeline/text/vocabulary/vocabulary.h"

_Static_assert((int)SPLIT_MAX_TOKEN == (int)VOCABULARY_MAX_TOKEN, "what can be split can be a token");

struct line {  /* the token of a rank; len 0: there is none */
    size_t at; /* offset in `bytes` */
    uint32_t len;
};

struct reader {
    const char *name;
    char *err;
    size_t cap;
    size_t line;           /* number of the line that is being read, from 1 */
    struct strbuf bytes;   /* the bytes of all tokens */
    struct line *ranks;    /* one for each of n_ranks */
    uint32_t n_ranks, end; /* end: the highest rank plus 1 */
};

__attribute__((format(printf, 2, 3))) static int bad(struct reader *r, const char *fmt, ...)
{
    char reason[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    if (r->line)
        snprintf(r->err, r->cap, "%s: line %zu: %s", r->name, r->line, reason);
    else
        snprintf(r->err, r->cap, "%s: %s", r->name, reason);
    return -1;
}

/* ---- lines ---- */

static int digit64(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Appends the bytes that n characters encode. Returns 0, or -1: they are not base64. */
static int add_base64(struct strbuf *out, const char *s, size_t n)
{
    if (n == 0 || n % 4 != 0)
        return -1;
    size_t pad = s[n - 1] == '=' ? 1 + (s[n - 2] == '=') : 0;
    for (size_t i = 0; i < n; i += 4) {
        uint32_t bits = 0;
        for (size_t k = i; k < i + 4; k++) {
            int digit = k >= n - pad ? 0 : digit64((unsigned char)s[k]);
            if (digit < 0)
                return -1;
            bits = bits << 6 | (uint32_t)digit;
        }
        size_t here = i + 4 == n ? 3 - pad : 3;
        if (bits & (0xffffffu >> 8 * here)) /* bits that belong to no complete byte must be 0 */
            return -1;
        unsigned char b[3] = {(unsigned char)(bits >> 16), (unsigned char)(bits >> 8), (unsigned char)bits};
        strbuf_add(out, b, here);
    }
    return 0;
}

static int read_rank(const char *s, size_t n, uint32_t *rank)
{
    uint32_t v = 0;
    if (n == 0 || n > 7 || (s[0] == '0' && n > 1))
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        v = v * 10 + (uint32_t)(s[i] - '0');
    }
    *rank = v;
    return v < VOCABULARY_MAX ? 0 : -1;
}

static void make_room(struct reader *r, uint32_t rank)
{
    if (rank < r->n_ranks)
        return;
    uint32_t n = rank < VOCABULARY_MAX / 2 ? 2 * rank + 1024 : VOCABULARY_MAX;
    r->ranks = xrealloc(r->ranks, n * sizeof *r->ranks);
    memset(r->ranks + r->n_ranks, 0, (n - r->n_ranks) * sizeof *r->ranks);
    r->n_ranks = n;
}

static int read_line(struct reader *r, const char *s, size_t n)
{
    const char *space = memchr(s, ' ', n);
    size_t at = r->bytes.len;
    uint32_t rank;
    if (!space)
        return bad(r, "not a token in base64, a space and a rank");
    if ((size_t)(space - s) > SPLIT_MAX_TOKEN / 3 * 4)
        return bad(r, "a token of more than %d bytes", (int)SPLIT_MAX_TOKEN);
    if (add_base64(&r->bytes, s, (size_t)(space - s)) < 0)
        return bad(r, "the token is not base64");
    if (read_rank(space + 1, n - (size_t)(space + 1 - s), &rank) < 0)
        return bad(r, "the rank is not a whole number from 0 to %d", VOCABULARY_MAX - 1);
    make_room(r, rank);
    if (r->ranks[rank].len)
        return bad(r, "rank %u is there twice", rank);
    r->ranks[rank] = (struct line){at, (uint32_t)(r->bytes.len - at)};
    r->end = rank >= r->end ? rank + 1 : r->end;
    return 0;
}

/* Finds the next line, without its end; false: there is none. Lines may also end with a carriage return. */
static bool next_line(const char *bytes, size_t len, size_t *at, const char **line, size_t *n)
{
    if (*at >= len)
        return false;
    const char *end = memchr(bytes + *at, '\n', len - *at);
    *line = bytes + *at;
    *n = (end ? (size_t)(end - bytes) : len) - *at;
    *at += *n + 1;
    if (*n > 0 && (*line)[*n - 1] == '\r')
        --*n;
    return true;
}

uint32_t tiktoken_count(const char *bytes, size_t len)
{
    const char *line;
    size_t at = 0, n;
    uint32_t count = 0;
    while (next_line(bytes, len, &at, &line, &n))
        count += n > 0;
    return count;
}

static int read_lines(struct reader *r, const char *bytes, size_t len)
{
    const char *line;
    size_t at = 0, n;
    while (next_line(bytes, len, &at, &line, &n)) {
        r->line++;
        if (n > 0 && read_line(r, line, n) < 0)
            return -1;
    }
    r->line = 0;
    return r->end ? 0 : bad(r, "empty: no tokens");
}

/* ---- the tokenizer ---- */

/* id_of: the id of each rank that exists. */
static int add_merges(struct reader *r, struct tokenizer *t, struct splits *s, const uint32_t *id_of,
                      uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t left, right;
        enum split split = splits_of(s, i, &left, &right);
        if (split == SPLIT_PAIR && (left == UINT32_MAX || right == UINT32_MAX))
            return bad(r, "token %u is made of a byte that is no token", id_of[i]);
        if (split == SPLIT_PAIR)
            vocabulary_merge(t, id_of[left], id_of[right], id_of[i]);
        t->ignore_merges |=
            split == SPLIT_NEVER; /* tiktoken also uses such a token, but only for a whole piece */
    }
    return 0;
}

static int add_tokens(struct reader *r, struct tokenizer *t)
{
    uint32_t *id_of = xmalloc(r->end * sizeof *id_of), n = 0;
    struct splits *s = splits_new(r->end, SPLIT_BYTES);
    int rc = 0;
    for (uint32_t id = 0; id < r->end && rc == 0; id++) {
        if (!r->ranks[id].len)
            continue;
        const char *bytes = r->bytes.s + r->ranks[id].at;
        if (!splits_add(s, bytes, r->ranks[id].len))
            rc = bad(r, "ranks %u and %u are the same token", id_of[splits_find(s, bytes, r->ranks[id].len)],
                     id);
        else
            vocabulary_set(t, id, bytes, r->ranks[id].len, TOKEN_TEXT);
        id_of[n++] = id;
    }
    if (rc == 0)
        rc = add_merges(r, t, s, id_of, n);
    splits_free(s);
    free(id_of);
    return rc;
}

/* Chooses the ids of the special tokens; *vocab_size is then the number of ids. */
static int place_special(struct reader *r, const struct tiktoken_opts *opts, uint32_t *ids,
                         uint32_t *vocab_size)
{
    *vocab_size = r->end;
    for (size_t i = 0; i < opts->n_special; i++) {
        const char *content = opts->special[i].content;
        ids[i] = opts->special[i].id == UINT32_MAX ? *vocab_size : opts->special[i].id;
        if (ids[i] >= VOCABULARY_MAX)
            return bad(r, "special token \"%.100s\": id %u is not below %d", content, ids[i],
                       (int)VOCABULARY_MAX);
        if (ids[i] < r->end && r->ranks[ids[i]].len)
            return bad(r, "special token \"%.100s\": id %u is a rank of the file", content, ids[i]);
        *vocab_size = ids[i] >= *vocab_size ? ids[i] + 1 : *vocab_size;
    }
    return 0;
}

static int add_special(struct reader *r, struct tokenizer *t, const struct tiktoken_opts *opts,
                       const uint32_t *ids)
{
    for (size_t i = 0; i < opts->n_special; i++) {
        const char *content = opts->special[i].content;
        if (t->tokens[ids[i]].kind != TOKEN_UNUSED)
            return bad(r, "special token \"%.100s\": id %u is that of another", content, ids[i]);
        vocabulary_set(t, ids[i], content, strlen(content), TOKEN_SPECIAL);
    }
    return 0;
}

static struct tokenizer *build(struct reader *r, const struct tiktoken_opts *opts)
{
    uint32_t *ids = xcalloc(opts->n_special + 1, sizeof *ids), vocab_size;
    struct tokenizer *t = NULL;
    char why[200];
    int rc = place_special(r, opts, ids, &vocab_size);
    if (rc == 0) {
        t = vocabulary_new(vocab_size);
        t->pattern = opts->pattern;
        t->regex = opts->regex ? xstrdup(opts->regex) : NULL;
        t->nfc = opts->nfc;
        if ((rc = add_special(r, t, opts, ids)) == 0 && (rc = add_tokens(r, t)) == 0 &&
            vocabulary_finish(t, why, sizeof why) < 0)
            rc = bad(r, "%s", why);
        for (unsigned b = 0; b < 256 && rc == 0; b++)
            if (t->byte_id[b] == UINT32_MAX)
                rc = bad(r, "no token for byte 0x%02x: not a byte-level vocabulary", b);
    }
    free(ids);
    if (rc == 0)
        return t;
    tokenizer_free(t);
    return NULL;
}

struct tokenizer *tiktoken_parse(const char *bytes, size_t len, const struct tiktoken_opts *opts,
                                 const char *name, char *err, size_t cap)
{
    struct reader r = {.name = name, .err = err, .cap = cap};
    struct tokenizer *t = read_lines(&r, bytes, len) == 0 ? build(&r, opts) : NULL;
    free(r.ranks);
    strbuf_free(&r.bytes);
    return t;
}
