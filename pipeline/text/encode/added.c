#include "pipeline/text/encode/added.h"

#include <string.h>

#include "pipeline/text/pretokenize/unicode.h"

/* The longest added token of this pass that stands at s; UINT32_MAX: none. */
static uint32_t added_at(const struct tokenizer *t, const char *s, size_t len, enum added_pass pass)
{
    unsigned char first = (unsigned char)s[0];
    for (uint32_t i = t->added_from[first]; i < t->added_from[first + 1]; i++) {
        const struct token *token = &t->tokens[t->added[i]];
        if (token->normalized == (pass == ADDED_NORMALISED) && token->len <= len &&
            memcmp(token_bytes(t, t->added[i]), s, token->len) == 0)
            return t->added[i];
    }
    return UINT32_MAX;
}

static bool white(const char *s, size_t n, size_t *len)
{
    enum unicode_class class = unicode_at(unicode_classes(), (const unsigned char *)s, n, len);
    return class >= CLASS_SPACE && class <= CLASS_BLANK;
}

/* Start of the white space that ends at `end`, not before `from`. */
static size_t strip_left(const char *text, size_t from, size_t end)
{
    size_t n;
    for (;;) {
        size_t at = end;
        while (at > from && end - at < 3 && (at == end || ((unsigned char)text[at] & 0xc0) == 0x80))
            at--;
        if (at == end || !white(text + at, end - at, &n) || n != end - at)
            return end;
        end = at;
    }
}

static bool any_token(const struct tokenizer *t, enum added_pass pass, enum added_kinds kinds)
{
    bool found = false, wanted = false; /* special ones matter only beside others */
    for (uint32_t i = 0; i < t->n_added; i++) {
        const struct token *token = &t->tokens[t->added[i]];
        if (token->normalized != (pass == ADDED_NORMALISED))
            continue;
        found = true;
        wanted |= token->kind == TOKEN_ADDED;
    }
    return kinds == ADDED_ALL ? found : wanted;
}

void added_split(const struct tokenizer *t, const char *text, size_t len, enum added_pass pass,
                 enum added_kinds kinds, void (*put_text)(void *arg, const char *text, size_t len),
                 void (*put_id)(void *arg, uint32_t id), void *arg)
{
    size_t from = 0;
    for (size_t i = 0; i < len && t->added_any[pass][kinds];) {
        unsigned char first = (unsigned char)text[i];
        uint32_t id = t->added_from[first] < t->added_from[first + 1] ? added_at(t, text + i, len - i, pass)
                                                                      : UINT32_MAX;
        if (id == UINT32_MAX) {
            i++;
            continue;
        }
        const struct token *token = &t->tokens[id];
        size_t start = i, stop = i += token->len, n;
        if (kinds == ADDED_NOT_SPECIAL && token->kind == TOKEN_SPECIAL)
            continue;
        if (token->lstrip)
            start = strip_left(text, from, start);
        while (token->rstrip && white(text + stop, len - stop, &n))
            stop += n;
        if (start > from)
            put_text(arg, text + from, start - from);
        put_id(arg, id);
        from = stop;
        i = stop > i ? stop : i;
    }
    if (len > from)
        put_text(arg, text + from, len - from);
}

void added_prepare(struct tokenizer *t)
{
    for (int pass = ADDED_RAW; pass <= ADDED_NORMALISED; pass++)
        for (int kinds = ADDED_NOT_SPECIAL; kinds <= ADDED_ALL; kinds++)
            t->added_any[pass][kinds] = any_token(t, pass, kinds);
}
