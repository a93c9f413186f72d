/*
 * check.h - what a test program needs: CHECK, and a time limit
 *
 * A test is an ordinary program: exit 0 passed, 77 skipped (say why on
 * stdout), anything else failed. main calls test_begin() first.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
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

/* In a child that waits for ever: a test that fails leaves nobody behind. parent: getpid() before the fork.
 */
static inline void end_with_test(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
}

#endif
