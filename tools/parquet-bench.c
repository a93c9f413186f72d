/*
 * parquet-bench - read columns of a Parquet file as fetch does, and say how much processor time that took
 *
 *   tools/parquet-bench FILE COLUMN...
 *
 * stdout: one JSON object: rows, bytes of text, user and system seconds, peak memory in bytes.
 * tests/interop/parquet_speed.py sets it beside pyarrow.
 */
#include "formats/parquet/parquet.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/parquet_docs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const struct opt opts[] = {{0}};

static const struct cli cli = {
    "parquet-bench",
    "read columns of a Parquet file, and say how much processor time that took",
    "parquet-bench FILE COLUMN...",
    opts,
    NULL,
};

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static struct parquet *open_columns(const char *path, const struct parquet_io *io, char **names, size_t n)
{
    char err[400];
    struct parquet *p;
    struct parquet_want *wants = xcalloc(n, sizeof *wants);
    if (parquet_open(&p, io, err, sizeof err) < 0)
        die("%s: %s", path, err);
    for (size_t i = 0; i < n; i++) {
        wants[i] = (struct parquet_want){.leaf = parquet_find(p, names[i]), .join = "\n"};
        if (wants[i].leaf < 0)
            die("%s: no column %s", path, names[i]);
    }
    if (parquet_select(p, wants, n) < 0)
        die("%s: %s", path, parquet_error(p));
    free(wants);
    return p;
}

/* Returns the peak memory of this program alone: getrusage would include the memory of the process that
 * forked it. */
static unsigned long long peak_bytes(void)
{
    unsigned long long kib = 0;
    char line[200];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        sscanf(line, "VmHWM: %llu", &kib);
    if (f)
        fclose(f);
    return kib << 10;
}

int main(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    if (n < 2)
        usage_error("a file and its columns are needed");
    struct stat st;
    int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        die_errno("%s", argv[0]);
    struct parquet_io io = {.read_at = parquet_read_fd, .ctx = &fd, .size = (uint64_t)st.st_size};
    size_t n_columns = (size_t)n - 1;
    struct parquet *p = open_columns(argv[0], &io, argv + 1, n_columns);
    struct parquet_cell *cells = xcalloc(n_columns, sizeof *cells);
    uint64_t rows = 0, bytes = 0;
    int r;
    for (; (r = parquet_next(p, cells)) > 0; rows++)
        for (size_t i = 0; i < n_columns; i++)
            bytes += cells[i].len;
    if (r < 0)
        die("%s: %s", argv[0], parquet_error(p));
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("{\"rows\":%llu,\"bytes\":%llu,\"user\":%.3f,\"system\":%.3f,\"peak\":%llu}\n",
           (unsigned long long)rows, (unsigned long long)bytes, seconds(u.ru_utime), seconds(u.ru_stime),
           peak_bytes());
    parquet_close(p);
    free(cells);
    close_stdout();
    return 0;
}
