#include "pipeline/filter/simplify.h"

#include <string.h>
#include <utf8proc.h>

enum { MOST_DECOMPOSED = 18 }; /* characters that one becomes at most, in NFD */

/* Adds one space between words, and none at the start. */
static void add_space(struct strbuf *out)
{
    if (out->len > 0 && out->s[out->len - 1] != ' ')
        strbuf_add(out, " ", 1);
}

static void strip_end(struct strbuf *out)
{
    if (out->len > 0 && out->s[out->len - 1] == ' ')
        out->s[--out->len] = '\0';
}

static size_t numbers_length(const char *s, const char *end)
{
    const char *from = s;
    uint32_t c;
    while (s < end) {
        size_t width = char_next(s, end, &c);
        if (!(char_class(c) & CHAR_NUMBER))
            break;
        s += width;
    }
    return (size_t)(s - from);
}

/* The length of a number with at most one decimal separator; 0: none is at s. */
static size_t number_length(const char *s, const char *end)
{
    size_t whole = numbers_length(s, end);
    uint32_t c;
    if (whole == 0 || s + whole == end)
        return whole;
    size_t point = char_next(s + whole, end, &c);
    if (c != '.' && c != ',' && c != 0x60c && c != 0x66b && (c < 0x2396 || c > 0x2398))
        return whole;
    size_t part = numbers_length(s + whole + point, end);
    return part ? whole + point + part : whole;
}

/* Adds a character that is not ASCII: small, decomposed, without accents. */
static void add_beyond_ascii(struct strbuf *out, uint32_t c)
{
    utf8proc_int32_t parts[MOST_DECOMPOSED];
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(utf8proc_tolower((utf8proc_int32_t)c), parts,
                                                 MOST_DECOMPOSED, UTF8PROC_DECOMPOSE, &boundary);
    for (utf8proc_ssize_t i = 0; i < n && i < MOST_DECOMPOSED; i++) {
        utf8proc_uint8_t bytes[4];
        if (!(char_class((uint32_t)parts[i]) & CHAR_MARK))
            strbuf_add(out, bytes, (size_t)utf8proc_encode_char(parts[i], bytes));
    }
}

void simplify(struct strbuf *out, struct span text)
{
    const char *s = text.s, *end = text.s + text.len;
    uint32_t c;
    strbuf_reset(out);
    while (s < end) {
        size_t width = char_next(s, end, &c);
        unsigned class = char_class(c);
        if (class & CHAR_NUMBER) {
            strbuf_add(out, "0", 1);
            width = number_length(s, end);
        } else if (class & (CHAR_SPACE | CHAR_SIGN)) {
            add_space(out);
        } else if (c < 128) {
            char small = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
            strbuf_add(out, &small, 1);
        } else {
            add_beyond_ascii(out, c);
        }
        s += width;
    }
    strip_end(out);
}

void squeeze(struct strbuf *out, struct span text)
{
    const char *s = text.s, *end = text.s + text.len;
    uint32_t c;
    strbuf_reset(out);
    while (s < end) {
        const char *from = s;
        while (s < end) {
            size_t width = char_next(s, end, &c);
            if (char_class(c) & CHAR_SPACE)
                break;
            s += width;
        }
        strbuf_add(out, from, (size_t)(s - from));
        if (s < end) {
            add_space(out);
            s += char_next(s, end, &c);
        }
    }
    strip_end(out);
}
