/*
 * fs.h - files that are either complete or absent
 *
 *   f = commit_open(&c, "dir/000000.tok", 0644)   dir/.000000.tok.tritter-partial, locked
 *   write, write
 *   commit_finish(&c)                             fsync, rename, fsync the directory
 *
 * All calls die() with the path on failure: they are for programs. An unfinished commit is removed when the
 * program fails; a file that a killed program left is taken over by the next program that writes the same
 * file (or removed by tools/doctor). Two programs cannot write the same file at once.
 */
#ifndef LIB_FS_H
#define LIB_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size); /* dies on overflow of n * size, too */
/* On huge pages if possible: they are faster to get, and look-ups in a large table cause fewer TLB misses.
 * What is not touched takes no memory. */
void *xcalloc_huge(size_t n, size_t size);
void free_huge(void *p, size_t n, size_t size); /* the same n and size; NULL is fine */
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* caller frees */

struct strbuf { /* a growing byte string, always NUL-terminated once touched */
    char *s;
    size_t len, cap;
};
void strbuf_add(struct strbuf *b, const void *p, size_t n);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_reset(struct strbuf *b); /* keeps the memory */
void strbuf_free(struct strbuf *b);

struct commit {
    char *path, *tmp;
    FILE *f;
};
FILE *commit_open(struct commit *c, const char *path);
void commit_finish(struct commit *c);
FILE *commit_publish(struct commit *c); /* like commit_finish, for a file that grows on under its name */
void commit_abort(struct commit *c);
char *partial_name(const char *path); /* dir/.NAME.tritter-partial for dir/NAME; the caller frees it */
/* Opens, locks and empties the unfinished file of that name, whose name is always the same: a killed run
 * leaves one file at most, which the next run takes over. -1 with errno, which is EWOULDBLOCK when another
 * program is writing it, and EEXIST when it is not ours. */
int partial_open(const char *name);

/* Handles EINTR and short writes. After stop_signal, ends the program when a pipe's reader takes nothing for
 * a second. */
void write_all(int fd, const void *p, size_t n, const char *name);
/* Reads exactly n bytes and returns true; false at the end of the file before the first byte; dies when the
 * end comes after it. */
bool read_all(int fd, void *p, size_t n, const char *name);
void fsync_dir(const char *dir);
void make_dirs(const char *dir); /* like mkdir -p */
bool path_exists(const char *path);
bool is_dir(const char *path);
bool is_device(const char *path); /* a FIFO, /dev/null, ...: something to be written to, not replaced */
char *path_join(const char *a, const char *b);
/* Whether a name of len bytes has this ending, in letters of either case, behind at least one other byte. */
bool name_ends(const char *name, size_t len, const char *end);
char *read_file(const char *path, size_t *len,
                size_t max_len);    /* NUL-terminated; dies when the file is larger than max_len */
void remove_tree(const char *path); /* a missing path is fine; never follows a symlink */
void empty_dir(const char *path);   /* calls remove_tree on everything in it */

#endif
