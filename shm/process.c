#include "shm/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PID_BITS = 24 }; /* the kernel's largest pid is 2^22 */

/* Reads a small file of /proc. Returns its length, or -1 with errno. */
static ssize_t read_proc(const char *path, char *buf, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n;
    do
        n = read(fd, buf, size - 1);
    while (n < 0 && errno == EINTR);
    int saved = errno;
    close(fd);
    errno = saved;
    if (n >= 0)
        buf[n] = 0;
    return n;
}

/* Returns 1 and *identity; 0: the process has ended; -1: unknown (no descriptors left, no /proc). */
static int look_up(pid_t pid, uint64_t *identity)
{
    char path[64], stat[1024], state;
    unsigned long long start;
    long threads;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    if (read_proc(path, stat, sizeof stat) < 0)
        return errno == ENOENT || errno == ESRCH ? 0 : -1;
    const char *p = strrchr(stat, ')'); /* the command's name may hold any characters, even ')' */
    if (!p ||
        sscanf(p + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld %*s %llu",
               &state, &threads, &start) != 3)
        return -1;
    /* A process is also Z when only its first thread has ended, while others go on. */
    if (state == 'X' || (state == 'Z' && threads <= 1))
        return 0;
    *identity = (uint64_t)start << PID_BITS | (uint64_t)pid;
    return 1;
}

uint64_t process_identity(pid_t pid)
{
    uint64_t id;
    return look_up(pid, &id) == 1 ? id : 0;
}

pid_t process_pid(uint64_t identity)
{
    return (pid_t)(identity & ((1u << PID_BITS) - 1));
}

bool process_alive(uint64_t identity)
{
    uint64_t now;
    if (process_pid(identity) == 0)
        return false;
    int found = look_up(process_pid(identity), &now);
    return found < 0 || (found == 1 && now == identity);
}

int process_watch(uint64_t identity)
{
    if (process_pid(identity) == 0)
        return -1;
    int fd = (int)syscall(SYS_pidfd_open, process_pid(identity), 0);
    /* Only now that the pid is held by the descriptor can the start time tell whose pid it is. */
    if (fd >= 0 && !process_alive(identity)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool process_watch_ended(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

int boot_identity(uint64_t id[2])
{
    char text[64];
    int digits = 0;

    id[0] = id[1] = 0;
    if (read_proc("/proc/sys/kernel/random/boot_id", text, sizeof text) < 0)
        return -1;
    for (const char *p = text; *p && *p != '\n'; p++) {
        const char *hex = "0123456789abcdef", *d = strchr(hex, *p);
        if (*p == '-')
            continue;
        if (!d || digits == 32)
            break;
        /* Byte i of the UUID is byte i in memory. */
        id[digits / 16] |= (uint64_t)(d - hex) << (digits % 16 / 2 * 8 + (digits % 2 ? 0 : 4));
        digits++;
    }
    if (digits == 32)
        return 0;
    errno = EINVAL;
    return -1;
}
