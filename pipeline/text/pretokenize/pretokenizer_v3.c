/* pretokenizer_v3.c - the hand-written patterns with AVX2, 64 bytes at once */
#define FILL_TABLE pretokenizer_v3
#ifdef __x86_64__
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt")
#include <immintrin.h>
#define CLASSIFY
#endif
#include "pipeline/text/pretokenize/pretokenizer_fill.h"

#ifdef CLASSIFY
/* Marks bytes in [low, low + n) by 0xff. */
ALWAYS __m256i within(__m256i v, char low, char n)
{
    __m256i x = _mm256_sub_epi8(v, _mm256_set1_epi8(low));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8((char)(n - 1))), x);
}

ALWAYS uint64_t bits(__m256i v)
{
    return (uint32_t)_mm256_movemask_epi8(v);
}

ALWAYS void classify(struct masks *m, const unsigned char s[64])
{
    *m = (struct masks){0};
    for (int i = 0; i < 64; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(s + i));
        __m256i space = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(' '));
        __m256i newline = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\n')),
                                          _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\r')));
        m->letter |= bits(within(_mm256_or_si256(v, _mm256_set1_epi8(0x20)), 'a', 26)) << i;
        m->number |= bits(within(v, '0', 10)) << i;
        m->white |= bits(_mm256_or_si256(space, within(v, '\t', 5))) << i;
        m->space |= bits(space) << i;
        m->newline |= bits(newline) << i;
        m->quote |= bits(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\''))) << i;
        m->high |= bits(v) << i;
    }
    m->other = ~(m->letter | m->number | m->white | m->high);
}
#endif
