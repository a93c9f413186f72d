#include "pipeline/train/rundir.h"

#include "pipeline/lib/dir.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/model/checkpoint.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct steps {
    uint64_t *v; /* newest first */
    size_t n;
};

static char *checkpoints_dir(const char *run)
{
    return path_join(run, "checkpoints");
}

static int newest_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* "step-000400" -> 400; false for any other name */
static bool parse_name(const char *name, uint64_t *step)
{
    if (strncmp(name, "step-", 5) != 0 || !isdigit((unsigned char)name[5]))
        return false;
    char *end;
    errno = 0;
    *step = strtoull(name + 5, &end, 10);
    return errno == 0 && *end == 0;
}

static struct steps list_steps(const char *run)
{
    struct steps s = {0};
    char *dir = checkpoints_dir(run);
    struct dir d = dir_read_if_there(dir);
    s.v = xcalloc(d.n + 1, sizeof *s.v);
    for (size_t i = 0; i < d.n; i++)
        s.n += parse_name(d.names[i], &s.v[s.n]);
    dir_free(&d);
    if (s.n)
        qsort(s.v, s.n, sizeof *s.v, newest_first);
    free(dir);
    return s;
}

static bool is_unfinished(const char *name)
{
    static const char end[] = ".tritter-partial";
    size_t n = strlen(name), k = sizeof end - 1;
    return strncmp(name, ".tmp-", 5) == 0 || strncmp(name, "config.json.tmp-", 16) == 0 ||
           (name[0] == '.' && n > k && strcmp(name + n - k, end) == 0);
}

/* Temporary names of runs that were killed: our lock says that no one is at work on them. */
static void remove_unfinished(const char *dir)
{
    struct dir d = dir_read(dir);
    for (size_t i = 0; i < d.n; i++) {
        if (!is_unfinished(d.names[i]))
            continue;
        char *path = path_join(dir, d.names[i]);
        remove_tree(path);
        free(path);
    }
    dir_free(&d);
}

static bool holds(const char *run, const char *name)
{
    struct stat st;
    char *path = path_join(run, name);
    bool there = lstat(path, &st) == 0;
    if (!there && errno != ENOENT && errno != ENOTDIR)
        die_errno("%s", path);
    free(path);
    return there && (!S_ISREG(st.st_mode) || st.st_size > 0);
}

void rundir_check(const char *run, bool resume, bool overwrite)
{
    static const char *const models[] = {"model.safetensors", "model.safetensors.index.json"};
    for (size_t i = 0; i < 2; i++)
        if (holds(run, models[i]))
            die("%s: is a model directory, not a run (it holds %s); choose another -o", run, models[i]);
    if (overwrite || rundir_has_checkpoints(run))
        return;
    if (holds(run, "latest"))
        die("%s: 'latest' leads to a checkpoint that is gone. Bring checkpoints/ back, or add --overwrite to "
            "delete the run's logs and begin again",
            run);
    if (!resume && (holds(run, "metrics.jsonl") || holds(run, "ledger.jsonl")))
        die("%s: holds the logs of a run that has no checkpoint. Add --overwrite to delete them", run);
}

void rundir_open(const char *run)
{
    char *dir = checkpoints_dir(run), *lock = path_join(run, ".lock");
    make_dirs(dir);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644); /* stays open: the lock */
    if (fd < 0)
        die_errno("%s", lock);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        die("%s: another train is at work in this directory", run);
    remove_unfinished(dir);
    remove_unfinished(run);
    free(dir);
    free(lock);
}

void rundir_clear(const char *run)
{
    static const char *const names[] = {"latest",        "best",         "latest-finished", "checkpoints",
                                        "metrics.jsonl", "ledger.jsonl", "config.json",     "alerts.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(run, names[i]);
        remove_tree(path);
        free(path);
    }
    char *dir = checkpoints_dir(run);
    make_dirs(dir);
    free(dir);
}

bool rundir_has_checkpoints(const char *run)
{
    struct steps s = list_steps(run);
    free(s.v);
    return s.n > 0;
}

char *rundir_checkpoint(const char *run, uint64_t step)
{
    return xasprintf("%s/checkpoints/step-%06llu", run, (unsigned long long)step);
}

char *rundir_newest(const char *run, json_t **state)
{
    struct steps s = list_steps(run);
    char err[1024], *dir = NULL;
    *state = NULL;
    for (size_t i = 0; i < s.n; i++) {
        dir = rundir_checkpoint(run, s.v[i]);
        int rc = checkpoint_state(dir, state, err, sizeof err);
        if (rc == 0 && checkpoint_verify(dir, *state, err, sizeof err) == 0)
            break;
        if (rc == 1)
            snprintf(err, sizeof err, "%s: trainer/state.json is missing", dir);
        if (i + 1 == s.n)
            die("%s; no intact checkpoint is left in %s", err, run);
        warn("%s; falling back to the checkpoint before", err);
        json_decref(*state);
        *state = NULL;
        free(dir);
    }
    free(s.v);
    return dir;
}

void rundir_link(const char *run, const char *name, uint64_t step)
{
    char *target = xasprintf("checkpoints/step-%06llu", (unsigned long long)step);
    char *tmp = xasprintf("%s/.%s.tritter-partial", run, name), *path = path_join(run, name);
    unlink(tmp);
    if (symlink(target, tmp) != 0 || rename(tmp, path) != 0)
        die_errno("%s: cannot link to %s", path, target);
    fsync_dir(run);
    free(target);
    free(tmp);
    free(path);
}

void rundir_prune(const char *run, uint64_t step, uint64_t keep, uint64_t best_step, uint64_t back_step)
{
    struct steps s = list_steps(run);
    uint64_t kept = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.v[i] > step || kept++ < keep || s.v[i] == best_step || s.v[i] == back_step)
            continue;
        char *dir = rundir_checkpoint(run, s.v[i]);
        char *aside =
            xasprintf("%s/checkpoints/.step-%06llu.tritter-partial", run, (unsigned long long)s.v[i]);
        if (rename(dir, aside) != 0)
            die_errno("%s: cannot move aside", dir);
        remove_tree(aside);
        free(dir);
        free(aside);
    }
    free(s.v);
}
