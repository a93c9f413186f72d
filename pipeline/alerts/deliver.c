#include "pipeline/alerts/deliver.h"

#include "pipeline/alerts/webhook.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAITING = 64, LINE = 4000 /* bytes: less than a pipe holds, so that writing never waits */ };
static const double RUNS_S = 30;

extern char **environ;

struct deliver {
    char *words, **argv; /* owned; argv NULL: no command */
    struct webhook *hook;
    char *line[WAITING]; /* a ring, owned */
    unsigned first, n;
    pid_t pid; /* 0: none runs */
    double began;
};

static char **split_words(char *words)
{
    size_t n = 0;
    char **argv = xcalloc(strlen(words) / 2 + 2, sizeof *argv), *save;
    for (char *w = strtok_r(words, " \t", &save); w; w = strtok_r(NULL, " \t", &save))
        argv[n++] = w;
    return argv;
}

struct deliver *deliver_open(const char *command, const char *url, char *err, size_t cap)
{
    struct webhook *hook = url ? webhook_open(url, err, cap) : NULL;
    if (url && !hook)
        return NULL;
    struct deliver *d = xcalloc(1, sizeof *d);
    d->hook = hook;
    if (command) {
        d->words = xstrdup(command);
        d->argv = split_words(d->words);
    }
    return d;
}

int deliver_check(const char *command, const char *url, char *err, size_t cap)
{
    if (command && command[strspn(command, " \t")] == 0) {
        snprintf(err, cap, "--on-alert: the command is empty");
        return -1;
    }
    struct deliver *d = deliver_open(command, url, err, cap);
    if (!d)
        return -1;
    deliver_close(d, 0);
    return 0;
}

void deliver_push(struct deliver *d, const char *line, size_t len)
{
    if (d->n == WAITING || len > LINE) {
        warn("an alert was not delivered: %s", len > LINE ? "it is too long" : "too many wait");
        return;
    }
    char *copy = xmalloc(len + 1);
    memcpy(copy, line, len);
    copy[len] = 0;
    d->line[(d->first + d->n++) % WAITING] = copy;
}

/* Starts the command with the line as its standard input, in a process group of its own. */
static int start(pid_t *pid, char **argv, const char *line)
{
    int ends[2], rc;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, usual;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    dprintf(ends[1], "%s\n", line);
    close(ends[1]);
    sigemptyset(&none);
    sigfillset(&usual);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[0], 0);
    posix_spawn_file_actions_adddup2(&files, 2, 1);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &usual);
    rc = posix_spawnp(pid, argv[0], &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    close(ends[0]);
    return rc;
}

static void deliver_next(struct deliver *d)
{
    char *line = d->line[d->first];
    d->first = (d->first + 1) % WAITING;
    d->n--;
    if (d->argv) {
        int rc = start(&d->pid, d->argv, line);
        d->began = now_seconds();
        if (rc != 0) {
            d->pid = 0;
            warn("--on-alert: %s: %s", d->argv[0], strerror(rc));
        }
    }
    if (d->hook)
        webhook_post(d->hook, line);
    free(line);
}

static void reap(struct deliver *d)
{
    int status;
    pid_t got = waitpid(d->pid, &status, WNOHANG);
    if (got == 0 && now_seconds() - d->began > RUNS_S) {
        warn("--on-alert: %s takes more than %.0f s: it is killed", d->argv[0], RUNS_S);
        kill(-d->pid, SIGKILL);
        got = waitpid(d->pid, &status, 0);
    } else if (got == d->pid && WIFSIGNALED(status))
        warn("--on-alert: %s was ended by signal %d", d->argv[0], WTERMSIG(status));
    else if (got == d->pid && WEXITSTATUS(status) != 0)
        warn("--on-alert: %s ended with exit code %d", d->argv[0], WEXITSTATUS(status));
    if (got != 0)
        d->pid = 0;
}

void deliver_step(struct deliver *d)
{
    if (d->pid)
        reap(d);
    while (d->n > 0 && !d->pid)
        deliver_next(d);
}

void deliver_close(struct deliver *d, double seconds)
{
    if (!d)
        return;
    double began = now_seconds();
    while ((d->pid || d->n > 0) && now_seconds() - began < seconds) {
        deliver_step(d);
        if (d->pid)
            usleep(10000);
    }
    if (d->pid) {
        kill(-d->pid, SIGKILL);
        waitpid(d->pid, NULL, 0);
        warn("--on-alert: %s was still at work at the end: it is killed", d->argv[0]);
    }
    if (d->n > 0)
        warn("%u alerts were not delivered before the end", d->n);
    while (d->n > 0) {
        free(d->line[d->first]);
        d->first = (d->first + 1) % WAITING;
        d->n--;
    }
    webhook_close(d->hook);
    free(d->argv);
    free(d->words);
    free(d);
}
