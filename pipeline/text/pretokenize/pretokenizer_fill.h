/*
 * pretokenizer_fill.h - the hand-written patterns, for one level of the instruction set
 *
 * Included by pretokenizer_v1.c, _v3.c and _v4.c, which differ in classify().
 *
 * A block of up to 64 bytes that begins at the start of a piece is turned into one bit mask per character
 * class, and shifts and sums of the masks give a mask of the starts of pieces. Only starts that no later byte
 * can change are used, and the last of them begins the next block, so that no state passes between blocks. A
 * piece that fills a block, the last piece, and rare input (white space beyond ASCII, bytes that are not
 * UTF-8) are handled character by character: next_piece implements the patterns completely.
 */
#include <stdbool.h>
#include <string.h>

#include "pipeline/text/pretokenize/pretokenizer_impl.h"
#include "pipeline/text/pretokenize/unicode.h"

#define ALWAYS static inline __attribute__((always_inline))

enum suffixes { SUFFIXES_NONE, SUFFIXES_LOWER, SUFFIXES_ANY_CASE };

/* The differences between the patterns. */
struct rules {
    enum suffixes suffixes; /* 's 't 're 've 'm 'll 'd */
    bool any_prefix; /* letters may follow any character but CR, LF and numbers in their piece; otherwise only
                        a space */
    bool lines;  /* signs take the line ends after them; white space up to the last line end is one piece */
    int numbers; /* most digits in a piece; 0: any number of digits, with a space before them */
    bool numbers_apart; /* nothing is matched across a digit */
    bool blanks_at_end; /* white space at the end of the text is one piece, with or without line ends */
};

/* ---- character by character ---- */

/* Returns the length of the suffix at s[0] == '\''; 0: there is none. */
ALWAYS size_t suffix(const unsigned char *s, size_t n, enum suffixes kind)
{
    if (kind == SUFFIXES_NONE || n < 2)
        return 0;
    unsigned fold = kind == SUFFIXES_ANY_CASE ? 0x20 : 0, a = s[1] | fold, b = n > 2 ? s[2] | fold : 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'))
        return 3;
    return kind == SUFFIXES_ANY_CASE && n > 2 && s[1] == 0xc5 && s[2] == 0xbf ? 3
                                                                              : 0; /* the long s (U+017F) */
}

/* Returns the end of the run of a class from `at` on. */
ALWAYS size_t run_end(const uint8_t *classes, const unsigned char *s, size_t n, size_t at,
                      enum unicode_class class)
{
    size_t len;
    while (unicode_at(classes, s + at, n - at, &len) == class)
        at += len;
    return at;
}

ALWAYS size_t numbers_end(const uint8_t *classes, const unsigned char *s, size_t n, size_t at, int most)
{
    size_t len;
    for (int i = 0; i < most && unicode_at(classes, s + at, n - at, &len) == CLASS_NUMBER; i++)
        at += len;
    return at;
}

/* Returns the end of the piece of white space that begins at s[0]. */
ALWAYS size_t blanks_end(const uint8_t *classes, const unsigned char *s, size_t n, struct rules r)
{
    size_t at = 0, last = 0, after_line = 0, len;
    enum unicode_class class;
    while ((class = unicode_at(classes, s + at, n - at, &len)) >= CLASS_SPACE && class <= CLASS_BLANK) {
        last = at;
        at += len;
        if (class == CLASS_NEWLINE)
            after_line = at;
    }
    if (r.blanks_at_end && class == CLASS_END)
        return at;
    if (r.lines && after_line)
        return after_line;
    if (class == CLASS_END || (r.numbers_apart && class == CLASS_NUMBER))
        return at;
    return last > 0 ? last : at;
}

