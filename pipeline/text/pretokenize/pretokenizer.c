/*
 * pretokenizer.c - finds patterns by name, pieces one by one, and places where long texts may be cut
 */
#include "pipeline/text/pretokenize/pretokenizer_impl.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/pretokenize/unicode.h"

#define TAIL "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define HEAD "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
static const struct {
    enum pattern pattern;
    const char *regex;
} spellings[] = {
    /* The first spelling of a pattern is the one that is written to files; tiktoken's {1,3}+ has another
     * meaning. */
    {PATTERN_QWEN2, HEAD "\\p{N}" TAIL},
    {PATTERN_LLAMA3, HEAD "\\p{N}{1,3}" TAIL},
    {PATTERN_CL100K,
     "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|"
     "\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s"},
    {PATTERN_LLAMA3,
     "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|"
     "\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"},
    {PATTERN_GPT2, "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},
    {PATTERN_GPT2, "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},
    {PATTERN_GPT2,
     "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|\\s+(?!\\S)|\\s"},
};
enum { N_SPELLINGS = sizeof spellings / sizeof *spellings };

struct pretokenizer {
    enum pattern pattern;
    const uint8_t *classes;
    fill_function *fill; /* NULL: PATTERN_NONE, or a regular expression */
    struct regex_pieces *regex;
    const char *text;
    size_t len, pos; /* pos: ends were found up to here */
    size_t valid;    /* text[pos..valid) is UTF-8; used by regular expressions and PATTERN_NONE */
    size_t n, next,
        given; /* ends[next..n) are still to be returned one by one; given: the end that was returned last */
    size_t ends[FILL_MAX];
};

const char *pattern_regex(enum pattern pattern)
{
    for (size_t i = 0; i < N_SPELLINGS; i++)
        if (spellings[i].pattern == pattern)
            return spellings[i].regex;
    return NULL;
}

enum pattern pattern_named(const char *regex)
{
    for (size_t i = 0; i < N_SPELLINGS; i++)
        if (strcmp(spellings[i].regex, regex) == 0)
            return spellings[i].pattern;
    return PATTERN_REGEX;
}

bool pattern_matches_nothing(const char *regex)
{
    char why[200];
    struct regex_pieces *r = regex_pieces_new(regex, why, sizeof why);
    bool nothing = !r || regex_matches_nothing(r);
    regex_pieces_free(r);
    return nothing;
}

fill_function *const *pretokenizer_level(void)
{
#ifdef __x86_64__
    bool v3 =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    if (v3 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return pretokenizer_v4;
    if (v3)
        return pretokenizer_v3;
#endif
    return pretokenizer_v1;
}

struct pretokenizer *pretokenizer_open(enum pattern pattern, const char *regex, char *why, size_t cap)
{
    struct pretokenizer *p = xcalloc(1, sizeof *p);
    p->pattern = pattern;
    p->classes = unicode_classes();
    if (pattern < N_PATTERNS)
        p->fill = pretokenizer_level()[pattern];
    else if (!(p->regex = regex_pieces_new(regex, why, cap))) {
        free(p);
        return NULL;
    }
    return p;
}

struct pretokenizer *pretokenizer_new(void)
{
    return pretokenizer_open(PATTERN_QWEN2, NULL, NULL, 0);
}

void pretokenizer_free(struct pretokenizer *p)
{
    if (!p)
        return;
    regex_pieces_free(p->regex);
    free(p);
}

void pretokenizer_begin(struct pretokenizer *p, const char *text, size_t len)
{
    p->text = text;
    p->len = len;
    p->pos = p->valid = 0;
    p->n = p->next = p->given = 0;
}

/* Finds ends without a hand-written pattern. */
static size_t fill_slowly(struct pretokenizer *p)
{
    size_t n = 0, pos = p->pos;
    for (; n < FILL_MAX && pos < p->len; p->ends[n++] = pos) {
        if (pos >= p->valid)
            p->valid = pos + utf8_prefix(p->text + pos, p->len - pos);
        if (pos == p->valid)
            pos++; /* a byte that is not UTF-8 is a piece by itself */
        else if (p->regex)
            pos += regex_pieces_next(p->regex, p->text, p->valid, pos);
        else
            pos = p->valid;
    }
    return n;
}

size_t pretokenizer_ends(struct pretokenizer *p, const size_t **ends)
{
    if (p->pos == p->len)
        return 0;
    size_t n = p->fill ? p->fill(p->classes, (const unsigned char *)p->text, p->len, p->pos, p->ends)
                       : fill_slowly(p);
    p->pos = p->ends[n - 1];
    *ends = p->ends;
    return n;
}

size_t pretokenizer_next(struct pretokenizer *p, const char **piece)
{
    const size_t *ends;
    if (p->next == p->n) {
        p->next = 0;
        if ((p->n = pretokenizer_ends(p, &ends)) == 0)
            return 0;
    }
    size_t from = p->given, end = p->ends[p->next++];
    *piece = p->text + from;
    p->given = end;
    return end - from;
}

size_t utf8_prefix(const char *text, size_t len)
{
    const uint8_t *classes = unicode_classes();
    size_t i = 0, n;
    while (i < len) {
        uint64_t word;
        for (; len - i >= 8; i += 8) { /* handles eight ASCII bytes at once */
            memcpy(&word, text + i, 8);
            if (word & 0x8080808080808080u)
                break;
        }
        if (i == len || unicode_at(classes, (const unsigned char *)text + i, len - i, &n) == CLASS_END)
            break;
        i += n;
    }
    return i;
}

/* Whether a text may be cut between two characters. No piece of a hand-written pattern continues from letters
 * or from numbers to another class, nor from a line end to anything but white space. An ASCII character after
 * the cut is required, since in NFC it joins with nothing before it either. */
static bool may_cut(enum unicode_class before, enum unicode_class after)
{
    return (before == CLASS_LETTER && after != CLASS_LETTER) ||
           (before == CLASS_NUMBER && after != CLASS_NUMBER) ||
           (before == CLASS_NEWLINE && (after < CLASS_SPACE || after > CLASS_BLANK));
}

/* Returns the first place to cut in [want, max]; 0: none. */
static size_t find_cut(const struct pretokenizer *p, const unsigned char *s, size_t len, size_t want,
                       size_t max, bool ascii)
{
    size_t n, at = want;
    enum unicode_class before, after;
    for (int back = 0; back < 3 && at > 1 && (s[at - 1] & 0xc0) == 0x80; back++)
        at--;
    before = unicode_at(p->classes, s + at - 1, len - at + 1, &n);
    for (at = at - 1 + (n ? n : 1); at <= max && at < len; at += n ? n : 1) {
        after = unicode_at(p->classes, s + at, len - at, &n);
        if (at >= want && (!ascii || s[at] < 128) && after != CLASS_END && may_cut(before, after))
            return at;
        before = after;
    }
    return 0;
}

size_t pretokenizer_cut(struct pretokenizer *p, const char *text, size_t len, size_t want, size_t max)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t cut = 0;
    if (p->fill &&
        ((cut = find_cut(p, s, len, want, max, true)) || (cut = find_cut(p, s, len, want, max, false))))
        return cut;
    for (cut = max; cut > max - 3 && cut > want && (s[cut] & 0xc0) == 0x80; cut--)
        ;
    return cut;
}
