/*
 * fs.h - files that are whole or absent
 *
 *   f = commit_open(&c, "dir/000000.tok", 0644)   dir/.000000.tok.tritter-partial, locked
 *   write, write
 *   commit_finish(&c)                             fsync, rename, fsync the directory
 *
 * All calls die() with the path on failure: they are for programs. A commit
 * that is not finished when the program fails is removed; what a killed program
 * left is taken over by the next that writes the same file (or removed by
 * tools/doctor). Two programs cannot write the same file at once.
 */
#ifndef LIB_FS_H
#define LIB_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size); /* overflow-checked */
void *xcalloc_huge(
    size_t n,
    size_t size); /* on huge pages where there are any: look-ups in a large table miss the TLB less */
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
void commit_abort(struct commit *c);

/* EINTR and short writes handled. After stop_signal, ends the program when a pipe's reader takes nothing for
 * a second. */
void write_all(int fd, const void *p, size_t n, const char *name);
/* Reads exactly n bytes. Returns true; false at end of file before the first byte; dies when the end comes
 * within. */
bool read_all(int fd, void *p, size_t n, const char *name);
void fsync_dir(const char *dir);
void make_dirs(const char *dir); /* mkdir -p */
bool path_exists(const char *path);
bool is_dir(const char *path);
bool is_device(const char *path); /* a FIFO, /dev/null, ...: to be written to, not replaced */
char *path_join(const char *a, const char *b);
char *read_file(const char *path, size_t *len, size_t max_len); /* NUL-terminated; dies when larger */
void remove_tree(const char *path);                             /* missing is fine; never follows a symlink */
void empty_dir(const char *path);                               /* remove_tree of all that is in it */

#endif
