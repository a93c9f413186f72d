/*
 * gguf.h - write a model file that llama.cpp and its relatives open. Layout: formats/gguf.md.
 *
 *   struct gguf *g = gguf_new();
 *   gguf_put_string(g, "general.architecture", "qwen3"), ...     key-value pairs, in the order of the calls
 *   gguf_add_tensor(g, "token_embd.weight", GGUF_BF16, C, V)     every tensor, in the order of its data
 *   head = gguf_header(g, &len)                                   what comes before the data
 *   for each tensor: gguf_convert() rows, write them, then gguf_padding() zero bytes
 *
 * No call prints or exits. When a call that builds the header runs out of memory, gguf_header returns NULL.
 * Source: the format's description in ggml's repository, "GGUF", version 3.
 */
#ifndef FORMATS_GGUF_H
#define FORMATS_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Element types of tensors; the numbers are those of the file format. */
enum gguf_type {
    GGUF_F32 = 0,
    GGUF_F16 = 1,
    GGUF_Q4_0 = 2, /* blocks of 32: one f16 scale, then 32 values of 4 bits */
    GGUF_Q8_0 = 8, /* blocks of 32: one f16 scale, then 32 values of 8 bits */
    GGUF_BF16 = 30,
};

enum { GGUF_ALIGNMENT = 32, GGUF_BLOCK = 32, GGUF_MAX_NAME = 63 };

struct gguf;
struct gguf *gguf_new(void);    /* NULL: out of memory */
void gguf_free(struct gguf *g); /* NULL is fine */

void gguf_put_string(struct gguf *g, const char *key, const char *value);
void gguf_put_u32(struct gguf *g, const char *key, uint32_t value);
void gguf_put_f32(struct gguf *g, const char *key, float value);
void gguf_put_bool(struct gguf *g, const char *key, bool value);
void gguf_put_strings(struct gguf *g, const char *key, const char *const *values, size_t n);
void gguf_put_i32s(struct gguf *g, const char *key, const int32_t *values, size_t n);

/* Adds rows of cols elements each; rows 0: a vector. Returns -1 when the name is too long, or cols is not a
 * multiple of the type's block. */
int gguf_add_tensor(struct gguf *g, const char *name, enum gguf_type type, uint64_t cols, uint64_t rows);

/* Returns the header from the magic number to the last tensor's entry, padded to where the data begins.
 * Malloc'd, *len bytes; NULL: out of memory. */
char *gguf_header(struct gguf *g, size_t *len);

/* Returns the bytes of n elements; n is a multiple of the type's block. */
size_t gguf_bytes(enum gguf_type type, size_t n);
/* Returns how many zero bytes follow a tensor of so many bytes. */
size_t gguf_padding(size_t bytes);
/* Converts n elements of x to type, rounding to nearest, into out, which has gguf_bytes(type, n) bytes. */
void gguf_convert(enum gguf_type type, const float *x, size_t n, void *out);

#endif
