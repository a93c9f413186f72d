/*
 * json_plain.h - finds what must be escaped, or ends a string, in JSON text: 16 bytes at a time
 *
 * AVX2 with 32 or 64 bytes was measured as well and gained nothing: between two line ends there are some 70.
 */
#ifndef FORMATS_JSON_PLAIN_H
#define FORMATS_JSON_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { JSON_OVERSHOOT = 16 }; /* bytes that copying may write too many */

/* Whether a byte stands for itself in a JSON string. ascii: and is a character of ASCII that can be seen. */
static inline bool json_is_plain(unsigned char c, bool ascii)
{
    return c >= 0x20 && c != '"' && c != '\\' && !(ascii && c >= 0x7f);
}

/* Copies up to the first of n bytes that is not plain. Returns how many are; *high is set where one of them
 * is above 127, and is left alone otherwise. */
static inline size_t json_copy_bytes(char *to, const char *s, size_t n, bool ascii, bool *high)
{
    size_t i = 0;
    for (; i < n && json_is_plain((unsigned char)s[i], ascii); i++) {
        to[i] = s[i];
        *high |= (unsigned char)s[i] >= 0x80;
    }
    return i;
}

/* As json_copy_bytes, and with the same result, but may write JSON_OVERSHOOT bytes more. */
static inline size_t json_copy_plain(char *to, const char *s, size_t n, bool ascii, bool *high)
{
    size_t i = 0;
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f), del = _mm_set1_epi8(0x7f);
    for (; n - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(s + i));
        _mm_storeu_si128((__m128i *)(to + i), v);
        __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        ends = _mm_or_si128(ends, _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
        if (ascii)
            ends = _mm_or_si128(ends, _mm_cmpeq_epi8(_mm_max_epu8(v, del), v));
        unsigned end = (unsigned)_mm_movemask_epi8(ends), above = (unsigned)_mm_movemask_epi8(v);
        *high |=
            (above & ((end & -end) - 1)) != 0; /* before the first end; all of them where there is none */
        if (end)
            return i + (size_t)__builtin_ctz(end);
    }
#endif
    return i + json_copy_bytes(to + i, s + i, n - i, ascii, high);
}

#endif
