/*
 * fuzz.h - what fuzzers share: the entry point, and the input as a file
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A condition that must hold for any bytes, checked with NDEBUG, too. */
#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: ERROR: not %s\n", __FILE__, __LINE__, #condition);                       \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* A descriptor of a file in memory that holds the bytes, at its beginning; the same file each time. */
static inline int fuzz_fd(const void *bytes, size_t len)
{
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("input", MFD_CLOEXEC);
    MUST(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, bytes, len, 0) == (ssize_t)len &&
         lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* Its path. */
static inline const char *fuzz_file(const void *bytes, size_t len)
{
    static char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fuzz_fd(bytes, len));
    return path;
}

/* The first bytes of the input as what they choose: 0 where it is empty. */
static inline uint8_t fuzz_choice(const uint8_t **bytes, size_t *len)
{
    if (*len == 0)
        return 0;
    --*len;
    return *(*bytes)++;
}

#endif
