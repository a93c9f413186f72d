/*
 * wordcounts.h - how often each pre-token occurs in a part of a corpus, as a file. Layout: wordcounts.md.
 *
 *   w = wordcounts_write_head(f, &head)         head.words: as many as follow
 *   wordcounts_write(w, bytes, len, count), ...
 *   wordcounts_write_end(w)
 *
 *   wordcounts_read(f, path, &head, use, arg, err, cap)
 *
 * No call prints or exits.
 */
#ifndef FORMATS_WORDCOUNTS_H
#define FORMATS_WORDCOUNTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { WORDCOUNTS_SHORTEST = 2, WORDCOUNTS_LONGEST = 4096 }; /* bytes of a word */

struct wordcounts_head {
    uint32_t part, of; /* the partth of so many parts, from 1 */
    uint64_t documents, bytes, words;
};

struct wordcounts_writer;

/* NULL: no memory. Whether all was written, ferror(f) says. */
struct wordcounts_writer *wordcounts_write_head(FILE *f, const struct wordcounts_head *h);
void wordcounts_write(struct wordcounts_writer *w, const char *bytes, size_t len, uint64_t count);
void wordcounts_write_end(struct wordcounts_writer *w); /* frees w, not f */

/* Calls use for each word. Returns 0; or -1 with err (path, offset, reason): what use was given then must not
 * be used, since the hash is checked last. */
int wordcounts_read(FILE *f, const char *path, struct wordcounts_head *h,
                    void (*use)(void *arg, const char *bytes, size_t len, uint64_t count), void *arg,
                    char *err, size_t cap);

#endif
