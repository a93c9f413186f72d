#include "formats/gguf.h"

#include "formats/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 3 };

/* Types of values in key-value pairs. */
enum { VALUE_U32 = 4, VALUE_I32 = 5, VALUE_F32 = 6, VALUE_BOOL = 7, VALUE_STRING = 8, VALUE_ARRAY = 9 };

struct buffer {
    char *p;
    size_t len, cap;
    bool failed; /* out of memory: later calls do nothing */
};

struct gguf {
    struct buffer pairs, tensors;
    uint64_t n_pairs, n_tensors;
    uint64_t data; /* bytes of data so far, padding included */
};

/* ---- little-endian bytes, which is this machine's own order ---- */

static void put(struct buffer *b, const void *p, size_t n)
{
    if (b->failed)
        return;
    if (b->cap - b->len < n) {
        size_t cap = (b->len + n) * 2;
        char *grown = realloc(b->p, cap);
        if (!grown) {
            b->failed = true;
            return;
        }
        b->p = grown;
        b->cap = cap;
    }
    memcpy(b->p + b->len, p, n);
    b->len += n;
}

static void put_u32(struct buffer *b, uint32_t x)
{
    put(b, &x, sizeof x);
}

static void put_u64(struct buffer *b, uint64_t x)
{
    put(b, &x, sizeof x);
}

static void put_string(struct buffer *b, const char *s)
{
    put_u64(b, strlen(s));
    put(b, s, strlen(s));
}

/* ---- key-value pairs ---- */

static struct buffer *begin_pair(struct gguf *g, const char *key, uint32_t type)
{
    g->n_pairs++;
    put_string(&g->pairs, key);
    put_u32(&g->pairs, type);
    return &g->pairs;
}

static struct buffer *begin_array(struct gguf *g, const char *key, uint32_t type, size_t n)
{
    struct buffer *b = begin_pair(g, key, VALUE_ARRAY);
    put_u32(b, type);
    put_u64(b, n);
    return b;
}

void gguf_put_string(struct gguf *g, const char *key, const char *value)
{
    put_string(begin_pair(g, key, VALUE_STRING), value);
}

void gguf_put_u32(struct gguf *g, const char *key, uint32_t value)
{
    put_u32(begin_pair(g, key, VALUE_U32), value);
}

void gguf_put_f32(struct gguf *g, const char *key, float value)
{
    put(begin_pair(g, key, VALUE_F32), &value, sizeof value);
}

void gguf_put_bool(struct gguf *g, const char *key, bool value)
{
    put(begin_pair(g, key, VALUE_BOOL), &(uint8_t){value}, 1);
}

void gguf_put_strings(struct gguf *g, const char *key, const char *const *values, size_t n)
{
    struct buffer *b = begin_array(g, key, VALUE_STRING, n);
    for (size_t i = 0; i < n; i++)
        put_string(b, values[i]);
}

void gguf_put_i32s(struct gguf *g, const char *key, const int32_t *values, size_t n)
{
    put(begin_array(g, key, VALUE_I32, n), values, n * sizeof *values);
}

/* ---- tensors ---- */

static size_t block_elements(enum gguf_type type)
{
    return type == GGUF_Q4_0 || type == GGUF_Q8_0 ? GGUF_BLOCK : 1;
}

static size_t block_bytes(enum gguf_type type)
{
    switch (type) {
    case GGUF_F32:
        return 4;
    case GGUF_F16:
    case GGUF_BF16:
        return 2;
    case GGUF_Q4_0:
        return 2 + GGUF_BLOCK / 2;
    case GGUF_Q8_0:
        return 2 + GGUF_BLOCK;
    }
    return 0;
}

size_t gguf_bytes(enum gguf_type type, size_t n)
{
    return n / block_elements(type) * block_bytes(type);
}

size_t gguf_padding(size_t bytes)
{
    return (GGUF_ALIGNMENT - bytes % GGUF_ALIGNMENT) % GGUF_ALIGNMENT;
}

int gguf_add_tensor(struct gguf *g, const char *name, enum gguf_type type, uint64_t cols, uint64_t rows)
{
    if (strlen(name) > GGUF_MAX_NAME || cols % block_elements(type) != 0)
        return -1;
    struct buffer *b = &g->tensors;
    put_string(b, name);
    put_u32(b, rows ? 2 : 1);
    put_u64(b, cols); /* the axis that varies fastest comes first */
    if (rows)
        put_u64(b, rows);
    put_u32(b, (uint32_t)type);
    put_u64(b, g->data);
    size_t bytes = gguf_bytes(type, cols * (rows ? rows : 1));
    g->data += bytes + gguf_padding(bytes);
    g->n_tensors++;
    return 0;
}

