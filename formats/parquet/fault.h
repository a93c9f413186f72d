/*
 * fault.h - why reading a Parquet file failed, and the memory that reading it may take: used by the files of
 * this directory
 *
 * Every function that can fail gets the file's one struct fault, writes the reason into it, and returns the
 * code.
 */
#ifndef PARQUET_FAULT_H
#define PARQUET_FAULT_H

#include <stddef.h>
#include <stdint.h>

struct fault {
    char text[320];
};

/* Writes "offset N: reason" into f and returns code. */
int fault_set(struct fault *f, int code, uint64_t offset, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* All buffers of a file are charged to one account. */
struct memory {
    size_t held, limit;
};

struct buffer {
    uint8_t *s;
    size_t cap;
};

/* Both make room for n bytes and return 0, PARQUET_ELIMIT or PARQUET_ENOMEM. buffer_reserve loses the
 * content; buffer_grow keeps it and allocates more than asked for, so that growing byte by byte stays cheap.
 */
int buffer_reserve(struct buffer *b, size_t n, struct memory *m);
int buffer_grow(struct buffer *b, size_t n, struct memory *m);
void buffer_free(struct buffer *b, struct memory *m);

/* Writes a message for a code that one of the two functions above returned: "... takes n bytes, ...". Returns
 * the code. */
int fault_memory(struct fault *f, int code, const struct memory *m, uint64_t offset, const char *what,
                 uint64_t n);

#endif