/* Returns the length of the piece at s; n > 0. */
ALWAYS size_t next_piece(const uint8_t *classes, const unsigned char *s, size_t n, struct rules r)
{
    size_t len, len2, k;
    if (s[0] == '\'' && (k = suffix(s, n, r.suffixes)) > 0)
        return k;
    enum unicode_class first = unicode_at(classes, s, n, &len);
    if (first == CLASS_END)
        return 1;
    if (first == CLASS_LETTER)
        return run_end(classes, s, n, len, CLASS_LETTER);
    if (first == CLASS_NUMBER)
        return r.numbers ? numbers_end(classes, s, n, 0, r.numbers)
                         : run_end(classes, s, n, len, CLASS_NUMBER);
    enum unicode_class second = unicode_at(classes, s + len, n - len, &len2);
    if (second == CLASS_LETTER && (first == CLASS_SPACE || (r.any_prefix && first != CLASS_NEWLINE)))
        return run_end(classes, s, n, len + len2, CLASS_LETTER);
    if (second == CLASS_NUMBER && first == CLASS_SPACE && r.numbers == 0)
        return run_end(classes, s, n, len + len2, CLASS_NUMBER);
    if (first == CLASS_OTHER || (first == CLASS_SPACE && second == CLASS_OTHER)) {
        k = run_end(classes, s, n, len, CLASS_OTHER);
        return r.lines ? run_end(classes, s, n, k, CLASS_NEWLINE) : k;
    }
    return blanks_end(classes, s, n, r);
}

/* ---- by blocks ---- */

struct masks { /* bit i is byte i of the block; all bytes of a character have its class */
    uint64_t letter, number, other;
    uint64_t white; /* white space, including space and newline */
    uint64_t newline, space, quote;
    uint64_t high;  /* bytes above 127, which have no class yet */
    uint64_t inner; /* all bytes of a character but its first */
};

#ifdef CLASSIFY
ALWAYS void classify(struct masks *m, const unsigned char s[64]);

/* Assigns the characters beyond ASCII to their classes. Returns how many bytes have a class, at most `known`:
 * it stops at the first rare character. */
ALWAYS size_t add_high(struct masks *m, const uint8_t *classes, const unsigned char *s, size_t n,
                       size_t known, struct rules r)
{
    uint64_t todo = m->high;
    while (todo) {
        size_t at = (size_t)__builtin_ctzll(todo), len;
        if (at >= known)
            return known;
        enum unicode_class class = unicode_at(classes, s + at, n - at, &len);
        bool long_s = s[at] == 0xc5 && class == CLASS_LETTER && s[at + 1] == 0xbf;
        if (class >= CLASS_SPACE || long_s || (class == CLASS_NUMBER && r.numbers > 1))
            return at;
        uint64_t bits = (((uint64_t)1 << len) - 1) << at;
        m->inner |= bits & (bits << 1);
        m->letter |= class == CLASS_LETTER ? bits : 0;
        m->number |= class == CLASS_NUMBER ? bits : 0;
        m->other |= class == CLASS_OTHER ? bits : 0;
        todo &= ~bits;
    }
    return known;
}

/* Finds white space between a line end and other text (indentation): returns the starts of the runs. */
ALWAYS uint64_t indents(uint64_t blank, uint64_t newline)
{
    uint64_t from = blank & (newline << 1), past = (blank + from) & ~blank;
    for (uint64_t not = past & newline; not ;
         not &= not -1) { /* a line of white space alone, which belongs to the line ends */
        uint64_t below = from & ((not &-not ) - 1);
        from &= ~((uint64_t)1 << (63 - __builtin_clzll(below)));
    }
    return from;
}

/* Letters of a suffix begin no piece, but letters after a suffix do. */
ALWAYS uint64_t cut_suffixes(uint64_t starts, const unsigned char *s, size_t known, uint64_t quotes,
                             uint64_t letter, struct rules r)
{
    for (quotes &= letter >> 1; quotes; quotes &= quotes - 1) {
        size_t at = (size_t)__builtin_ctzll(quotes);
        size_t k = at < known ? suffix(s + at, known - at, r.suffixes) : 0;
        if (k == 0 && at + 3 > known) /* it may be a suffix: the bytes after it are not certain */
            return starts & (((uint64_t)2 << at) - 1);
        if (k == 0)
            continue;
        starts &= ~((uint64_t)2 << at);
        if (at + k < 64)
            starts |= (uint64_t)1 << (at + k) & letter;
    }
    return starts;
}

ALWAYS uint64_t number_starts(const struct masks *m, uint64_t after_space, struct rules r)
{
    uint64_t number = m->number;
    if (r.numbers == 1)
        return number & ~m->inner;
    if (r.numbers == 0)
        return number & ~(number << 1) & ~after_space;
    uint64_t starts = number & ~(number << 1), inside = number & number << 1 & number << 2;
    for (uint64_t more = starts; (more = more << 3 & inside) != 0;)
        starts |= more;
    return starts;
}

/* Returns which of the first *known bytes begin a piece, as far as those bytes alone can tell. Byte 0 does.
 */
