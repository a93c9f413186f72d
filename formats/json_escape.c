#include "formats/json_escape.h"

#include <stdint.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

/* By the letter of an escape: the byte that it means. 0: it is no escape of one letter. */
static const char meanings[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                   ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
/* By the byte: the letter of its escape. 0: it has none of one letter. */
static const char letters[256] = {
    ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

/* ---- 16 bytes at a time ---- */

/* Whether a byte stands for itself in a JSON string. ascii: and is a character of ASCII that can be seen. */
static bool is_plain(unsigned char c, bool ascii)
{
    return c >= 0x20 && c != '"' && c != '\\' && !(ascii && c >= 0x7f);
}

/* Copies up to the first of n bytes that is not plain. Returns how many are; *unchecked: as in json_unescape.
 */
static inline size_t copy_plain(char *to, const char *s, size_t n, bool ascii, bool *unchecked)
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
        *unchecked |=
            (above & ((end & -end) - 1)) != 0; /* before the first end; all of them where there is none */
        if (end)
            return i + (size_t)__builtin_ctz(end);
    }
#endif
    for (; i < n && is_plain((unsigned char)s[i], ascii); i++) {
        to[i] = s[i];
        *unchecked |= (unsigned char)s[i] >= 0x80;
    }
    return i;
}

void json_unescape_narrow(const char **at, const char *end, char **out, bool *unchecked)
{
    for (;;) {
        size_t n = copy_plain(*out, *at, (size_t)(end - *at), false, unchecked);
        *at += n, *out += n;
        char meaning = end - *at >= 2 && **at == '\\' ? meanings[(unsigned char)(*at)[1]] : '\0';
        if (!meaning)
            return;
        *at += 2;
        *(*out)++ = meaning;
    }
}

size_t json_escape_narrow(char **out, const char *s, size_t n)
{
    bool unchecked = false;
    for (size_t i = 0;; i++) {
        size_t run = copy_plain(*out, s + i, n - i, true, &unchecked);
        i += run, *out += run;
        char letter = i < n ? letters[(unsigned char)s[i]] : '\0';
        if (!letter)
            return i;
        *(*out)++ = '\\';
        *(*out)++ = letter;
    }
}

/* ---- 64 bytes at a time ---- */

#ifdef __x86_64__
#define WIDE __attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt")))

enum { BLOCK = 64 };

bool json_is_wide(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2");
}

WIDE static inline uint64_t first_bits(size_t n)
{
    return _bzhi_u64(~(uint64_t)0, n < BLOCK ? (unsigned)n : BLOCK);
}

/* Looks up each byte by its lower seven bits. */
WIDE static inline __m512i look_up(const char *table, __m512i v)
{
    return _mm512_permutex2var_epi8(_mm512_loadu_si512(table), v, _mm512_loadu_si512(table + 64));
}

WIDE static inline uint64_t equal(__m512i v, unsigned char c)
{
    return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8((char)c));
}

WIDE static inline uint64_t least(__m512i v, unsigned char c)
{
    return _mm512_cmpge_epu8_mask(v, _mm512_set1_epi8((char)c));
}

/* Returns where to stop in a block with these bytes above 127, so that only whole characters of UTF-8 come
 * before: the first of those bytes if any is wrong (as utf8_char says), and the beginning of a character that
 * goes on in the next block. */
WIDE static uint64_t stop_at_part(__m512i v, uint64_t high)
{
    uint64_t two = least(v, 0xc2), three = least(v, 0xe0), four = least(v, 0xf0),
             more = high & ~least(v, 0xc0);
    uint64_t above_8f = least(v, 0x90), above_9f = least(v, 0xa0);
    uint64_t wrong = more ^ (two << 1 | three << 2 | four << 3);
    wrong |= (high & ~two & ~more) | least(v, 0xf5);
    wrong |= (equal(v, 0xe0) << 1 & ~above_9f) | (equal(v, 0xed) << 1 & above_9f);
    wrong |= (equal(v, 0xf0) << 1 & ~above_8f) | (equal(v, 0xf4) << 1 & above_8f);
    return wrong ? high : two >> 63 << 63 | three >> 62 << 62 | four >> 61 << 61;
}

