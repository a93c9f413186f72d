/*
 * check.h - what a test program needs: CHECK, and a time limit
 *
 * A test is an ordinary program: exit 0 passed, 77 skipped (say why on
 * stdout), anything else failed. main calls test_begin() first.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { TEST_SLOWER = 5 };
#else
enum { TEST_SLOWER = 1 };
#endif

static inline void test_begin(unsigned seconds)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(seconds * TEST_SLOWER); /* a hang is a failure */
}

#define CHECK(cond, ...)                                                                                     \
    do {                                                                                                     \
        if (!(cond)) {                                                                                       \
            printf("%s:%d: CHECK(%s) failed:", __FILE__, __LINE__, #cond);                                   \
            printf(" " __VA_ARGS__);                                                                         \
            printf("\n");                                                                                    \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

#define SKIP(...)                                                                                            \
    do {                                                                                                     \
        printf(__VA_ARGS__);                                                                                 \
        printf("\n");                                                                                        \
        exit(77);                                                                                            \
    } while (0)

#endif
