/*
 * unicode.h - the classes of code points that pre-tokenizers distinguish (Unicode 16)
 */
#ifndef PRETOKENIZE_UNICODE_H
#define PRETOKENIZE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unicode_class {
    CLASS_OTHER,   /* signs, marks, controls, unassigned */
    CLASS_LETTER,  /* \p{L} */
    CLASS_NUMBER,  /* \p{N} */
    CLASS_SPACE,   /* U+0020 */
    CLASS_NEWLINE, /* CR, LF */
    CLASS_BLANK,   /* White_Space without the two above; \s is all three */
    CLASS_END,     /* no character: the end of the text, or a byte that is not UTF-8 */
};

struct unicode_range {
    uint32_t first, last;
};
struct unicode_category {
    uint32_t first, last;
    char name[2]; /* name of the general category: "Lu" */
};
/* All tables are ascending. Words: \w of Rust; punctuation and accents: those of the tokenizers library. */
extern const struct unicode_category unicode_categories[];
extern const struct unicode_range unicode_words[], unicode_punctuation[], unicode_accents[];
extern const unsigned n_unicode_categories, n_unicode_words, n_unicode_punctuation, n_unicode_accents;

/* Whether c is in one of the n ranges. */
bool unicode_in(const struct unicode_range *ranges, unsigned n, uint32_t c);

/* Returns the class of each code point, 0x110000 bytes; the first call fills the table. */
const uint8_t *unicode_classes(void);

/* Returns the class of the character at s, where n bytes may be read, and its length; CLASS_END (length 0)
 * when there is no character. */
static inline enum unicode_class unicode_at(const uint8_t *classes, const unsigned char *s, size_t n,
                                            size_t *len)
{
    *len = 0;
    if (n == 0)
        return CLASS_END;
    uint32_t c = s[0];
    if (c < 0x80) {
        *len = 1;
        return classes[c];
    }
    /* The ranges are those of Unicode's table 3-7: no overlong forms, no surrogates, and nothing above
     * U+10FFFF. */
    if (c < 0xc2 || n < 2 || (s[1] & 0xc0) != 0x80)
        return CLASS_END;
    if (c < 0xe0) {
        *len = 2;
        return classes[(c & 0x1f) << 6 | (s[1] & 0x3f)];
    }
    if (n < 3 || (s[2] & 0xc0) != 0x80)
        return CLASS_END;
    if (c < 0xf0) {
        c = (c & 0xf) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3f);
        if (c < 0x800 || (c >= 0xd800 && c < 0xe000))
            return CLASS_END;
        *len = 3;
        return classes[c];
    }
    if (n < 4 || (s[3] & 0xc0) != 0x80)
        return CLASS_END;
    c = (c & 0xf) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3f);
    if (s[0] > 0xf4 || c < 0x10000 || c > 0x10ffff)
        return CLASS_END;
    *len = 4;
    return classes[c];
}

/* Whether the character at s is white space; *len is its length. */
static inline bool unicode_is_white(const unsigned char *s, size_t n, size_t *len)
{
    enum unicode_class class = unicode_at(unicode_classes(), s, n, len);
    return class >= CLASS_SPACE && class <= CLASS_BLANK;
}

/* Returns the character of len bytes that unicode_at has found. */
static inline uint32_t unicode_point(const unsigned char *s, size_t len)
{
    return len == 2   ? (s[0] & 0x1fu) << 6 | (s[1] & 0x3f)
           : len == 3 ? (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3f)
           : len == 4 ? (s[0] & 7u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3f)
                      : s[0];
}

#endif
