/*
 * pretokenizer.c - the Qwen2 pattern on PCRE2's compiler
 *
 * PCRE2 is told the classes in full where its version of Unicode, or its idea
 * of a space (U+180E), differs from Unicode 16 as the tokenizers library has it.
 * Repeats are possessive where that changes nothing, so that matching needs no
 * stack however long a run is.
 */
#include "pipeline/text/pretokenizer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "formats/docs.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

const char pretokenizer_pattern[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
    "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/* Letters and numbers that Unicode 15.0, 15.1 and 16.0 added: PCRE2 10.42 (Debian 12) knows Unicode 14. */
#define L                                                                                                              \
    "a-zA-Z\\p{L}\\x{1c89}-\\x{1c8a}\\x{a7cb}-\\x{a7cd}\\x{a7da}-\\x{a7dc}\\x{105c0}-\\x{105f3}\\x{10d4a}-\\x{10d65}"   \
    "\\x{10d6f}-\\x{10d85}\\x{10ec2}-\\x{10ec4}\\x{1123f}-\\x{11240}\\x{11380}-\\x{11389}\\x{1138b}\\x{1138e}"         \
    "\\x{11390}-\\x{113b5}\\x{113b7}\\x{113d1}\\x{113d3}\\x{11bc0}-\\x{11be0}\\x{11f02}\\x{11f04}-\\x{11f10}"          \
    "\\x{11f12}-\\x{11f33}\\x{1342f}\\x{13441}-\\x{13446}\\x{13460}-\\x{143fa}\\x{16100}-\\x{1611d}"                   \
    "\\x{16d40}-\\x{16d6c}\\x{18cff}\\x{1b132}\\x{1b155}\\x{1df25}-\\x{1df2a}\\x{1e030}-\\x{1e06d}"                    \
    "\\x{1e4d0}-\\x{1e4eb}\\x{1e5d0}-\\x{1e5ed}\\x{1e5f0}\\x{2b739}\\x{2ebf0}-\\x{2ee5d}\\x{31350}-\\x{323af}"
#define N                                                                                                              \
    "0-9\\p{N}\\x{10d40}-\\x{10d49}\\x{116d0}-\\x{116e3}\\x{11bf0}-\\x{11bf9}\\x{11f50}-\\x{11f59}\\x{16130}-\\x{16139}" \
    "\\x{16d70}-\\x{16d79}\\x{1ccf0}-\\x{1ccf9}\\x{1d2c0}-\\x{1d2d3}\\x{1e4f0}-\\x{1e4f9}\\x{1e5f1}-\\x{1e5fa}"
/* White_Space, which Unicode has kept as it is. */
#define S                                                                                                              \
    "\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"

static const char pieces[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n" L N "]?[" L "]++|[" N "]| ?[^" S L N "]++[\\r\\n]*+|"
    "[" S "]*[\\r\\n]++|[" S "]+(?![^" S "])|[" S "]+";
/* No piece goes on from a letter to anything else, nor past a number, nor from a line end to what is no space. */
static const char cuts[] = "[" L "](?=[^" L "])|[" N "]|[\\r\\n](?=[^" S "])";
#undef L
#undef N
#undef S

enum { STACK_START = 64 << 10, STACK_MAX = 64 << 20 };

struct pretokenizer {
    pcre2_code *pieces, *cuts;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    pcre2_match_data *match;
    const char *text;
    size_t len, pos;
    size_t valid;               /* text[pos..valid) is UTF-8; matching never sees beyond */
};

size_t utf8_prefix(const char *text, size_t len)
{
    size_t i = 0, n;
    while (i < len) {
        uint64_t word;
        for (; len - i >= 8; i += 8) {  /* eight ASCII bytes at once */
            memcpy(&word, text + i, 8);
            if (word & 0x8080808080808080u)
                break;
        }
        if (i == len || (n = utf8_char(text + i, len - i)) == 0)
            break;
        i += n;
    }
    return i;
}

static pcre2_code *compile(const char *pattern, uint32_t options)
{
    int error;
    PCRE2_SIZE offset;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options | PCRE2_UTF | PCRE2_UCP, &error,
                                     &offset, NULL);
    if (!code)
        die("PCRE2 cannot compile the pre-tokenizer (error %d at %zu): is it built with Unicode?", error, (size_t)offset);
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);    /* without JIT the interpreter gives the same, slower */
    return code;
}

