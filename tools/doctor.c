/*
 * doctor - list what killed programs left, segments of shared memory (rings, and pages of counters) and
 * unfinished files, and remove it
 *
 * stdout: one line a segment: state, bytes, producer's pid, consumer's pid (0: none), path. Only this user's.
 *         With operands, one line an unfinished file or directory in or below them: state, bytes, path.
 */
#include "pipeline/lib/cli.h"
#include "pipeline/lib/dir.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "shm/process.h"
#include "shm/ring.h"
#include "shm/segment.h"
#include "shm/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool remove_stale;

static const struct opt opts[] = {
    {0, "remove", OPT_FLAG, &remove_stale, NULL, "remove what is stale (the default is to list only)"},
    {0},
};

static const struct cli cli = {
    "doctor",
    "list what killed programs left, and remove it",
    "tools/doctor [--remove]\ntools/doctor [--remove] DIR...",
    opts,
    "Prints a line for each segment of this user in " SEGMENT_DIR
    ": state, bytes, producer, consumer, path.\n"
    "States: live; stale (its producer died); removed; foreign (not a ring of this version: left alone).\n"
    "A name lies there only until the consumer has opened it, so usually there is nothing to list.\n"
    "\n"
    "With DIR: the unfinished files and directories in and below it, one a line: state, bytes, path. They "
    "are\n"
    "written as .NAME.tritter-partial, locked by their program (live) until they are whole; without a lock "
    "they\n"
    "are stale. Names of earlier versions with the number of a process, NAME.tmp-PID and in the hub's cache\n"
    "REF.PID.tmp, are stale when there is none of that number.\n"
    "\n"
    "Exit: 0 done, 1 failed, 2 misuse.",
};

/* Prints a path. Anybody may have chosen the name, so no control characters reach the terminal. */
static void print_path(const char *dir, const char *file)
{
    fputs(dir, stdout);
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
    print_path(SEGMENT_DIR "/", file);
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
        print_path(SEGMENT_DIR "/", names[i]);
    }
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    return n > k && strcmp(s + n - k, end) == 0;
}

/* The number that s begins with, when `end` follows it; 0: none does. */
static pid_t pid_before(const char *s, const char *end)
{
    char *rest = NULL;
    long pid = *s >= '1' && *s <= '9' ? strtol(s, &rest, 10) : 0;
    return rest && strcmp(rest, end) == 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

/* NAME.tmp-PID or NAME.PID.tmp -> PID; 0: another name */
static pid_t pid_in_name(const char *name)
{
    const char *tmp = strstr(name, ".tmp-");
    if (tmp && tmp > name)
        return pid_before(tmp + 5, "");
    pid_t pid = 0;
    for (const char *dot = strchr(name, '.'); dot && !pid; dot = strchr(dot + 1, '.'))
        pid = dot > name ? pid_before(dot + 1, ".tmp") : 0;
    return pid;
}

/* Opens what holds the lock of an unfinished file or directory: itself; of a link, the .lock of its
 * directory. */
static int open_lock(const char *path, const char *name)
{
    struct stat st;
    if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode))
        return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char *lock = xasprintf("%.*s.lock", (int)(strlen(path) - strlen(name)), path);
    int fd = open(lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    free(lock);
    return fd;
}

/* Whether nobody is writing the file. */
static bool is_abandoned(const char *path, const char *name)
{
    pid_t pid = pid_in_name(name);
    if (pid)
        return kill(pid, 0) != 0 && errno == ESRCH;
    int fd = open_lock(path, name);
    bool free_of_lock = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (fd >= 0)
        close(fd);
    return free_of_lock;
}

static uint64_t tree_bytes(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return 0; /* gone since the directory was read */
    if (!S_ISDIR(st.st_mode))
        return (uint64_t)st.st_size;
    uint64_t bytes = 0;
    struct dir d = dir_read_if_there(path);
    for (size_t i = 0; i < d.n; i++) {
        char *child = path_join(path, d.names[i]);
        bytes += tree_bytes(child);
        free(child);
    }
    dir_free(&d);
    return bytes;
}

static bool is_unfinished(const char *name, const struct stat *st)
{
    if (st->st_uid != geteuid() || !(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode)))
        return false;
    return (name[0] == '.' && ends_with(name, ".tritter-partial")) ||
           (S_ISREG(st->st_mode) && pid_in_name(name));
}

static void examine_unfinished(const char *path, const char *name)
{
    const char *state = "live";
    uint64_t bytes = tree_bytes(path);
    if (is_abandoned(path, name)) {
        state = remove_stale ? "removed" : "stale";
        if (remove_stale)
            remove_tree(path);
    }
    printf("%s\t%llu\t", state, (unsigned long long)bytes);
    print_path("", path);
}

static void examine_below(const char *dir, bool top)
{
    struct dir d = top ? dir_read(dir) : dir_read_if_there(dir); /* one below may be gone by now */
    for (size_t i = 0; i < d.n; i++) {
        struct stat st;
        char *path = path_join(dir, d.names[i]);
        if (lstat(path, &st) != 0) {
            if (errno != ENOENT)
                die_errno("%s", path);
        } else if (is_unfinished(d.names[i], &st)) {
            examine_unfinished(path, d.names[i]);
        } else if (S_ISDIR(st.st_mode)) {
            examine_below(path, false);
        }
        free(path);
    }
    dir_free(&d);
}

static void examine_segments(void)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "tritter-%lu-", (unsigned long)geteuid());
    struct dir d = dir_read(SEGMENT_DIR);
    for (size_t i = 0; i < d.n; i++)
        if (strncmp(d.names[i], prefix, strlen(prefix)) == 0)
            examine(d.names[i], d.names[i] + strlen(prefix));
    dir_free(&d);
    examine_pages();
}

int main(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    for (int i = 0; i < n; i++)
        examine_below(argv[i], true);
    if (n == 0)
        examine_segments();
    close_stdout();
    return 0;
}
