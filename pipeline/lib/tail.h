/*
 * tail.h - the lines of a file that grows, each handed out once when it is whole
 *
 *   tail_open(&t, path)
 *   tail_poll(&t, take, begin, arg)      as often as one likes: the lines since the last call
 *   tail_close(&t)
 *
 * A file that has become shorter is read again from its beginning, after begin(arg). Memory does not grow
 * with the file, and a line of more than TAIL_LINE bytes is counted and passed over. What reads a file to its
 * end asks for `error` afterwards: without it, a disk that fails would look like an end.
 */
#ifndef LIB_TAIL_H
#define LIB_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TAIL_LINE = 4 << 20 };

struct tail {
    int fd;
    uint64_t offset, limit; /* limit: bytes of the file that count; UINT64_MAX unless the caller sets it */
    uint64_t too_long;      /* lines that were passed over */
    int error;              /* errno of the last poll, or of tail_open but for ENOENT; 0: all was read */
    char *line;             /* the line that has begun but not ended; owned */
    size_t len, cap;
    bool skipping; /* the rest of a line that is too long is being passed over */
};

/* line: len bytes without '\n'. newest: no whole line follows it now. */
typedef void tail_take(void *arg, const char *line, size_t len, bool newest);

int tail_open(struct tail *t, const char *path); /* 0, or -1 with errno */
void tail_poll(struct tail *t, tail_take *take, void (*begin)(void *arg), void *arg);
void tail_close(struct tail *t);

#endif
