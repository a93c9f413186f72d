/*
 * safetensors.h - named tensors in one file, as the safetensors library reads and writes them
 *
 *   u64 little-endian n, n bytes of JSON {name: {dtype, shape, data_offsets}, ...}, the tensors' bytes
 *
 * The reader trusts nothing. It checks the header's length against the file, that JSON has no duplicate
 * names, that dtype, shape and offsets do not overflow, and that the tensors fill the file without overlaps
 * or holes. The header is parsed a tensor at a time, so a hostile one takes at most 0.5 GB of memory. Data is
 * read with pread, so a file that shrinks meanwhile is an error, not a crash. No call prints or exits; err
 * (cap bytes) names file, offset and reason.
 */
#ifndef FORMATS_SAFETENSORS_H
#define FORMATS_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

enum {
    SAFETENSORS_MAX_HEADER = 100 * 1000 * 1000, /* bytes; the library's own limit */
    SAFETENSORS_MAX_ENTRY = 4096,               /* bytes of a tensor's entry in the header */
    SAFETENSORS_MAX_METADATA = 8 << 20,         /* bytes of __metadata__ in the header */
    SAFETENSORS_MAX_RANK = 8
};

enum st_dtype {
    ST_F32,
    ST_F16,
    ST_BF16, /* read_f32 converts the types up to here */
    ST_F64,
    ST_I64,
    ST_I32,
    ST_I16,
    ST_I8,
    ST_U64,
    ST_U32,
    ST_U16,
    ST_U8,
    ST_BOOL,
    ST_F8_E4M3,
    ST_F8_E5M2,
    N_ST_DTYPES
};
size_t st_dtype_bytes(enum st_dtype t);
const char *st_dtype_name(enum st_dtype t); /* "BF16" */

struct st_tensor {
    const char *name;
    enum st_dtype dtype;
    int rank;
    uint64_t shape[SAFETENSORS_MAX_RANK];
    uint64_t n;          /* elements */
    uint64_t begin, end; /* bytes, from the start of the file */
};

struct safetensors;

struct safetensors *safetensors_open(const char *path, char *err, size_t cap);
void safetensors_close(struct safetensors *s); /* NULL is fine */
size_t safetensors_count(const struct safetensors *s);
const struct st_tensor *safetensors_at(const struct safetensors *s,
                                       size_t i); /* i: in the order of their bytes */
const struct st_tensor *safetensors_find(const struct safetensors *s, const char *name); /* NULL: none */
/* Reads elements [first, first+n) of F32, F16 or BF16 as f32. Returns 0, or -1 with err. */
int safetensors_read_f32(const struct safetensors *s, const struct st_tensor *t, uint64_t first, size_t n,
                         float *out, char *err, size_t cap);

/* Maps the whole file, read-only; *bytes is its size. The caller calls munmap. NULL: it cannot be mapped. */
void *safetensors_map(const struct safetensors *s, size_t *bytes);

/* For writing: returns the bytes before the data, given the tensors (name, dtype, rank, shape) in the order
 * in which their bytes follow without gaps. Malloc'd, *len bytes, a multiple of 8; fills in n, begin and end.
 * NULL: no memory, or sizes overflow. */
char *safetensors_header(struct st_tensor *v, size_t count, size_t *len);

uint16_t bf16_from_f32(float x); /* rounds to nearest, ties to even */

#endif
