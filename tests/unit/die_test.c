/* A program that dies flushes its output and removes its files, but does not run what libraries have
 * registered for its exit: other threads may still be in those libraries (OpenSSL crashed so in a download).
 */
#include "pipeline/lib/log.h"
#include "tests/check.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void of_a_library(void)
{
    _exit(99);
}

static void remove_file(void *path)
{
    unlink(path);
}

int main(void)
{
    static char mine[] = "mine";
    int status;
    char line[16] = "";
    test_begin(20);
    FILE *f = fopen(mine, "w");
    CHECK(f && fclose(f) == 0, "%s", mine);
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        if (!freopen("out", "w", stdout) || atexit(of_a_library) != 0)
            _exit(98);
        at_failure(remove_file, mine);
        printf("said");
        die("as it should");
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %x",
          status);
    f = fopen("out", "r");
    CHECK(f && fgets(line, sizeof line, f) && strcmp(line, "said") == 0, "not flushed: '%s'", line);
    CHECK(access(mine, F_OK) != 0, "its file is left");
    printf("ok\n");
    return 0;
}
