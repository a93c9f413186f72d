/*
 * element.h - how the reference kernels read and write one number
 *
 * An array of type `act` holds bf16 or f32, fixed when the device is opened. Every kernel here reads an
 * element as a double, computes in double, and rounds once when it stores the result. That is why the loops
 * can look like their formulas: only these two functions know about types.
 */
#ifndef KERNELS_REFERENCE_ELEMENT_H
#define KERNELS_REFERENCE_ELEMENT_H

#include <string.h>
#include "kernels/ops.h"

struct device {
    enum dtype act; /* the element type of every `void *` */
};

/* bf16 is the upper half of an f32: the sign, all 8 bits of the exponent, 7 bits of the fraction. */
static inline float bf16_to_float(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Rounds to the nearest bf16 and, between two that are equally near, to the one that ends in 0. A NaN stays a
 * NaN: without its own branch, the carry could turn it into an infinity. */
static inline uint16_t bf16_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Element i of the act array x. */
static inline double load(const struct device *dev, const void *x, size_t i)
{
    return dev->act == DTYPE_BF16 ? bf16_to_float(((const uint16_t *)x)[i]) : ((const float *)x)[i];
}

static inline void store(const struct device *dev, void *x, size_t i, double value)
{
    if (dev->act == DTYPE_BF16)
        ((uint16_t *)x)[i] = bf16_from_float((float)value);
    else
        ((float *)x)[i] = (float)value;
}

#endif
