/*
 * vec.h - vectors of f32 as wide as the level of the instruction set this copy is compiled for
 *
 *   vf        VL floats: 16 (AVX-512), 8 (AVX2), 4 (SSE); + - * / work on it
 *   vload     the VL elements of p from element i on, f32 or bf16, as f32
 *   vget/vput the same for the last, partial vector: only `left` elements are touched when
 *             left < VL, the other lanes read as 0
 *
 * `t` is a constant after inlining, or the same all along a loop: OpenMP's outlining hides it, and the branch
 * then costs nothing that could be measured (SwiGLU, Zen 3). bf16 is rounded to nearest even; a NaN stays
 * one.
 */
#ifndef KERNELS_VEC_H
#define KERNELS_VEC_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "kernels/ops.h"

#define INLINE static inline __attribute__((always_inline, unused))

INLINE float bf16_to_float(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}

INLINE uint16_t bf16_from_float(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    if ((u & 0x7fffffff) > 0x7f800000)
        return (u >> 16) | 0x40;
    return (u + 0x7fff + ((u >> 16) & 1)) >> 16;
}

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)

#define VL 16
typedef __m512 vf;
typedef int32_t vi __attribute__((vector_size(64)));

INLINE vf vset(float x)
{
    return _mm512_set1_ps(x);
}

INLINE vf vmax(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}

INLINE vf vsqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}

INLINE vi vto_int(vf a)
{
    return (vi)_mm512_cvtps_epi32(a);
}

INLINE vf vload_f32(const float *p)
{
    return _mm512_loadu_ps(p);
}

INLINE void vstore_f32(float *p, vf a)
{
    _mm512_storeu_ps(p, a);
}

INLINE __m512i vwiden_bits(__m256i h)
{
    return _mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16);
}

INLINE __m256i vnarrow_bits(vf a)
{
    __m512i u = _mm512_castps_si512(a);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    __m512i r = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    r = _mm512_mask_or_epi32(r, _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), u, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(r, 16));
}

/* vnarrow_bits in one instruction of AVX512_BF16, which only some machines of this level have: the caller has
 * checked that this one does. Subnormal numbers become 0, the only difference. */
INLINE __m256i vnarrow_quick(vf a)
{
    __m256i h;
    __asm__("vcvtneps2bf16 %1, %0" : "=v"(h) : "v"(a));
    return h;
}

/* The check is one load and one branch, which goes the same way all along a loop. */
INLINE __m256i vnarrow(vf a)
{
    return __builtin_cpu_supports("avx512bf16") ? vnarrow_quick(a) : vnarrow_bits(a);
}

/* 16 words: the bf16 of a in the low halves, those of b in the high ones. */
INLINE vf vpair(__m256i a, __m256i b)
{
    __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(b), 16);
    return _mm512_castsi512_ps(_mm512_or_si512(_mm512_cvtepu16_epi32(a), high));
}

INLINE vf vload_bf16(const uint16_t *p)
{
    return _mm512_castsi512_ps(vwiden_bits(_mm256_loadu_si256((const __m256i *)p)));
}

INLINE void vstore_bf16(uint16_t *p, vf a)
{
    _mm256_storeu_si256((__m256i *)p, vnarrow(a));
}

INLINE vf vload_part(const void *p, size_t i, int n, enum dtype t)
{
    __mmask16 k = (1u << n) - 1;
    if (t == DTYPE_BF16)
        return _mm512_castsi512_ps(vwiden_bits(_mm256_maskz_loadu_epi16(k, (const uint16_t *)p + i)));
    return _mm512_maskz_loadu_ps(k, (const float *)p + i);
}

INLINE void vstore_part(void *p, size_t i, int n, vf a, enum dtype t)
{
    __mmask16 k = (1u << n) - 1;
    if (t == DTYPE_BF16)
        _mm256_mask_storeu_epi16((uint16_t *)p + i, k, vnarrow(a));
    else
        _mm512_mask_storeu_ps((float *)p + i, k, a);
}

