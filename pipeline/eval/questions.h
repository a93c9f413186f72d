/*
 * questions.h - the questions of a file, as their task words them, with examples before them
 *
 * Files: what programs that read documents take (stream/input.h): JSON lines, compressed or not, Parquet.
 */
#ifndef EVAL_QUESTIONS_H
#define EVAL_QUESTIONS_H

#include "pipeline/eval/task.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { MAX_CHOICES = 16 };

struct question {
    char *context;             /* owned */
    size_t n_description;      /* bytes at its beginning that examples come after */
    char *choice[MAX_CHOICES]; /* owned; joined to the context by one space */
    char *ending; /* owned; NULL: the choices are scored. Otherwise each choice belongs to the context,
                     without a space, and the ending is scored after one */
    int n_choices, label;
    char *place;       /* owned: FILE:LINE */
    bool cut, refused; /* written by questions_score */
    bool greedy;       /* written by questions_score: every token of the first choice was the likeliest */
    double score[MAX_CHOICES]; /* written by questions_score */
    bool exact[MAX_EXTRACTS];  /* written by questions_generate: the answer found in each way is right */
};

struct questions {
    struct question *v; /* owned */
    size_t n;
    const char *path;        /* borrowed: for messages */
    const struct task *task; /* borrowed */
};

struct shots { /* examples, with their answers, before each question */
    uint64_t n;
    const char *from; /* the file that they are of; used when n > 0 */
    uint64_t seed;
};

/* Reads the first `limit` questions of a file, 0: all. Dies naming the line and the reason. Examples are
 * drawn for one question after the other; from the questions' own file, a question is never its own example.
 */
void questions_read(struct questions *q, const struct task *task, const char *path, uint64_t limit,
                    const struct shots *shots);
void questions_free(struct questions *q);
/* Writes one question as a line of JSON: the texts that the model sees and those that are scored after them.
 */
void question_show(FILE *f, const struct questions *q, size_t i);

/* The text before what is scored, and that text, for one choice. Malloced. */
char *question_context(const struct question *q, int choice);
char *question_continuation(const struct question *q, int choice);

#endif