ALWAYS uint64_t block_starts(const uint8_t *classes, const unsigned char *s, size_t n, size_t known,
                             struct rules r)
{
    struct masks m;
    classify(&m, s);
    if (m.high) {
        known = add_high(&m, classes, s, n, known, r);
        if (known == 0)
            return 1;
    }
    uint64_t white = m.white, newline = r.lines ? m.newline : 0;
    if (r.lines) { /* line ends after signs belong to them */
        uint64_t taken = newline & ~(newline + (newline & m.other << 1));
        white &= ~taken;
        newline &= ~taken;
    }
    uint64_t blank = white & ~newline;
    uint64_t last_blank = blank & ~(white >> 1);
    if (r.numbers_apart)
        last_blank &= ~(m.number >> 1);
    uint64_t after_space = (last_blank & m.space) << 1;
    uint64_t other = m.other & ~(m.other << 1) & ~after_space;
    uint64_t letter = m.letter & ~(m.letter << 1) & ~after_space;
    if (r.any_prefix)
        letter &= ~(last_blank << 1) &
                  ~((other << 1) + m.inner); /* the sum carries over the inner bytes of a sign */
    uint64_t starts =
        1 | other | letter | last_blank | (white & ~(white << 1)) | number_starts(&m, after_space, r);
    if (r.lines)
        starts |= indents(blank, newline);
    if (r.suffixes)
        starts = cut_suffixes(starts, s, known, m.quote & other, m.letter, r);
    /* White space that reaches the end of the known bytes may continue: only its first start is certain. */
    uint64_t open = ~(white << (64 - known));
    size_t sure = known - (open ? (size_t)__builtin_clzll(open) : 64);
    starts &= ~(uint64_t)0 >> (64 - known);
    return sure < known ? starts & (((uint64_t)2 << sure) - 1) : starts;
}

ALWAYS size_t fill(const uint8_t *classes, const unsigned char *text, size_t len, size_t pos, size_t *ends,
                   struct rules r)
{
    size_t n = 0;
    while (n <= FILL_MAX - 64 && pos < len) {
        const unsigned char *s = text + pos;
        unsigned char padded[64];
        size_t there = len - pos, known = there < 64 ? there : 64;
        if (known < 64) {
            memset(padded, 0, sizeof padded);
            s = memcpy(padded, s, known);
        }
        uint64_t starts = block_starts(classes, s, there, known, r) & ~(uint64_t)1;
        if (!starts)
            ends[n++] = pos + next_piece(classes, text + pos, there, r);
        for (; starts; starts &= starts - 1)
            ends[n++] = pos + (size_t)__builtin_ctzll(starts);
        pos = ends[n - 1];
    }
    return n;
}
#else
ALWAYS size_t fill(const uint8_t *classes, const unsigned char *text, size_t len, size_t pos, size_t *ends,
                   struct rules r)
{
    size_t n = 0;
    for (; n < FILL_MAX && pos < len; n++)
        ends[n] = pos += next_piece(classes, text + pos, len - pos, r);
    return n;
}
#endif

#define FILLER(name, ...)                                                                                    \
    static size_t name(const uint8_t *classes, const unsigned char *text, size_t len, size_t pos,            \
                       size_t *ends)                                                                         \
    {                                                                                                        \
        return fill(classes, text, len, pos, ends, (struct rules){__VA_ARGS__});                             \
    }
FILLER(fill_qwen2, .suffixes = SUFFIXES_ANY_CASE, .any_prefix = true, .lines = true, .numbers = 1)
FILLER(fill_llama3, .suffixes = SUFFIXES_ANY_CASE, .any_prefix = true, .lines = true, .numbers = 3)
FILLER(fill_cl100k, .suffixes = SUFFIXES_ANY_CASE, .any_prefix = true, .lines = true, .numbers = 3,
       .blanks_at_end = true)
FILLER(fill_gpt2, .suffixes = SUFFIXES_LOWER)
FILLER(fill_gpt2_digits, .suffixes = SUFFIXES_LOWER, .numbers = 1, .numbers_apart = true)

fill_function *const FILL_TABLE[N_PATTERNS] = {
    [PATTERN_QWEN2] = fill_qwen2, [PATTERN_LLAMA3] = fill_llama3,           [PATTERN_CL100K] = fill_cl100k,
    [PATTERN_GPT2] = fill_gpt2,   [PATTERN_GPT2_DIGITS] = fill_gpt2_digits,
};