char *gguf_header(struct gguf *g, size_t *len)
{
    static const char zeros[GGUF_ALIGNMENT];
    struct buffer b = {0};
    put(&b, "GGUF", 4);
    put_u32(&b, VERSION);
    put_u64(&b, g->n_tensors);
    put_u64(&b, g->n_pairs);
    put(&b, g->pairs.p, g->pairs.len);
    put(&b, g->tensors.p, g->tensors.len);
    put(&b, zeros, gguf_padding(b.len));
    if (b.failed || g->pairs.failed || g->tensors.failed) {
        free(b.p);
        return NULL;
    }
    *len = b.len;
    return b.p;
}

struct gguf *gguf_new(void)
{
    return calloc(1, sizeof(struct gguf));
}

void gguf_free(struct gguf *g)
{
    if (!g)
        return;
    free(g->pairs.p);
    free(g->tensors.p);
    free(g);
}

/* ---- values ---- */

/* Rounds to nearest, ties to even. */
static uint16_t f16_from_f32(float x)
{
    uint32_t bits, sign;
    memcpy(&bits, &x, 4);
    sign = bits >> 16 & 0x8000;
    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
        return (uint16_t)(sign | 0x7e00); /* NaN */
    if (bits >= 0x477ff000)
        return (uint16_t)(sign | 0x7c00); /* larger than any f16, or infinite */
    if (bits < 0x38800000) { /* below the smallest normal f16: steps of 2^-24, which are the steps of f32
                                around 0.5 */
        float near_half = fabsf(x) + 0.5f;
        memcpy(&bits, &near_half, 4);
        return (uint16_t)(sign | (bits - 0x3f000000));
    }
    bits += 0xfff + (bits >> 13 &
                     1); /* adds half a step to round; then the exponent's offset changes from 127 to 15 */
    return (uint16_t)(sign | ((bits - 0x38000000) >> 13));
}

static void to_f16(const float *x, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        memcpy(out + 2 * i, &(uint16_t){f16_from_f32(x[i])}, 2);
}

static void to_bf16(const float *x, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        memcpy(out + 2 * i, &(uint16_t){bf16_from_f32(x[i])}, 2);
}

/* x[i] is about scale * q[i], with q in -127..127: the largest magnitude becomes 127 or -127. */
static void block_q8_0(const float *x, uint8_t *out)
{
    float largest = 0;
    for (int i = 0; i < GGUF_BLOCK; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    float scale = largest / 127, inverse = scale > 0 ? 1 / scale : 0;
    to_f16(&scale, 1, out);
    for (int i = 0; i < GGUF_BLOCK; i++)
        out[2 + i] = (uint8_t)(int8_t)roundf(x[i] * inverse);
}

/* x[i] is about scale * (q[i] - 8), with q in 0..15: the value of the largest magnitude gets q = 0, that is
 * -8. The low half of byte i is element i, the high half element i + 16. */
static void block_q4_0(const float *x, uint8_t *out)
{
    float extreme = 0;
    for (int i = 0; i < GGUF_BLOCK; i++)
        if (fabsf(x[i]) > fabsf(extreme))
            extreme = x[i];
    float scale = extreme != 0 ? extreme / -8 : 0, inverse = scale != 0 ? 1 / scale : 0;
    to_f16(&scale, 1, out);
    for (int i = 0; i < GGUF_BLOCK / 2; i++) {
        float low = x[i] * inverse + 8.5f, high = x[i + GGUF_BLOCK / 2] * inverse + 8.5f;
        out[2 + i] = (uint8_t)((int)fminf(low, 15) | (int)fminf(high, 15) << 4);
    }
}

void gguf_convert(enum gguf_type type, const float *x, size_t n, void *out)
{
    size_t elements = block_elements(type), bytes = block_bytes(type);
    switch (type) {
    case GGUF_F32:
        memcpy(out, x, n * sizeof *x);
        break;
    case GGUF_F16:
        to_f16(x, n, out);
        break;
    case GGUF_BF16:
        to_bf16(x, n, out);
        break;
    case GGUF_Q4_0:
    case GGUF_Q8_0:
        for (size_t i = 0; i < n / elements; i++)
            (type == GGUF_Q4_0 ? block_q4_0 : block_q8_0)(x + i * elements, (uint8_t *)out + i * bytes);
        break;
    }
}
