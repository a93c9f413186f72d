/*
 * batch.h - documents on their way through a worker thread
 */
#ifndef FILTER_BATCH_H
#define FILTER_BATCH_H

#include "formats/docs.h"
#include "pipeline/filter/judge.h"
#include "pipeline/lib/fs.h"

enum {
    BATCH_DOCS = 256,
    BATCH_BYTES = 256 << 10, /* a batch of this size is full */
    BATCH_KEPT = 4 << 20     /* buffers that a long document has made larger than this are freed after it */
};

struct batch_doc {
    size_t text_at, text_len, id_at; /* in the batch's bytes */
    uint64_t number;                 /* in the whole corpus, from 0 */
    int domain;
    struct judgement judgement;
    size_t line_at, line_len; /* the JSON line, in the batch's lines; length 0: it is not needed */
};

struct batch {
    struct strbuf bytes; /* texts and ids */
    struct batch_doc docs[BATCH_DOCS];
    size_t n;
    struct strbuf lines; /* JSON */
    FILE *f;             /* writes to lines */
    uint64_t replaced;   /* bytes that are not UTF-8 */
};

struct batch *batch_new(void);
void batch_free(struct batch *b);
void batch_empty(struct batch *b);
bool batch_is_full(const struct batch *b);
void batch_add(struct batch *b, const struct doc *d, uint64_t number);
/* Judges the documents, and writes the lines of those that may be kept, or with --explain of all. */
void batch_judge(struct batch *b, struct judge *j, const struct law *law);

#endif
