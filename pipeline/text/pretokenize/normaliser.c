#include "pipeline/text/pretokenize/normaliser.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "pipeline/text/pretokenize/pretokenizer_impl.h"
#include "pipeline/text/pretokenize/unicode.h"

struct normaliser {
    const struct rule *rules;
    size_t n;
    struct regex_pieces **regex; /* the compiled pattern of each rule; NULL: it has none */
    struct strbuf buf[2];        /* two buffers, used in turn for the results of the rules */
};

struct text { /* a text on its way through the rules */
    const char *s;
    size_t len;
};

struct normaliser *normaliser_new(const struct rule *rules, size_t n, char *why, size_t cap)
{
    struct normaliser *m = xcalloc(1, sizeof *m);
    m->rules = rules;
    m->n = n;
    m->regex = xcalloc(n + 1, sizeof *m->regex);
    for (size_t i = 0; i < n; i++)
        if (rules[i].kind == RULE_REPLACE_REGEX &&
            !(m->regex[i] = regex_pieces_new(rules[i].pattern, why, cap))) {
            normaliser_free(m);
            return NULL;
        }
    return m;
}

void normaliser_free(struct normaliser *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n; i++)
        regex_pieces_free(m->regex[i]);
    free(m->regex);
    strbuf_free(&m->buf[0]);
    strbuf_free(&m->buf[1]);
    free(m);
}

static void add_point(struct strbuf *out, uint32_t c)
{
    utf8proc_uint8_t utf8[4];
    strbuf_add(out, utf8, (size_t)utf8proc_encode_char((utf8proc_int32_t)c, utf8));
}

/* Lower case of Unicode 16, which older versions of utf8proc do not know completely. */
static uint32_t lower(uint32_t c)
{
    static const struct {
        uint32_t first, last, lower;
    } later[] = {{0x1c89, 0x1c89, 0x1c8a}, {0xa7cb, 0xa7cb, 0x264}, {0xa7cc, 0xa7cc, 0xa7cd},
                 {0xa7da, 0xa7da, 0xa7db}, {0xa7dc, 0xa7dc, 0x19b}, {0x10d50, 0x10d65, 0x10d70}};
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (c >= later[i].first && c <= later[i].last)
            return later[i].lower + (c - later[i].first);
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

static void lowercase(struct strbuf *out, struct text t)
{
    enum { CAPITAL_I_DOT = 0x130 }; /* the only character that becomes two */
    const unsigned char *s = (const unsigned char *)t.s;
    for (size_t i = 0, n; i < t.len; i += n) {
        n = 1;
        if (s[i] < 0x80) {
            strbuf_add(out, &(char){(char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 : s[i])}, 1);
            continue;
        }
        unicode_at(unicode_classes(), s + i, t.len - i, &n);
        uint32_t c = unicode_point(s + i, n);
        if (c == CAPITAL_I_DOT)
            strbuf_add(out, "i\xcc\x87", 3);
        else
            add_point(out, lower(c));
    }
}

static void strip_accents(struct strbuf *out, struct text t)
{
    const unsigned char *s = (const unsigned char *)t.s;
    for (size_t i = 0, n; i < t.len; i += n) {
        n = 1;
        if (s[i] >= 0x80)
            unicode_at(unicode_classes(), s + i, t.len - i, &n);
        if (s[i] < 0x80 || !unicode_in(unicode_accents, n_unicode_accents, unicode_point(s + i, n)))
            strbuf_add(out, s + i, n);
    }
}

static struct text strip(struct text t, const struct rule *r)
{
    const unsigned char *s = (const unsigned char *)t.s;
    size_t from = 0, end = t.len, n;
    while (r->left && from < end && unicode_is_white(s + from, end - from, &n))
        from += n;
    while (r->right && end > from) {
        size_t at = end - 1;
        while (at > from && (s[at] & 0xc0) == 0x80)
            at--;
        if (!unicode_is_white(s + at, end - at, &n))
            break;
        end = at;
    }
    return (struct text){t.s + from, end - from};
}

static void replace_string(struct strbuf *out, struct text t, const struct rule *r)
{
    size_t len = strlen(r->pattern), at = 0;
    const char *hit;
    while ((hit = memmem(t.s + at, t.len - at, r->pattern, len))) {
        strbuf_add(out, t.s + at, (size_t)(hit - t.s) - at);
        strbuf_add(out, r->content, strlen(r->content));
        at = (size_t)(hit - t.s) + len;
    }
    strbuf_add(out, t.s + at, t.len - at);
}

static void replace_regex(struct strbuf *out, struct text t, const struct rule *r, struct regex_pieces *regex)
{
    struct regex_walk w = {.regex = regex, .text = t.s, .len = t.len};
    size_t at = 0, start, end;
    while (regex_walk_next(&w, &start, &end)) {
        strbuf_add(out, t.s + at, start - at);
        strbuf_add(out, r->content, strlen(r->content));
        at = end;
    }
    strbuf_add(out, t.s + at, t.len - at);
}

/* Applies a rule to the text; the result is in `out`, or stays where it is. */
static struct text apply(struct normaliser *m, size_t i, struct text t, struct strbuf *out)
{
    const struct rule *r = &m->rules[i];
    if (r->kind == RULE_STRIP)
        return strip(t, r);
    if (r->kind == RULE_FORM) {
        const char *s = normal_form(r->form, out, t.s, t.len, &t.len);
        return (struct text){s, t.len};
    }
    strbuf_reset(out);
    if (r->kind == RULE_LOWERCASE)
        lowercase(out, t);
    else if (r->kind == RULE_STRIP_ACCENTS)
        strip_accents(out, t);
    else if (r->kind == RULE_REPLACE_STRING)
        replace_string(out, t, r);
    else if (r->kind == RULE_REPLACE_REGEX)
        replace_regex(out, t, r, m->regex[i]);
    else {
        strbuf_add(out, r->content, strlen(r->content));
        strbuf_add(out, t.s, t.len);
    }
    return (struct text){out->s, out->len};
}

const char *normaliser_run(struct normaliser *m, const char *text, size_t len, size_t *n_out)
{
    struct text t = {text, len};
    int at = 0;
    for (size_t i = 0; i < m->n && t.len > 0; i++) {
        struct strbuf *out = &m->buf[at];
        t = apply(m, i, t, out);
        at ^= out->s && t.s >= out->s &&
              t.s <= out->s + out->len; /* the next rule must not overwrite its own input */
    }
    *n_out = t.len;
    return t.s;
}
