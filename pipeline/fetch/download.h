/*
 * download.h - files on their way into the cache, several at a time, in a thread of their own
 *
 *   d = downloads_start(&settings, &files, jobs)
 *   while ((n = downloads_read(d, 0, at, buf, sizeof buf)) > 0) at += n;      as they arrive, or
 *   downloads_wait(d, 0)                                                      until it is whole
 *   downloads_stop(d)
 *
 * Files that are read by range are left out. A file that the cache has is not asked for. One that another
 * process is downloading is waited for. One that came in part is continued where it ended. A file takes its
 * name in the cache once its length and its hash are right.
 *
 * downloads_read gives bytes out before the hash is known; it fails at the end of a file whose hash is wrong,
 * so its reader must not take anything as done before it returned 0.
 */
#ifndef FETCH_DOWNLOAD_H
#define FETCH_DOWNLOAD_H

#include "pipeline/fetch/files.h"
#include "pipeline/fetch/settings.h"

#include <sys/types.h>

struct downloads;

struct downloads_state {
    size_t whole, files;
    uint64_t bytes, total; /* of all files; total counts those of known size */
    uint64_t moved;        /* bytes that came over the network */
};

/* Both arguments must live until downloads_stop. */
struct downloads *downloads_start(const struct hub_settings *settings, const struct file_list *files,
                                  unsigned jobs);
/* Bytes of file i from an offset, 1..n; 0: the end of a whole file; DECOMPRESS_AGAIN: stop_signal. Dies when
 * it failed. */
ssize_t downloads_read(struct downloads *d, size_t i, uint64_t offset, void *buf, size_t n);
/* Waits until file i is whole, at most wait_ms. False: it is not yet. Dies when it failed. */
bool downloads_wait(struct downloads *d, size_t i, int wait_ms);
/* The size of file i, which is whole. */
uint64_t downloads_size(struct downloads *d, size_t i);
void downloads_state(struct downloads *d, struct downloads_state *s);
void downloads_stop(struct downloads *d); /* what is not whole is kept, to be continued */

#endif
