/*
 * common.c - random numbers, time, names and processes for the tests of the ring
 */
#include <errno.h>
#include <sys/wait.h>
#include <time.h>
#include "tests/random.h"
#include "tests/ring/ring.h"

uint64_t seed, rng;

uint64_t rnd(void)
{
    return random_next(&rng);
}

uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void sleep_us(uint64_t us)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000},
              NULL);
}

const char *test_name(const char *what)
{
    static char name[64];
    snprintf(name, sizeof name, "ringtest.%d.%s", (int)getpid(), what);
    return name;
}

const char *path_of(const char *name)
{
    static char path[SEGMENT_PATH];
    CHECK(segment_path(path, name) == RING_OK);
    return path;
}

int exit_of(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        CHECK(errno == EINTR);
    return status;
}
