#include "pipeline/monitor/find.h"

#include "pipeline/lib/fs.h"
#include "shm/stats.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_PAGES = 256, MAX_COMMAND = 1 << 16, MAX_DEPTH = 3 };

/* Returns the operand of -o or --output in a process's command line, whose words end with a NUL; NULL: none.
 */
static const char *output_of(const char *command, size_t len)
{
    const char *end = command + len, *next;
    for (const char *w = command; w < end; w = next) {
        next = w + strlen(w) + 1;
        if (strncmp(w, "--output=", 9) == 0)
            return w + 9;
        if ((strcmp(w, "-o") == 0 || strcmp(w, "--output") == 0) && next < end)
            return next;
        if (strncmp(w, "-o", 2) == 0 && w[2])
            return w + 2;
    }
    return NULL;
}

/* Returns the run that process pid writes, as a path relative to our directory; NULL: unknown. */
static char *run_of(int pid)
{
    char name[64], cwd[4096], *run = NULL;
    static char command[MAX_COMMAND + 1];
    snprintf(name, sizeof name, "/proc/%d/cmdline", pid);
    FILE *f = fopen(name, "re");
    size_t n = f ? fread(command, 1, MAX_COMMAND, f) : 0;
    if (f)
        fclose(f);
    command[n] = 0;
    const char *out = output_of(command, n);
    snprintf(name, sizeof name, "/proc/%d/cwd", pid);
    ssize_t len = out ? readlink(name, cwd, sizeof cwd - 1) : -1;
    if (len < 0)
        return NULL;
    cwd[len] = 0;
    run = *out == '/' ? xstrdup(out) : path_join(cwd, out);
    char *metrics = path_join(run, "metrics.jsonl");
    if (!path_exists(metrics)) {
        free(run);
        run = NULL;
    }
    free(metrics);
    return run;
}

static bool is_same_directory(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int find_trainer(const char *run)
{
    static char names[MAX_PAGES][STATS_FILE];
    struct stats_snapshot s;
    int found = 0, n = stats_list(names, MAX_PAGES);
    for (int i = 0; i < n && found == 0; i++) {
        if (stats_look(names[i], &s) != 0 || !s.alive || strcmp(s.stage, "train") != 0)
            continue;
        char *its = run_of(s.pid);
        if (its && is_same_directory(its, run))
            found = s.pid;
        free(its);
    }
    return found;
}

static size_t find_live(char **paths, size_t cap)
{
    static char names[MAX_PAGES][STATS_FILE];
    struct stats_snapshot s;
    size_t found = 0;
    int n = stats_list(names, MAX_PAGES);
    for (int i = 0; i < n && found < cap; i++) {
        if (stats_look(names[i], &s) != 0 || !s.alive || strcmp(s.stage, "train") != 0)
            continue;
        char *run = run_of(s.pid);
        if (run)
            paths[found++] = run;
    }
    return found;
}

static size_t find_newest(char **path)
{
    char *roots[] = {"runs", NULL};
    struct timespec best = {0};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    *path = NULL;
    for (FTSENT *e; walk && (e = fts_read(walk)) != NULL;) {
        if (e->fts_info == FTS_D && e->fts_level > MAX_DEPTH)
            fts_set(walk, e, FTS_SKIP);
        if (e->fts_info != FTS_F || strcmp(e->fts_name, "metrics.jsonl") != 0)
            continue;
        const struct timespec *t = &e->fts_statp->st_mtim;
        if (t->tv_sec < best.tv_sec || (t->tv_sec == best.tv_sec && t->tv_nsec < best.tv_nsec))
            continue;
        best = *t;
        free(*path);
        *path = xasprintf("%.*s", (int)(e->fts_pathlen - e->fts_namelen - 1), e->fts_path);
    }
    if (walk)
        fts_close(walk);
    return *path ? 1 : 0;
}

size_t find_runs(char **paths, size_t cap)
{
    size_t n = find_live(paths, cap);
    return n > 0 || cap == 0 ? n : find_newest(&paths[0]);
}
