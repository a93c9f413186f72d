/*
 * signatures.h - what tells duplicates in a part of a corpus, and which were found. Layout: signatures.md.
 *
 *   w = signatures_create(f, SIGNATURES_KEYS, &head)      or SIGNATURES_VERDICTS
 *   signatures_put_keys(w, &keys), ...                    or signatures_put_verdict(w, verdict), ...
 *   signatures_finish(w, texts)
 *
 *   r = signatures_open(f, path, SIGNATURES_KEYS, &head, err, cap)
 *   signatures_get_keys(r, &keys, err, cap), ...          1: a record; 0: the end, and all is in order
 *   signatures_texts(r); signatures_close(r)
 *
 * No call prints or exits.
 */
#ifndef FORMATS_SIGNATURES_H
#define FORMATS_SIGNATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SIGNATURES_BANDS = 14 };
enum signatures_content { SIGNATURES_KEYS, SIGNATURES_VERDICTS };
enum signatures_verdict { SIGNATURES_STAYS, SIGNATURES_EXACT, SIGNATURES_NEAR };

struct signatures_head {
    uint32_t part, of; /* the partth of so many parts, from 1 */
    bool exact, near;  /* which duplicates are looked for; one of them at least */
};

struct signatures_keys {
    uint64_t number;                 /* of the document in the whole corpus, from 0 */
    uint64_t exact[2];               /* in the file where head.exact says so */
    uint64_t near[SIGNATURES_BANDS]; /* as head.near says; all 0: the text is too short for it */
};

struct signatures_writer;

/* NULL: no memory. Whether all was written, ferror(f) says. */
struct signatures_writer *signatures_create(FILE *f, enum signatures_content content,
                                            const struct signatures_head *h);
void signatures_put_keys(struct signatures_writer *w, const struct signatures_keys *k);
void signatures_put_verdict(struct signatures_writer *w, enum signatures_verdict v);
/* texts: a hash of the documents' lines. Frees w, not f. */
void signatures_finish(struct signatures_writer *w, uint64_t texts);

struct signatures_reader;

/* path must be valid until signatures_close. NULL with err (path, offset, reason), also below. */
struct signatures_reader *signatures_open(FILE *f, const char *path, enum signatures_content content,
                                          struct signatures_head *h, char *err, size_t cap);
/* Return 1 with a record; 0 at the end, where the hash was right; -1 with err. What they gave must not be
 * used for good before the end. */
int signatures_get_keys(struct signatures_reader *r, struct signatures_keys *k, char *err, size_t cap);
int signatures_get_verdict(struct signatures_reader *r, enum signatures_verdict *v, char *err, size_t cap);
uint64_t signatures_texts(const struct signatures_reader *r); /* after the end: what signatures_finish got */
void signatures_close(struct signatures_reader *r);           /* frees r, not f; NULL is fine */

#endif
