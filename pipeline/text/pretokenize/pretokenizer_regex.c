/*
 * pretokenizer_regex.c - matches patterns by PCRE2: those that are not written by hand and, as the oracle of
 * tests, those that are
 *
 * General categories (\p{L}, \p{Lu}, ...), \d, \s and their opposites are spelled out in full before PCRE2
 * sees them, since its Unicode (14 in 10.42) and its idea of a space (U+180E) differ from those of the
 * tokenizers library. Other properties are refused for that reason. Where dialects of regular expressions
 * differ, Ruby's is used, which the library's Oniguruma follows: there {n,m}+ is not possessive but a
 * repeated quantifier.
 */
#include "pipeline/text/pretokenize/pretokenizer_impl.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/pretokenize/unicode.h"

#define NO_ATOM SIZE_MAX

enum { STACK_START = 64 << 10, STACK_MAX = 64 << 20 };

struct regex_pieces {
    pcre2_code *code;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    pcre2_match_data *match;
};

/* The meaning of an escape: white space, or the general categories whose names begin with `name`. */
struct class
{
    char name[3]; /* "s", "L", "Lu" */
    bool negated, refused;
};

static bool in_class(const struct unicode_category *r, const struct class *c)
{
    return r->name[0] == c->name[0] && (!c->name[1] || r->name[1] == c->name[1]);
}

static void add_range(struct strbuf *out, uint32_t from, uint32_t to)
{
    strbuf_addf(out, from == to ? "\\x{%x}" : "\\x{%x}-\\x{%x}", from, to);
}

/* Appends the ranges of a general category, or the ranges between them, for use in brackets: as few as
 * possible, since PCRE2 tests one after the other. */
static void add_category(struct strbuf *out, const struct class *c)
{
    const struct unicode_category *all = unicode_categories;
    uint32_t next = 0; /* the first code point after the last range */
    for (unsigned i = 0; i < n_unicode_categories; i++) {
        if (!in_class(&all[i], c))
            continue;
        uint32_t first = all[i].first;
        while (i + 1 < n_unicode_categories && all[i + 1].first == all[i].last + 1 &&
               in_class(&all[i + 1], c))
            i++;
        if (!c->negated)
            add_range(out, first, all[i].last);
        else if (first > next)
            add_range(out, next, first - 1);
        next = all[i].last + 1;
    }
    if (c->negated && next <= 0x10ffff)
        add_range(out, next, 0x10ffff);
}

static void add_spaces(struct strbuf *out, bool negated)
{
    strbuf_addf(
        out, "%s",
        negated ? "\\x00-\\x08\\x0e-\\x1f\\x21-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{"
                  "200b}-"
                  "\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"
                : "\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"
                  "\\x{205f}\\x{3000}");
}

static bool is_category(const char *name, size_t len)
{
    for (unsigned i = 0; i < n_unicode_categories; i++)
        if (memcmp(unicode_categories[i].name, name, len) == 0)
            return true;
    return false;
}

/* Parses the escape at p, if it stands for a class; *len is its length. Escapes are refused when they depend
 * on the version of Unicode or have another meaning in another dialect. */
static bool class_at(const char *p, size_t *len, struct class *c)
{
    *c = (struct class){.negated = p[1] == 'S' || p[1] == 'P' || p[1] == 'D'};
    *len = 2;
    if (p[1] == 's' || p[1] == 'S' || p[1] == 'd' || p[1] == 'D') {
        memcpy(c->name, (p[1] | 32) == 's' ? "s" : "Nd", 2);
        return true;
    }
    if (p[1] != 'p' && p[1] != 'P') {
        c->refused = p[1] && strchr("wWhHvVRXbBNkgGK", p[1]);
        return c->refused;
    }
    size_t n = p[2] == '{' ? strcspn(p + 3, "}") : 0;
    c->refused = n < 1 || n > 2 || !p[3 + n] || !is_category(p + 3, n);
    if (!c->refused) {
        memcpy(c->name, p + 3, n);
        *len = 4 + n;
    }
    return true;
}

/* Returns the length of a quantifier {n,m}, {n,}, {,m} or {n} at p; 0: none. */
static size_t bounds_at(const char *p)
{
    size_t n = strspn(p + 1, "0123456789,") + 1;
    return *p == '{' && n > 1 && p[n] == '}' ? n + 1 : 0;
}

/* Appends the quantifier at p. It applies to the atom that begins at out->s[atom]; NO_ATOM: unknown. False: a
 * repeated quantifier of an unknown atom. */
static bool add_bounds(struct strbuf *out, const char *p, size_t len, size_t atom)
{
    bool repeated = p[len] == '+';
    if (repeated && atom == NO_ATOM)
        return false;
    if (repeated) {
        strbuf_add(out, "(?:", 3);
        memmove(out->s + atom + 3, out->s + atom, out->len - atom - 3);
        memcpy(out->s + atom, "(?:", 3);
    }
    strbuf_addf(out, "{%s%.*s%s", p[1] == ',' ? "0" : "", (int)len - 1, p + 1, repeated ? ")" : "");
    return true;
}

/* Appends the class at p, spelled out. False: *why is the reason. */
static bool put_class(struct strbuf *out, const char *p, const struct class *c, bool brackets, char *why,
                      size_t cap)
{
    if (c->refused) {
        snprintf(why, cap, "%.*s is not supported",
                 (int)(p[1] == 'p' || p[1] == 'P' ? strcspn(p, "}") + 1 : 2), p);
        return false;
    }
    strbuf_addf(out, "%s", brackets ? "" : "[");
    if (c->name[0] == 's')
        add_spaces(out, c->negated);
    else
        add_category(out, c);
    strbuf_addf(out, "%s", brackets ? "" : "]");
    return true;
}

