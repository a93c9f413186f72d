/*
 * pretokenizer_regex.c - patterns that are not written by hand, and the oracle for those that are: PCRE2
 *
 * \p{L}, \p{N}, \s and their opposites are spelled out in full before PCRE2 sees
 * them, since its Unicode (14 in 10.42) and its idea of a space (U+180E) differ
 * from those of the tokenizers library. Other properties are refused for that reason. Where dialects differ,
 * Ruby's is meant, which the library's Oniguruma follows: {n,m}+ is no possessive but a repeated quantifier.
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

static void add_ranges(struct strbuf *out, const struct unicode_range *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        strbuf_addf(out, "\\x{%x}-\\x{%x}", r[i].first, r[i].last);
}

/* What \pL, \pN and \s are inside brackets. False: another property. */
static bool add_class(struct strbuf *out, char class)
{
    if (class == 'L')
        add_ranges(out, unicode_letters, n_unicode_letters);
    else if (class == 'N')
        add_ranges(out, unicode_numbers, n_unicode_numbers);
    else if (class == 's')
        strbuf_addf(out, "\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{"
                         "202f}\\x{205f}\\x{3000}");
    else
        return false;
    return true;
}

/* The class whose escape stands at p: 'L', 'N', 's', upper-cased meaning in *negated; *len its length. 0: no
 * class. */
static char class_at(const char *p, size_t *len, bool *negated)
{
    *len = 2;
    *negated = p[1] == 'S' || p[1] == 'P';
    if (p[1] == 's' || p[1] == 'S')
        return 's';
    if (p[1] != 'p' && p[1] != 'P')
        return strchr("dDwWhHvVRXbBNkgGK", p[1]) && p[1] ? '?' : 0; /* depend on Unicode or on a dialect */
    if (p[2] != '{' || !p[3] || p[4] != '}')
        return '?';
    *len = 5;
    return p[3] == 'L' || p[3] == 'N' ? p[3] : '?';
}

/* Length of a quantifier {n,m}, {n,}, {,m} or {n} at p; 0: none. */
static size_t bounds_at(const char *p)
{
    size_t n = strspn(p + 1, "0123456789,") + 1;
    return *p == '{' && n > 1 && p[n] == '}' ? n + 1 : 0;
}

/* The quantifier at p. What it belongs to begins at out->s[atom]; NO_ATOM: nobody knows. False: a repeated
 * one of that. */
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

/* A class at p, spelled out. False: *why. */
static bool put_class(struct strbuf *out, const char *p, char class, bool negated, bool brackets, char *why,
                      size_t cap)
{
    if (class == '?' || (negated && brackets)) {
        snprintf(why, cap, "%.*s is not supported",
                 (int)(p[1] == 'p' || p[1] == 'P' ? strcspn(p, "}") + 1 : 2), p);
        return false;
    }
    strbuf_addf(out, "%s", brackets ? "" : negated ? "[^" : "[");
    add_class(out, class);
    strbuf_addf(out, "%s", brackets ? "" : "]");
    return true;
}

/* The pattern with classes spelled out. False: *why. */
static bool translate(struct strbuf *out, const char *p, char *why, size_t cap)
{
    bool brackets = false;
    size_t atom = NO_ATOM;
    for (size_t len; *p; p += len) {
        bool negated = false;
        if (!brackets && (len = bounds_at(p)) > 0) {
            if (add_bounds(out, p, len, atom))
                continue;
            snprintf(why, cap, "%.*s+ behind a group is not supported", (int)len, p);
            return false;
        }
        if (*p == '[' && brackets) {
            snprintf(why, cap, "brackets within brackets are not supported");
            return false;
        }
        if (!brackets && ((unsigned char)*p & 0xc0) != 0x80)
            atom = strchr("()|", *p) ? NO_ATOM : out->len;
        char class = *p == '\\' ? class_at(p, &len, &negated) : 0;
        if (class) {
            if (!put_class(out, p, class, negated, brackets, why, cap))
                return false;
        } else {
            len = *p == '\\' && p[1] ? 2 : 1;
            strbuf_add(out, p, len);
            brackets = *p == '[' || (brackets && *p != ']');
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
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without JIT the interpreter gives the same, slower */
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

size_t regex_pieces_next(struct regex_pieces *r, const char *text, size_t valid, size_t pos)
{
    int rc = pcre2_match(r->code, (PCRE2_SPTR)text, valid, pos, PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, r->match,
                         r->context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return valid - pos;
    if (rc < 0) /* 0: a group did not fit, and none is asked for */
        die("PCRE2 failed on the pattern of the pre-tokenizer at byte %zu of a text (error %d)", pos, rc);
    const size_t *at = pcre2_get_ovector_pointer(r->match);
    return at[0] > pos ? at[0] - pos : at[1] - pos;
}
