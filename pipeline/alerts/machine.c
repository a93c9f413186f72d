#include "pipeline/alerts/machine.h"

#include <fts.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Returns the number behind a word at the beginning of a line, or the file's first number where word is "";
 * NaN: it is not there. */
static double number_in(const char *path, const char *word)
{
    char line[256];
    double x = NAN;
    FILE *f = fopen(path, "re");
    while (f && isnan(x) && fgets(line, sizeof line, f)) {
        size_t n = strlen(word);
        if (strncmp(line, word, n) != 0 || sscanf(line + n, "%lf", &x) != 1)
            x = NAN;
    }
    if (f)
        fclose(f);
    return x;
}

double machine_memory_share(void)
{
    double all = number_in("/proc/meminfo", "MemTotal:"),
           available = number_in("/proc/meminfo", "MemAvailable:");
    double limit = number_in("/sys/fs/cgroup/memory.max", ""), /* "max": none */
        used = number_in("/sys/fs/cgroup/memory.current", ""),
           files = number_in("/sys/fs/cgroup/memory.stat", "inactive_file ");
    return fmax(1 - available / all, (used - files) / limit); /* fmax passes over a NaN */
}

double machine_disk_free(const char *path)
{
    struct statvfs s;
    return statvfs(path, &s) == 0 ? (double)s.f_bavail * (double)s.f_frsize : NAN;
}

double machine_tree_bytes(const char *dir)
{
    enum { DEPTH = 2 };
    char *const roots[] = {(char *)dir, NULL};
    double bytes = 0;
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL);
    for (FTSENT *e; walk && (e = fts_read(walk)) != NULL;) {
        if (e->fts_info == FTS_D && e->fts_level > DEPTH)
            fts_set(walk, e, FTS_SKIP);
        if (e->fts_info == FTS_F)
            bytes += (double)e->fts_statp->st_size;
    }
    if (walk)
        fts_close(walk);
    return bytes;
}