/* Handles brackets within brackets, which mean a union: the inner ones are left out. False: a set that cannot
 * be written that way. */
static bool put_bracket(struct strbuf *out, const char *p, int *depth, char *why, size_t cap)
{
    bool inner = *depth > 0;
    if (inner && *p == '[' && (p[1] == '^' || p[1] == ':')) {
        snprintf(why, cap, "[%c within brackets is not supported", p[1]);
        return false;
    }
    *depth += *p == '[' ? 1 : -1;
    if (!inner || *depth == 0)
        strbuf_add(out, p, 1);
    return true;
}

/* Translates the pattern, with classes spelled out. False: *why is the reason. */
static bool translate(struct strbuf *out, const char *p, char *why, size_t cap)
{
    int depth = 0; /* nesting depth of brackets */
    size_t atom = NO_ATOM;
    for (size_t len; *p; p += len) {
        struct class class;
        len = 1;
        if (depth == 0 && (len = bounds_at(p)) > 0) {
            if (add_bounds(out, p, len, atom))
                continue;
            snprintf(why, cap, "%.*s+ behind a group is not supported", (int)len, p);
            return false;
        }
        if ((depth > 0 && p[0] == '&' && p[1] == '&') || (depth == 0 && strncmp(p, "(?m", 3) == 0)) {
            snprintf(why, cap, "%.*s is not supported", depth > 0 ? 2 : 3, p);
            return false;
        }
        if (depth == 0 && ((unsigned char)*p & 0xc0) != 0x80)
            atom = strchr("()|", *p) ? NO_ATOM : out->len;
        len = 1;
        if (*p == '\\' && class_at(p, &len, &class)) {
            if (!put_class(out, p, &class, depth > 0, why, cap))
                return false;
        } else if (*p == '[' || (*p == ']' && depth > 0)) {
            if (!put_bracket(out, p, &depth, why, cap))
                return false;
        } else {
            len = *p == '\\' && p[1] ? 2 : 1;
            strbuf_add(out, p, len);
        }
    }
    return true;
}

struct regex_pieces *regex_pieces_new(const char *regex, char *why, size_t cap)
{
    struct strbuf full = {0};
    int error;
    PCRE2_SIZE offset;
    strbuf_add(&full, "", 0);
    if (!translate(&full, regex, why, cap)) {
        strbuf_free(&full);
        return NULL;
    }
    const uint32_t flags = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)full.s, full.len, flags, &error, &offset, NULL);
    strbuf_free(&full);
    if (!code) {
        PCRE2_UCHAR message[160];
        pcre2_get_error_message(error, message, sizeof message);
        snprintf(why, cap, "%s", (const char *)message);
        return NULL;
    }
    pcre2_jit_compile(
        code, PCRE2_JIT_COMPLETE); /* if this fails, the interpreter gives equal results, but slower */
    struct regex_pieces *r = xcalloc(1, sizeof *r);
    r->code = code;
    r->context = pcre2_match_context_create(NULL);
    r->stack = pcre2_jit_stack_create(STACK_START, STACK_MAX, NULL);
    r->match = pcre2_match_data_create(1, NULL);
    if (!r->context || !r->stack || !r->match)
        die("out of memory");
    pcre2_jit_stack_assign(r->context, NULL, r->stack);
    return r;
}

void regex_pieces_free(struct regex_pieces *r)
{
    if (!r)
        return;
    pcre2_match_data_free(r->match);
    pcre2_jit_stack_free(r->stack);
    pcre2_match_context_free(r->context);
    pcre2_code_free(r->code);
    free(r);
}

bool regex_find(struct regex_pieces *r, const char *text, size_t len, size_t from, size_t *start, size_t *end)
{
    int rc = pcre2_match(r->code, (PCRE2_SPTR)text, len, from, PCRE2_NO_UTF_CHECK, r->match, r->context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return false;
    if (rc < 0) /* 0 would mean that a group did not fit, but no groups are asked for */
        die("PCRE2 failed on the pattern of the pre-tokenizer at byte %zu of a text (error %d)", from, rc);
    const size_t *at = pcre2_get_ovector_pointer(r->match);
    *start = at[0];
    *end = at[1];
    return true;
}

bool regex_walk_next(struct regex_walk *w, size_t *start, size_t *end)
{
    while (w->at <= w->len && regex_find(w->regex, w->text, w->len, w->at, start, end)) {
        if (*start < *end || !w->matched || *end != w->last) {
            w->at = w->last = *end;
            w->matched = true;
            return true;
        }
        do /* moves past the next character */
            w->at++;
        while (w->at < w->len && ((unsigned char)w->text[w->at] & 0xc0) == 0x80);
    }
    return false;
}

bool regex_matches_nothing(const struct regex_pieces *r)
{
    uint32_t shortest = 0;
    pcre2_pattern_info(r->code, PCRE2_INFO_MINLENGTH, &shortest);
    return shortest == 0;
}

size_t regex_pieces_next(struct regex_pieces *r, const char *text, size_t valid, size_t pos)
{
    size_t start, end;
    if (!regex_find(r, text, valid, pos, &start, &end))
        return valid - pos;
    return start > pos ? start - pos : end - pos;
}
