/*
 * doctor - list the shared-memory segments of the pipeline (rings, and pages of counters), and remove those
 * of dead processes
 *
 * stdout: one line a segment: state, bytes, producer's pid, consumer's pid (0: none), path. Only this user's.
 */
#include "pipeline/lib/cli.h"
#include "pipeline/lib/dir.h"
#include "pipeline/lib/log.h"
#include "shm/process.h"
#include "shm/ring.h"
#include "shm/segment.h"
#include "shm/stats.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool remove_stale;

static const struct opt opts[] = {
    {0, "remove", OPT_FLAG, &remove_stale, NULL, "remove stale segments (the default is to list only)"},
    {0},
};

static const struct cli cli = {
    "doctor",
    "list shared-memory segments, and remove those of dead processes",
    "doctor [--remove]",
    opts,
    "Prints a line for each segment of this user in " SEGMENT_DIR
    ": state, bytes, producer, consumer, path.\n"
    "States: live; stale (its producer died); removed; foreign (not a ring of this version: left alone).\n"
    "A name lies there only until the consumer has opened it, so usually there is nothing to list.\n",
};

/* What lies there may be anybody's name: no control characters reach the terminal. */
static void print_path(const char *file)
{
    printf("%s/", SEGMENT_DIR);
    for (; *file; file++)
        putchar((unsigned char)*file >= ' ' && *file != 0x7f && (unsigned char)*file < 0x80 ? *file : '?');
    putchar('\n');
}

static void examine(const char *file, const char *name)
{
    char path[SEGMENT_PATH];
    struct segment_info info = {0};
    const char *state = "foreign";
    int fd = -1, rc = segment_path(path, name);

    if (rc == RING_OK)
        rc = segment_look(path, &fd, &info);
    if (rc == RING_ENOTREADY && errno == ENOENT)
        return; /* gone since the directory was read */
    if (rc == RING_OK) {
        state = "live";
        if (segment_stale(fd, &info)) {
            state = "stale";
            if (remove_stale) {
                if (segment_unlink(fd, path))
                    state = "removed";
                else
                    warn("%s: cannot remove: somebody else is at it", path);
            }
        }
        close(fd);
    }
    printf("%s\t%llu\t%d\t%d\t", state,
           rc == RING_OK ? (unsigned long long)(SEGMENT_HEADER + info.capacity) : 0,
           (int)process_pid(info.producer), (int)process_pid(info.consumer));
    print_path(file);
}

/* Pages of counters (shm/stats.h). */
static void examine_pages(void)
{
    static char names[1024][STATS_FILE];
    struct stats_snapshot s;
    int n = stats_list(names, 1024);
    if (n < 0)
        die_errno("%s", SEGMENT_DIR);
    for (int i = 0; i < n; i++) {
        if (stats_look(names[i], &s) != 0) {
            printf("foreign\t0\t0\t0\t");
        } else {
            bool removed = remove_stale && stats_remove_dead(names[i]);
            printf("%s\t%d\t%d\t0\t", removed ? "removed" : s.alive ? "live" : "stale", 8192, s.pid);
        }
        print_path(names[i]);
    }
}

int main(int argc, char **argv)
{
    char prefix[64];

    if (cli_parse(&cli, argc, argv) > 0)
        usage_error("no operands expected");
    snprintf(prefix, sizeof prefix, "tritter-%lu-", (unsigned long)geteuid());
    struct dir d = dir_read(SEGMENT_DIR);
    for (size_t i = 0; i < d.n; i++)
        if (strncmp(d.names[i], prefix, strlen(prefix)) == 0)
            examine(d.names[i], d.names[i] + strlen(prefix));
    dir_free(&d);
    examine_pages();
    close_stdout();
    return 0;
}
