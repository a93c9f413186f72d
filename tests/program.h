/*
 * program.h - run a program of ours in a test, and look at what it did
 */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/check.h"

enum { PROGRAM_ARGS = 40 };

/* BIN/NAME or TOOLS/NAME, as tests/run sets them. */
static inline const char *program_path(const char *where, const char *name)
{
    static char path[4096];
    const char *dir = getenv(where);
    snprintf(path, sizeof path, "%s/%s", dir ? dir : strcmp(where, "BIN") == 0 ? "bin" : "tools", name);
    CHECK(access(path, X_OK) == 0, "%s: not built", path);
    return path;
}

/* Starts it; stdout to file `out` (NULL: /dev/null), stderr to file "stderr". Arguments end with NULL. */
static inline pid_t program_start(const char *path, const char *out, char *const *argv)
{
    pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid > 0)
        return pid;
    int o = open(out ? out : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int e = open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (o < 0 || e < 0 || dup2(o, 1) < 0 || dup2(e, 2) < 0)
        _exit(126);
    execv(path, argv);
    _exit(127);
}

/* 0..255, or 128 + signal. */
static inline int program_wait(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline char *slurp(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL, "%s: %s", path, strerror(errno));
    CHECK(fseek(f, 0, SEEK_END) == 0, "%s", path);
    size_t n = (size_t)ftell(f);
    rewind(f);
    char *s = malloc(n + 1);
    CHECK(s && fread(s, 1, n, f) == n, "%s", path);
    fclose(f);
    s[n] = 0;
    if (len)
        *len = n;
    return s;
}

static inline void spill(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL, "%s: %s", path, strerror(errno));
    CHECK(fwrite(p, 1, n, f) == n && fclose(f) == 0, "%s", path);
}

static inline bool same_file(const char *a, const char *b)
{
    size_t n, m;
    char *x = slurp(a, &n), *y = slurp(b, &m);
    bool same = n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

static inline bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* Returns the stderr output of the last program, in a static buffer. */
static inline const char *stderr_text(void)
{
    static char text[8192];
    FILE *f = fopen("stderr", "rb");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = 0;
    if (f)
        fclose(f);
    return text;
}

static inline void collect(char **argv, const char *path, const char *first, va_list ap)
{
    int n = 0;
    argv[n++] = (char *)path;
    for (const char *a = first; a; a = va_arg(ap, const char *)) {
        CHECK(n < PROGRAM_ARGS - 1, "too many arguments");
        argv[n++] = (char *)a;
    }
    argv[n] = NULL;
}

/* Runs PATH ARG ... NULL, returns its exit code. */
static inline int program_run(const char *path, const char *out, const char *first, ...)
{
    char *argv[PROGRAM_ARGS];
    va_list ap;
    va_start(ap, first);
    collect(argv, path, first, ap);
    va_end(ap);
    return program_wait(program_start(path, out, argv));
}

#define SHARD(...) program_run(program_path("BIN", "shard"), "stdout", __VA_ARGS__, (char *)NULL)
#define MIX(...) program_run(program_path("BIN", "mix"), "stdout", __VA_ARGS__, (char *)NULL)
#define DUMP(...) program_run(program_path("TOOLS", "shard-dump"), "stdout", __VA_ARGS__, (char *)NULL)
/* Exit code and a word that the message must hold. */
#define EXPECT(code, call, word)                                                                             \
    do {                                                                                                     \
        int got_ = (call);                                                                                   \
        CHECK(got_ == (code), "exit %d, stderr: %s", got_, stderr_text());                                   \
        CHECK(strstr(stderr_text(), word), "stderr lacks '%s': %s", (word), stderr_text());                  \
    } while (0)

#endif