struct pretokenizer *pretokenizer_new(void)
{
    struct pretokenizer *p = xcalloc(1, sizeof *p);
    p->pieces = compile(pieces, PCRE2_ANCHORED);      /* said here: as an option of pcre2_match it would leave JIT */
    p->cuts = compile(cuts, PCRE2_MATCH_INVALID_UTF);
    p->context = pcre2_match_context_create(NULL);
    p->stack = pcre2_jit_stack_create(STACK_START, STACK_MAX, NULL);
    p->match = pcre2_match_data_create(1, NULL);
    if (!p->context || !p->stack || !p->match)
        die("out of memory");
    pcre2_set_match_limit(p->context, UINT32_MAX);
    pcre2_set_depth_limit(p->context, UINT32_MAX);
    pcre2_set_heap_limit(p->context, UINT32_MAX);
    pcre2_jit_stack_assign(p->context, NULL, p->stack);
    return p;
}

void pretokenizer_free(struct pretokenizer *p)
{
    if (!p)
        return;
    pcre2_match_data_free(p->match);
    pcre2_jit_stack_free(p->stack);
    pcre2_match_context_free(p->context);
    pcre2_code_free(p->cuts);
    pcre2_code_free(p->pieces);
    free(p);
}

void pretokenizer_begin(struct pretokenizer *p, const char *text, size_t len)
{
    p->text = text;
    p->len = len;
    p->pos = p->valid = 0;
}

size_t pretokenizer_next(struct pretokenizer *p, const char **piece)
{
    if (p->pos == p->len)
        return 0;
    *piece = p->text + p->pos;
    if (p->pos == p->valid)
        p->valid += utf8_prefix(p->text + p->pos, p->len - p->pos);
    if (p->pos == p->valid) {           /* a byte that is not UTF-8 */
        p->valid = ++p->pos;
        return 1;
    }
    int rc = pcre2_match(p->pieces, (PCRE2_SPTR)p->text, p->valid, p->pos, PCRE2_NO_UTF_CHECK, p->match,
                         p->context);
    size_t end = pcre2_get_ovector_pointer(p->match)[1];
    if (rc < 1 || end <= p->pos)        /* the pattern matches at every character */
        die("PCRE2 failed on the pre-tokenizer pattern (error %d)", rc);
    size_t n = end - p->pos;
    p->pos = end;
    return n;
}

static bool letter(unsigned char c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

/* The cuts among ASCII characters. 0: none. */
static size_t ascii_cut(const unsigned char *s, size_t len, size_t want, size_t max)
{
    for (size_t i = want; i <= max && i < len; i++) {
        unsigned char before = s[i - 1], after = s[i];
        if (after < 128 && ((letter(before) && !letter(after)) || digit(before) || (before == '\n' && after > ' ' && after < 127)))
            return i;
    }
    return 0;
}

size_t pretokenizer_cut(struct pretokenizer *p, const char *text, size_t len, size_t want, size_t max)
{
    size_t cut = ascii_cut((const unsigned char *)text, len, want, max);
    if (cut)
        return cut;
    for (int back = 0; back < 3 && want > 1 && ((unsigned char)text[want] & 0xc0) == 0x80; back++)
        want--;                         /* to the start of a character; the cut found is after it */
    int rc = pcre2_match(p->cuts, (PCRE2_SPTR)text, max, want, 0, p->match, p->context);
    if (rc >= 1)
        return pcre2_get_ovector_pointer(p->match)[1];
    for (cut = max; cut > max - 3 && cut > want && ((unsigned char)text[cut] & 0xc0) == 0x80; cut--)
        ;
    return cut;
}