/* Returns the bytes behind a backslash that is not itself behind one. */
static inline uint64_t behind(uint64_t backslash)
{
    uint64_t escaped = backslash << 1;
    if (!(escaped & backslash))
        return escaped;
    escaped = 0;
    for (uint64_t left = backslash, first; left; left &= ~(first | first << 1)) {
        first = left & -left;
        escaped |= first << 1;
    }
    return escaped;
}

WIDE void json_unescape_wide(const char **at, const char *end, char **out)
{
    const char *s = *at;
    char *to = *out;
    for (size_t n = 1; n > 0; s += n) {
        uint64_t there = first_bits((size_t)(end - s));
        __m512i v = _mm512_maskz_loadu_epi8(there, s), meaning = look_up(meanings, v);
        uint64_t backslash = equal(v, '\\'), escaped = behind(backslash), escapes = backslash & ~escaped;
        uint64_t high = _mm512_movepi8_mask(v), none = _mm512_testn_epi8_mask(meaning, meaning);
        uint64_t stop =
            ~there | ((equal(v, '"') | ~least(v, 0x20)) & ~escaped) | (escaped & (none | high)) >> 1;
        stop |= escapes >> 63 << 63; /* its letter is in the next block */
        if (high)
            stop |= stop_at_part(v, high);
        n = _tzcnt_u64(stop);
        uint64_t taken = first_bits(n) & ~escapes;
        _mm512_storeu_si512(to, _mm512_maskz_compress_epi8(taken, _mm512_mask_mov_epi8(v, escaped, meaning)));
        to += _mm_popcnt_u64(taken);
    }
    *at = s;
    *out = to;
}

/* Writes the bytes of half a block that `taken` has, behind a backslash those that `escape` has too. */
WIDE static inline char *put_half(char *to, __m256i v, uint64_t taken, uint64_t escape)
{
    const uint64_t even = 0x5555555555555555u;
    __m512i pairs = _mm512_or_si512(_mm512_slli_epi16(_mm512_cvtepu8_epi16(v), 8), _mm512_set1_epi16('\\'));
    uint64_t keep = _pdep_u64(escape, even) | _pdep_u64(taken, ~even);
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi8(keep, pairs));
    return to + _mm_popcnt_u64(keep);
}

WIDE size_t json_escape_wide(char **out, const char *s, size_t len)
{
    char *to = *out;
    size_t at = 0;
    for (size_t n = 1; n > 0; at += n) {
        uint64_t there = first_bits(len - at);
        __m512i v = _mm512_maskz_loadu_epi8(there, s + at), letter = look_up(letters, v);
        uint64_t high = _mm512_movepi8_mask(v), escape = _mm512_test_epi8_mask(letter, letter) & ~high;
        uint64_t stop = ~there | ((~least(v, 0x20) | equal(v, 0x7f)) & ~escape);
        if (high)
            stop |= stop_at_part(v, high);
        n = _tzcnt_u64(stop);
        uint64_t taken = first_bits(n);
        escape &= taken;
        v = _mm512_mask_mov_epi8(v, escape, letter);
        to = put_half(to, _mm512_castsi512_si256(v), (uint32_t)taken, (uint32_t)escape);
        to = put_half(to, _mm512_extracti64x4_epi64(v, 1), taken >> 32, escape >> 32);
    }
    *out = to;
    return at;
}

void json_unescape(const char **at, const char *end, char **out, bool *unchecked)
{
    if (json_is_wide())
        json_unescape_wide(at, end, out);
    else
        json_unescape_narrow(at, end, out, unchecked);
}

size_t json_escape(char **out, const char *s, size_t n)
{
    return json_is_wide() ? json_escape_wide(out, s, n) : json_escape_narrow(out, s, n);
}
#else
bool json_is_wide(void)
{
    return false;
}

void json_unescape(const char **at, const char *end, char **out, bool *unchecked)
{
    json_unescape_narrow(at, end, out, unchecked);
}

size_t json_escape(char **out, const char *s, size_t n)
{
    return json_escape_narrow(out, s, n);
}
#endif
