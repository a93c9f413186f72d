#include "shm/segment.h"
#include "shm/process.h"
#include "shm/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int fail(int err)
{
    errno = err;
    return RING_ESYS;
}

int segment_path(char *path, const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(name);
    if (n == 0 || n > SEGMENT_NAME_MAX || strspn(name, allowed) != n)
        return fail(EINVAL);
    snprintf(path, SEGMENT_PATH, SEGMENT_DIR "/tritter-%lu-%s", (unsigned long)geteuid(), name);
    return RING_OK;
}

int segment_capacity_check(uint64_t c)
{
    bool good = c >= SEGMENT_CAPACITY_MIN && c <= SEGMENT_CAPACITY_MAX && (c & (c - 1)) == 0;
    return good ? RING_OK : fail(EINVAL);
}

void segment_fill_header(struct segment_header *h, uint64_t capacity, const uint64_t boot[2],
                         uint64_t producer)
{
    h->version = SEGMENT_VERSION;
    h->header_bytes = SEGMENT_HEADER;
    h->capacity = capacity;
    h->boot[0] = boot[0];
    h->boot[1] = boot[1];
    h->producer = producer;
    /* Stored last; pairs with the load of the magic in check_header. */
    atomic_store_explicit(&h->magic, SEGMENT_MAGIC, memory_order_release);
}

int segment_map(int fd, uint64_t capacity, struct segment_header **h)
{
    void *p = mmap(NULL, SEGMENT_HEADER + capacity, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return RING_ESYS;
    *h = p;
    return RING_OK;
}

/* Allocates before mapping: a full tmpfs would otherwise raise SIGBUS in the middle of a record. */
static int allocate(int fd, uint64_t bytes)
{
    int err;
    do
        err = posix_fallocate(fd, 0, (off_t)bytes);
    while (err == EINTR);
    return err ? fail(err) : RING_OK;
}

int segment_build(uint64_t capacity, int *fd, struct segment_header **h)
{
    uint64_t boot[2], me = process_identity(getpid());
    if (me == 0)
        return fail(ENOSYS); /* no /proc: nobody could tell whether we are alive */
    if (boot_identity(boot))
        return RING_ESYS;
    *fd = open(SEGMENT_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd < 0)
        return RING_ESYS;
    if (fchmod(*fd, 0600) || allocate(*fd, SEGMENT_HEADER + capacity) || segment_map(*fd, capacity, h)) {
        int saved = errno;
        close(*fd);
        return fail(saved);
    }
    segment_fill_header(*h, capacity, boot, me);
    return RING_OK;
}

static int check_header(const struct segment_header *copy, uint64_t file_bytes, struct segment_info *info)
{
    uint64_t boot[2];
    if (copy->magic == 0)
        return RING_ENOTREADY;
    if (copy->magic != SEGMENT_MAGIC)
        return RING_EFORMAT;
    if (copy->version != SEGMENT_VERSION)
        return RING_EVERSION;
    info->capacity = copy->capacity;
    if (copy->header_bytes != SEGMENT_HEADER || segment_capacity_check(info->capacity) ||
        file_bytes != SEGMENT_HEADER + info->capacity)
        return RING_EFORMAT;
    if (boot_identity(boot))
        return RING_ESYS;
    info->same_boot = copy->boot[0] == boot[0] && copy->boot[1] == boot[1];
    info->producer = copy->producer;
    info->consumer = copy->consumer;
    info->closed = copy->producer_closed != 0;
    return process_pid(info->producer) ? RING_OK : RING_EFORMAT;
}

static int read_info(int fd, struct segment_info *info)
{
    struct segment_header copy; /* a private copy, so that the validated values are those used */
    struct stat st;
    uint64_t magic;

    if (fstat(fd, &st))
        return RING_ESYS;
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 07777) != 0600)
        return RING_EFORMAT;
    if (st.st_size == 0)
        return RING_ENOTREADY;
    if (st.st_size < (off_t)(SEGMENT_HEADER + SEGMENT_CAPACITY_MIN) || st.st_blocks < st.st_size / 512)
        return RING_EFORMAT; /* too small, or with holes that could not be filled later */
    /* The magic is read on its own before the rest, since it was published last. */
    if (pread(fd, &magic, sizeof magic, 0) != sizeof magic || pread(fd, &copy, sizeof copy, 0) != sizeof copy)
        return RING_EFORMAT;
    return magic == 0 ? RING_ENOTREADY : check_header(&copy, (uint64_t)st.st_size, info);
}

int segment_look(const char *path, int *fd, struct segment_info *info)
{
    /* The open does not block: a FIFO of that name must not stop us. */
    *fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) {
        if (errno == ENOENT)
            return RING_ENOTREADY;
        bool squatted =
            errno == ELOOP || errno == EISDIR || errno == EACCES || errno == ENXIO || errno == EPERM;
        return squatted ? RING_EFORMAT : RING_ESYS;
    }
    int rc = read_info(*fd, info);
    if (rc) {
        int saved = rc == RING_ENOTREADY ? EAGAIN : errno;
        close(*fd);
        errno = saved;
        *fd = -1;
    }
    return rc;
}

bool segment_stale(int fd, const struct segment_info *info)
{
    struct segment_info later;
    if (info->same_boot && process_alive(info->producer))
        return false;
    /* It may have been closed and removed since it was read. */
    return !(read_info(fd, &later) == RING_OK && later.closed);
}

/* The number of attempts is bounded: a process that keeps the lock for ever only delays us. */
static bool lock(int fd)
{
    for (int tries = 0; tries < 100; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
    }
    return false;
}

bool segment_unlink(int fd, const char *path)
{
    struct stat mine, named;
    bool removed = false;

    if (!lock(fd))
        return false;
    if (fstat(fd, &mine) == 0 && lstat(path, &named) == 0 && mine.st_ino == named.st_ino &&
        mine.st_dev == named.st_dev)
        removed = unlink(path) == 0;
    flock(fd, LOCK_UN);
    return removed;
}

/* Frees the name if a dead producer's segment holds it. */
static int retire(const char *path)
{
    struct segment_info info;
    int fd, rc = segment_look(path, &fd, &info);
    if (rc == RING_ENOTREADY) /* removed meanwhile, or a file that never became a ring */
        return errno == ENOENT ? RING_OK : RING_EFORMAT;
    if (rc)
        return rc;
    bool stale = !info.same_boot || !process_alive(info.producer);
    if (stale)
        segment_unlink(fd, path);
    close(fd);
    return stale ? RING_OK : RING_EBUSY;
}

int segment_link(int fd, const char *path)
{
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    for (int tries = 0; tries < 8; tries++) {
        if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
            return RING_OK;
        if (errno != EEXIST)
            return RING_ESYS;
        int rc = retire(path);
        if (rc)
            return rc;
    }
    return RING_EBUSY; /* others take the name as fast as we free it */
}
