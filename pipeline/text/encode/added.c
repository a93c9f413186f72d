#include "pipeline/text/encode/added.h"

#include <string.h>

#include "pipeline/text/pretokenize/unicode.h"

/* Returns the longest added token of this pass that begins at s; NULL: none. */
static const struct added *added_at(const struct tokenizer *t, const char *s, size_t len,
                                    enum added_pass pass)
{
    unsigned char first = (unsigned char)s[0];
    for (uint32_t i = t->added_from[first]; i < t->added_from[first + 1]; i++) {
        const struct added *a = &t->added[i];
        if (a->normalized == (pass == ADDED_NORMALISED) && a->find_len <= len &&
            memcmp(t->bytes + a->find_at, s, a->find_len) == 0)
            return a;
    }
    return NULL;
}

static bool white(const char *s, size_t n, size_t *len)
{
    return unicode_is_white((const unsigned char *)s, n, len);
}

static bool begins_with_word(const char *s, size_t n)
{
    size_t len;
    const unsigned char *u = (const unsigned char *)s;
    return unicode_at(unicode_classes(), u, n, &len) != CLASS_END &&
           unicode_in(unicode_words, n_unicode_words, unicode_point(u, len));
}

static bool ends_with_word(const char *s, size_t n)
{
    size_t at = n;
    while (at > 0 && n - at < 4 && (at == n || ((unsigned char)s[at] & 0xc0) == 0x80))
        at--;
    return at < n && begins_with_word(s + at, n - at);
}

/* Returns the start of the white space that ends at `end`, but not before `from`. */
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

/* Special tokens are searched for even when they are ordinary text, if there are others that they may hide.
 */
static bool any_token(const struct tokenizer *t, enum added_pass pass, enum added_kinds kinds)
{
    bool found = false, wanted = false;
    for (uint32_t i = 0; i < t->n_added; i++) {
        if (t->added[i].normalized != (pass == ADDED_NORMALISED))
            continue;
        found = true;
        wanted |= !t->added[i].special;
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
        const struct added *a =
            t->added_from[first] < t->added_from[first + 1] ? added_at(t, text + i, len - i, pass) : NULL;
        if (!a) {
            i++;
            continue;
        }
        size_t start = i, stop = i += a->find_len, n;
        if (kinds == ADDED_NOT_SPECIAL && a->special)
            continue;
        if (a->word && (ends_with_word(text, start) || begins_with_word(text + stop, len - stop)))
            continue;
        if (a->lstrip) /* white space that the token before has taken is not taken again */
            start = from < start ? strip_left(text, from, start) : from;
        while (a->rstrip && white(text + stop, len - stop, &n))
            stop += n;
        if (stop <= start) /* all of it was */
            continue;
        if (start > from)
            put_text(arg, text + from, start - from);
        put_id(arg, a->id);
        from = stop; /* an added token within the white space that this one has taken is found nevertheless */
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
