/*
 * levels.h - a test program at every level of the instruction set that this machine has
 *
 * Each level runs in a process of its own, since oneDNN's level can be set only once; `NAME_test v3` runs
 * one.
 */
#ifndef TESTS_LEVELS_H
#define TESTS_LEVELS_H

#include <string.h>
#include <sys/wait.h>
#include "kernels/ops.h"
#include "tests/check.h"

/* Threads that wait do not spin, for the machine may be busy. */
static inline void start_level(const char *program, const char *level)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0, "fork");
    if (child == 0) {
        setenv("TRITTER_ISA", level, 1);
        setenv("OMP_WAIT_POLICY", "passive", 1);
        execl("/proc/self/exe", program, level, (char *)NULL);
        _exit(127);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "level %s",
          level);
}

/* main's arguments; run is called in the level's process. */
static inline void at_each_level(int argc, char **argv, void (*run)(void))
{
    static const char *const levels[] = {"v4", "v3", "v2"};
    for (int i = 0; argc == 1 && i < 3; i++)
        start_level(argv[0], levels[i]);
    if (argc < 2)
        return;
    const char *name = ops_cpu()->name;
    if (strcmp(name + strlen(name) - 2, argv[1]))
        printf("%s: not on this machine\n", argv[1]);
    else
        run();
}

#endif
