/* pretokenizer_v4.c - the hand-written patterns with AVX-512, 64 bytes at once */
#define FILL_TABLE pretokenizer_v4
#ifdef __x86_64__
#pragma GCC target("avx512f,avx512bw,avx512vl,avx2,bmi,bmi2,lzcnt,popcnt")
#include <immintrin.h>
#define CLASSIFY
#endif
#include "pipeline/text/pretokenize/pretokenizer_fill.h"

#ifdef CLASSIFY
/* Marks bytes in [low, low + n) by a set bit. */
ALWAYS uint64_t within(__m512i v, char low, char n)
{
    return _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8(low)), _mm512_set1_epi8(n));
}

ALWAYS uint64_t equal(__m512i v, char c)
{
    return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(c));
}

ALWAYS void classify(struct masks *m, const unsigned char s[64])
{
    __m512i v = _mm512_loadu_si512(s);
    m->letter = within(_mm512_or_si512(v, _mm512_set1_epi8(0x20)), 'a', 26);
    m->number = within(v, '0', 10);
    m->space = equal(v, ' ');
    m->white = m->space | within(v, '\t', 5);
    m->newline = equal(v, '\n') | equal(v, '\r');
    m->quote = equal(v, '\'');
    m->high = _mm512_movepi8_mask(v);
    m->other = ~(m->letter | m->number | m->white | m->high);
    m->inner = 0;
}
#endif
