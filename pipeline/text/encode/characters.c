#include "pipeline/text/encode/characters.h"

#include <string.h>

#include "pipeline/text/pretokenize/unicode.h"

enum {
    LONGEST = 256
}; /* a character with prefix and suffix is looked up as a whole; longer ones are no token */

struct symbols {
    uint32_t *v;
    size_t n;
    bool pending; /* an unknown token is still to be added */
};

/* Returns the id of a character, with the prefix before all but the first and the suffix after the last. */
static uint32_t find(const struct tokenizer *t, const char *s, size_t len, bool first, bool last)
{
    const struct characters *c = t->characters;
    const char *prefix = first ? "" : c->prefix, *suffix = last ? c->suffix : "";
    size_t before = strlen(prefix), behind = strlen(suffix);
    char name[LONGEST];
    if (before + behind == 0)
        return vocabulary_find(t, s, len);
    if (before + len + behind > sizeof name)
        return UINT32_MAX;
    memcpy(name, prefix, before);
    memcpy(name + before, s, len);
    memcpy(name + before + len, suffix, behind);
    return vocabulary_find(t, name, before + len + behind);
}

static bool has_bytes(const struct characters *c, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (c->fallback[(unsigned char)s[i]] == UINT32_MAX)
            return false;
    return true;
}

static void add_bytes(struct symbols *out, const struct characters *c, const char *s)
{
    for (; *s; s++)
        out->v[out->n++] = c->fallback[(unsigned char)*s];
}

static void add_pending(struct symbols *out, const struct characters *c)
{
    if (out->pending)
        out->v[out->n++] = c->unknown;
    out->pending = false;
}

/* Adds a character that is no token. Its byte tokens come before a pending unknown token, as in the library.
 * With a prefix or a suffix, the bytes are those of the whole string that was looked up. */
static void add_unknown(struct symbols *out, const struct characters *c, const char *s, size_t len,
                        bool first, bool last)
{
    const char *prefix = first ? "" : c->prefix, *suffix = last ? c->suffix : "";
    if (c->byte_fallback && has_bytes(c, s, len) && has_bytes(c, prefix, strlen(prefix)) &&
        has_bytes(c, suffix, strlen(suffix))) {
        add_bytes(out, c, prefix);
        for (size_t i = 0; i < len; i++)
            out->v[out->n++] = c->fallback[(unsigned char)s[i]];
        add_bytes(out, c, suffix);
        return;
    }
    if (c->unknown == UINT32_MAX)
        return;
    if (!c->fuse_unknown)
        add_pending(out, c);
    out->pending = true;
}

size_t characters_encode(struct merger *m, const struct tokenizer *t, const char *piece, size_t len,
                         uint32_t *symbols, uint32_t *ids)
{
    const struct characters *c = t->characters;
    const unsigned char *s = (const unsigned char *)piece;
    struct symbols out = {.v = symbols};
    uint32_t whole = t->ignore_merges ? vocabulary_find(t, piece, len) : UINT32_MAX;
    if (whole != UINT32_MAX) {
        ids[0] = whole;
        return 1;
    }
    for (size_t i = 0, n; i < len; i += n) {
        unicode_at(unicode_classes(), s + i, len - i, &n);
        bool first = i == 0, last = i + n == len;
        uint32_t id = find(t, piece + i, n, first, last);
        if (id == UINT32_MAX) {
            add_unknown(&out, c, piece + i, n, first, last);
            continue;
        }
        add_pending(&out, c);
        out.v[out.n++] = id;
    }
    add_pending(&out, c);
    return out.n ? merge_symbols(m, symbols, out.n, ids) : 0;
}
