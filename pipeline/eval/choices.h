/*
 * choices.h - multiple-choice questions, scored as lm-evaluation-harness scores them
 *
 * A choice's score is the sum of the log-probabilities of its tokens after the context. Context and choice
 * are encoded as one text and split at the number of tokens of the context alone; white space at the
 * context's end belongs to the choice.
 *
 *   acc       the choice of the largest score is the right one
 *   acc_norm  the same after dividing by the choice's characters (the space that joins it not counted); an
 *             empty choice comes to minus infinity
 *
 * Standard errors: sqrt(p (1-p) / (n-1)). A context that does not fit loses its beginning, which is warned of
 * and counted. A choice that alone is longer than the model sees at once has no such score: its question is
 * refused by name and counted apart.
 */
#ifndef EVAL_CHOICES_H
#define EVAL_CHOICES_H

#include "pipeline/model/loaded.h"

enum { MAX_CHOICES = 16 };

struct question {
    char *context;             /* owned */
    char *choice[MAX_CHOICES]; /* owned; joined to the context by one space */
    int n_choices, label;
    size_t line;               /* line number in the file */
    bool cut, refused;         /* written by questions_score */
    double score[MAX_CHOICES]; /* written by questions_score */
};

struct questions {
    struct question *v; /* owned */
    size_t n;
    const char *path; /* borrowed: for messages */
};

struct accuracy {
    size_t n, cut, refused; /* n: questions that were scored, cut ones among them */
    double acc, acc_stderr, acc_norm, acc_norm_stderr;
};

bool task_known(const char *task); /* "piqa" */
const char *task_names(void);
/* JSON lines. Dies naming the line, its offset and the reason. limit 0: all. */
void questions_read(struct questions *q, const char *task, const char *path, uint64_t limit);
void questions_free(struct questions *q);
/* Returns early when stop_signal is set. T: tokens that the model sees at once. */
void questions_score(const struct loaded *m, struct questions *q, int T);
struct accuracy questions_accuracy(const struct questions *q);

#endif
