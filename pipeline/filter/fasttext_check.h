/*
 * fasttext_check.h - whether a file is a fastText model whose sizes are true
 *
 * The library believes what a file says of itself, so a damaged one would make it read outside of its arrays.
 */
#ifndef FILTER_FASTTEXT_CHECK_H
#define FILTER_FASTTEXT_CHECK_H

#include <stddef.h>
#include <stdint.h>

/* Returns NULL for a supervised model, .bin or .ftz, that is whole; otherwise a reason, and *offset is the
 * byte where it was found. */
const char *fasttext_check(const void *bytes, size_t n, uint64_t *offset);

#endif
