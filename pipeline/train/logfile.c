#include "pipeline/train/logfile.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void logfile_open(struct logfile *l, const char *dir, const char *name, uint64_t keep_bytes)
{
    struct stat st;
    l->path = path_join(dir, name);
    int fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || fstat(fd, &st) != 0)
        die_errno("%s", l->path);
    if ((uint64_t)st.st_size < keep_bytes)
        warn("%s: offset %llu: ends before the checkpoint was made (%llu bytes then); going on after it",
             l->path, (unsigned long long)st.st_size, (unsigned long long)keep_bytes);
    else if (ftruncate(fd, (off_t)keep_bytes) != 0)
        die_errno("%s: cannot cut to %llu bytes", l->path, (unsigned long long)keep_bytes);
    l->f = fdopen(fd, "a");
    if (!l->f)
        die_errno("%s", l->path);
    static char buffers[2][1 << 16]; /* a line is written with one call; two files */
    static int used;
    if (used < 2)
        setvbuf(l->f, buffers[used++], _IOFBF, sizeof buffers[0]);
}

void logfile_open_nowhere(struct logfile *l)
{
    *l = (struct logfile){.f = fopen("/dev/null", "w")};
    if (!l->f)
        die_errno("/dev/null");
}

void logfile_end_line(struct logfile *l)
{
    fputc('\n', l->f);
    if (fflush(l->f) != 0 || ferror(l->f))
        die_errno("%s: cannot write", l->path);
}

uint64_t logfile_sync(struct logfile *l)
{
    off_t at;
    if (fflush(l->f) != 0 || fsync(fileno(l->f)) != 0 || (at = lseek(fileno(l->f), 0, SEEK_END)) < 0)
        die_errno("%s: cannot write", l->path);
    return (uint64_t)at;
}

void logfile_close(struct logfile *l)
{
    if (!l->f)
        return;
    if (l->path)
        logfile_sync(l);
    fclose(l->f);
    free(l->path);
    *l = (struct logfile){0};
}

void logfile_number(struct logfile *l, const char *key, double x)
{
    if (isfinite(x))
        fprintf(l->f, ",\"%s\":%.9g", key, x);
    else
        fprintf(l->f, ",\"%s\":null", key);
}
