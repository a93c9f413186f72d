/*
 * choices.h - questions, scored as lm-evaluation-harness scores them
 *
 * A choice's score is the sum of the log-probabilities of its tokens after the context. Context and choice
 * are encoded as one text and split at the number of tokens of the context alone; white space at the
 * context's end belongs to the choice.
 *
 *   acc       the choice of the largest score is the right one
 *   acc_norm  the same after dividing by the choice's characters (the space that joins it not counted); an
 *             empty choice comes to minus infinity
 *   greedy    each token of the first choice is the likeliest in its place
 *   perplexity  e to the mean of the first choice's negative score
 *
 * Standard errors: sqrt(p (1-p) / (n-1)); of the perplexity by the delta method. A context that does not fit
 * loses its beginning, which is warned of and counted. A choice that alone is longer than the model sees at
 * once has no such score: its question is refused by name and counted apart.
 */
#ifndef EVAL_CHOICES_H
#define EVAL_CHOICES_H

#include "pipeline/eval/questions.h"
#include "pipeline/eval/requests.h"
#include "pipeline/eval/tally.h"
#include "pipeline/model/loaded.h"

struct accuracy {
    size_t n, cut, refused; /* n: questions that were scored, cut ones among them */
    struct estimate acc, acc_norm, greedy, perplexity;
    struct estimate exact[MAX_EXTRACTS]; /* by each way of finding an answer in a text (eval/answers.h) */
    double chance;                       /* the accuracy of a model that guesses: the mean of 1 / choices */
};

/* Returns early when stop_signal is set. T: tokens that the model sees at once. */
void questions_score(const struct loaded *m, struct questions *q, int T, enum scoring_way way);
/* The figures of questions that questions_score or questions_generate (eval/generate.h) has been over. */
struct accuracy questions_accuracy(const struct questions *q);
/* Whether the answer to a question that was scored is right, by the sum of log-probabilities, or by
 * character. */
bool question_right(const struct question *q, bool by_character);

#endif