/* Lanes of a whose index is in [lo, hi), `other` elsewhere. */
INLINE vf vkeep(vf a, int lo, int hi, float other)
{
    __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __mmask16 k = _mm512_cmpge_epi32_mask(lane, _mm512_set1_epi32(lo)) &
                  _mm512_cmplt_epi32_mask(lane, _mm512_set1_epi32(hi));
    return _mm512_mask_blend_ps(k, _mm512_set1_ps(other), a);
}

#else /* AVX2 or SSE */

#if defined(__AVX2__)
#define VL 8
typedef __m256 vf;
typedef int32_t vi __attribute__((vector_size(32)));
typedef uint16_t vh __attribute__((vector_size(16)));
typedef uint32_t vu __attribute__((vector_size(32)));

INLINE vf vmax(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}

INLINE vf vsqrt(vf a)
{
    return _mm256_sqrt_ps(a);
}

INLINE vf vround(vf a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

INLINE vi vto_int(vf a)
{
    return (vi)_mm256_cvtps_epi32(a);
}

/* GCC's own conversions (12, __builtin_convertvector) go through the halves: three times the instructions. */
INLINE vu vwiden(vh h)
{
    return (vu)_mm256_cvtepu16_epi32((__m128i)h);
}

/* Each element is at most 0xffff. */
INLINE vh vnarrow(vu a)
{
    __m256i pairs = _mm256_packus_epi32((__m256i)a, (__m256i)a);
    return (vh)_mm256_castsi256_si128(_mm256_permute4x64_epi64(pairs, 0x08));
}
#else
#define VL 4
typedef __m128 vf;
typedef int32_t vi __attribute__((vector_size(16)));
typedef uint16_t vh __attribute__((vector_size(8)));
typedef uint32_t vu __attribute__((vector_size(16)));

INLINE vf vmax(vf a, vf b)
{
    return _mm_max_ps(a, b);
}

INLINE vf vsqrt(vf a)
{
    return _mm_sqrt_ps(a);
}

INLINE vf vround(vf a)
{
    return _mm_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

INLINE vi vto_int(vf a)
{
    return (vi)_mm_cvtps_epi32(a);
}

INLINE vu vwiden(vh h)
{
    return __builtin_convertvector(h, vu);
}

INLINE vh vnarrow(vu a)
{
    return __builtin_convertvector(a, vh);
}
#endif

INLINE vf vset(float x)
{
    return x - (vf){0};
}

INLINE vf vload_f32(const float *p)
{
    vf a;
    memcpy(&a, p, sizeof a);
    return a;
}

INLINE void vstore_f32(float *p, vf a)
{
    memcpy(p, &a, sizeof a);
}

INLINE vf vload_bf16(const uint16_t *p)
{
    vh h;
    memcpy(&h, p, sizeof h);
    return (vf)(vwiden(h) << 16);
}

INLINE void vstore_bf16(uint16_t *p, vf a)
{
    vu u = (vu)a, r = (u + 0x7fff + ((u >> 16) & 1)) >> 16, nan = (vu)(a != a);
    r = (r & ~nan) | (((u >> 16) | 0x40) & nan);
    vh h = vnarrow(r);
    memcpy(p, &h, sizeof h);
}

INLINE vf vload_part(const void *p, size_t i, int n, enum dtype t)
{
    float f[VL] = {0};
    for (int k = 0; k < n; k++)
        f[k] = t == DTYPE_BF16 ? bf16_to_float(((const uint16_t *)p)[i + k]) : ((const float *)p)[i + k];
    return vload_f32(f);
}

INLINE void vstore_part(void *p, size_t i, int n, vf a, enum dtype t)
{
    float f[VL];
    vstore_f32(f, a);
    for (int k = 0; k < n; k++) {
        if (t == DTYPE_BF16)
            ((uint16_t *)p)[i + k] = bf16_from_float(f[k]);
        else
            ((float *)p)[i + k] = f[k];
    }
}

/* Lanes of a whose index is in [lo, hi), `other` elsewhere. */
INLINE vf vkeep(vf a, int lo, int hi, float other)
{
    static const vi lane = {
        0,
        1,
        2,
        3,
#if VL == 8
        4,
        5,
        6,
        7
#endif
    };
    vi k = (lane >= lo) & (lane < hi);
    return (vf)(((vi)a & k) | ((vi)vset(other) & ~k));
}

#endif

INLINE vf vzero(void)
{
    return (vf){0};
}

INLINE vf vload(const void *p, size_t i, enum dtype t)
{
    return t == DTYPE_BF16 ? vload_bf16((const uint16_t *)p + i) : vload_f32((const float *)p + i);
}

INLINE void vstore(void *p, size_t i, vf a, enum dtype t)
{
    if (t == DTYPE_BF16)
        vstore_bf16((uint16_t *)p + i, a);
    else
        vstore_f32((float *)p + i, a);
}

INLINE vf vget(const void *p, size_t i, size_t left, enum dtype t)
{
    return left >= VL ? vload(p, i, t) : vload_part(p, i, (int)left, t);
}

INLINE void vput(void *p, size_t i, size_t left, vf a, enum dtype t)
{
    if (left >= VL)
        vstore(p, i, a, t);
    else
        vstore_part(p, i, (int)left, a, t);
}

/* vput for weights: a subnormal number stays what it is. */
INLINE void vput_weights(void *p, size_t i, size_t left, vf a, enum dtype t)
{
#if VL == 16
    if (t == DTYPE_BF16) {
        __mmask16 there = left >= VL ? 0xffff : (1u << left) - 1;
        _mm256_mask_storeu_epi16((uint16_t *)p + i, there, vnarrow_bits(a));
        return;
    }
#endif
    vput(p, i, left, a, t);
}

/* Sum and maximum of the lanes: halves are folded onto each other, so always in the same order. */
#define FOLD(name, op)                                                                                       \
    INLINE float name(vf a)                                                                                  \
    {                                                                                                        \
        __m128 x = vquarters_##op(a);                                                                        \
        x = _mm_##op##_ps(x, _mm_movehl_ps(x, x));                                                           \
        return _mm_cvtss_f32(_mm_##op##_ss(x, _mm_shuffle_ps(x, x, 1)));                                     \
    }
#if VL == 16
#define QUARTERS(op)                                                                                         \
    INLINE __m128 vquarters_##op(vf a)                                                                       \
    {                                                                                                        \
        __m256 h = _mm256_##op##_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));                \
        return _mm_##op##_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));                        \
    }
#elif VL == 8
#define QUARTERS(op)                                                                                         \
    INLINE __m128 vquarters_##op(vf a)                                                                       \
    {                                                                                                        \
        return _mm_##op##_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));                        \
    }
#else
#define QUARTERS(op)                                                                                         \
    INLINE __m128 vquarters_##op(vf a)                                                                       \
    {                                                                                                        \
        return a;                                                                                            \
    }
#endif
QUARTERS(add)
QUARTERS(max)
FOLD(vsum, add)
FOLD(vmaximum, max)
#undef FOLD
#undef QUARTERS

/* e^x within 1 ulp; 0 below -104, inf above 88.8, and NaN stays NaN. x = n ln 2 + r, |r| <= ln(2)/2; e^r by
 * its Taylor polynomial with the last terms adjusted for that range (Cephes expf). */
INLINE vf vexp(vf x)
{
    const float ln2_hi = 0.693359375f, ln2_lo = -2.12194440e-4f;
#if VL == 16
    x = vmax(vset(-128.0f), _mm512_min_ps(vset(128.0f), x)); /* second operand NaN: NaN */
    vf n = _mm512_roundscale_ps(x * 1.44269504f, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
    vf x0 = x;
    x = vmax(vset(-128.0f), x);
    x = -vmax(vset(-128.0f), -x);
    vf n = vround(x * 1.44269504f);
#endif
    vf r = x - n * ln2_hi - n * ln2_lo;
    vf p = vset(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
#if VL == 16
    return _mm512_scalef_ps(p, n);
#else
    /* 2^n in two factors, so that subnormal results and overflow come out right */
    vi k = vto_int(n), half = k >> 1;
    vf y = p * (vf)((half + 127) << 23) * (vf)((k - half + 127) << 23);
    return (vf)(((vi)y & (vi)(x0 == x0)) | ((vi)x0 & (vi)(x0 != x0)));
#endif
}

#endif
