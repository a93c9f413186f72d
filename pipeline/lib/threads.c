#include "pipeline/lib/threads.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

void threads_settle(char **argv)
{
    char self[PATH_MAX];
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0 || setenv("GOMP_SPINCOUNT", "1000", 1) != 0)
        return;
    self[n] = 0;
    execv(self, argv); /* when this fails, the program just continues */
}
