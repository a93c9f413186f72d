/*
 * decompress.h - read plain, gzip, zstd, lz4, bzip2 and xz files as one stream of bytes
 *
 *   d = decompress_open(fd, DECOMPRESS_AUTO, err, sizeof err)
 *   while ((n = decompress_read(d, buf, sizeof buf)) > 0) ...
 *   n < 0: decompress_error(d) at compressed offset decompress_offset(d)
 *
 * The kind is detected from the first bytes; DECOMPRESS_AUTO treats any unknown format as plain. Frames and
 * gzip members may follow each other. A stream that ends within a frame is an error, never a short file.
 * Memory is constant: windows of zstd and dictionaries of xz above 128 MiB are refused unless
 * decompress_set_window allows more. Skippable frames before the first frame of zstd or lz4 are skipped.
 */
#ifndef FORMATS_DECOMPRESS_H
#define FORMATS_DECOMPRESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum decompress_kind {
    DECOMPRESS_AUTO,
    DECOMPRESS_PLAIN,
    DECOMPRESS_GZIP,
    DECOMPRESS_ZSTD,
    DECOMPRESS_LZ4,
    DECOMPRESS_BZIP2,
    DECOMPRESS_XZ,
};

struct decompress;

/* Returns the kind that the ending of a name stands for (.gz .zst .lz4 .bz2 .xz), or DECOMPRESS_AUTO. *stem:
 * length of the name without the ending. */
enum decompress_kind decompress_kind_of_name(const char *name, size_t *stem);

/* Sets the largest window that streams opened from now on may ask for, rounded up to a power of two; a reader
 * takes that much memory when a stream asks for it. Returns 0, or -1 when bytes is above 2 GiB. */
int decompress_set_window(uint64_t bytes);

/* Takes over fd, even on failure. kind: the kind that the stream must be, or DECOMPRESS_AUTO. NULL: err says
 * why. */
struct decompress *decompress_open(int fd, enum decompress_kind kind, char *err, size_t cap);
/* Opens a stream whose bytes come from a function: it returns 1..n, 0 at the end, -1 with errno, or
 * DECOMPRESS_AGAIN. */
typedef ssize_t decompress_source(void *arg, void *buf, size_t n);
struct decompress *decompress_open_source(decompress_source *source, void *arg, enum decompress_kind kind,
                                          char *err, size_t cap);
void decompress_close(struct decompress *d); /* NULL is fine */

enum { DECOMPRESS_AGAIN = -2 };

/* Returns the number of bytes read, 1..n; 0 at the end of a complete stream; -1 on an error, and again at
 * every later call; DECOMPRESS_AGAIN when a signal came while waiting: the caller calls again, or stops. */
ssize_t decompress_read(struct decompress *d, void *buf, size_t n);
const char *decompress_error(const struct decompress *d);
uint64_t decompress_offset(const struct decompress *d);           /* bytes of the file consumed */
enum decompress_kind decompress_kind(const struct decompress *d); /* the kind that was detected */

#endif
