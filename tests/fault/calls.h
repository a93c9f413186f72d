/*
 * calls.h - the system calls that the fault campaign makes fail, by name
 */
#ifndef FAULT_CALLS_H
#define FAULT_CALLS_H

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#define CALL(name)                                                                                           \
    {                                                                                                        \
#name, SYS_##name                                                                                    \
    }
static const struct {
    const char *name;
    int number;
} calls[] = {
    CALL(read),      CALL(write),   CALL(pread64),   CALL(pwrite64),   CALL(readv),        CALL(writev),
    CALL(open),      CALL(openat),  CALL(close),     CALL(fsync),      CALL(fdatasync),    CALL(ftruncate),
    CALL(fallocate), CALL(rename),  CALL(renameat2), CALL(unlink),     CALL(unlinkat),     CALL(mkdir),
    CALL(rmdir),     CALL(symlink), CALL(readlink),  CALL(link),       CALL(linkat),       CALL(getdents64),
    CALL(stat),      CALL(lstat),   CALL(fstat),     CALL(newfstatat), CALL(lseek),        CALL(mmap),
    CALL(mremap),    CALL(munmap),  CALL(mprotect),  CALL(brk),        CALL(flock),        CALL(fcntl),
    CALL(ioctl),     CALL(pipe2),   CALL(poll),      CALL(madvise),    CALL(memfd_create),
};
#undef CALL
enum { CALLS = sizeof calls / sizeof *calls };

static inline int call_number(const char *name)
{
    for (size_t i = 0; i < CALLS; i++)
        if (strcmp(name, calls[i].name) == 0)
            return calls[i].number;
    return -1;
}

#endif
