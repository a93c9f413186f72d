/*
 * core.h - the CORE score of DataComp-LM (Li et al. 2024, arXiv:2406.11794), as nanochat computes it
 *
 * A bundle is a directory: core.yaml lists tasks, eval_meta_data.csv has the accuracy of guessing for each,
 * and eval_data/ their rows. A row is a question of one of three kinds, whose texts are joined by the task's
 * delimiter:
 *
 *   multiple_choice    query, then each of choices: right is the one whose tokens have the largest mean
 *                      log-probability, from the first token on in which the choices differ
 *   schema             each of context_options, then continuation: the mean is over the tokens that all end
 *                      with
 *   language_modeling  context, then continuation: each of its tokens must be the likeliest
 *
 * Rows are shuffled with one seed, and num_fewshot of the others, drawn with another, stand solved before
 * each. Every text begins with the token that documents begin with, or which ends the one before. One that is
 * longer than T tokens loses its beginning. CORE is the mean over tasks of (accuracy - guessing) / (1 -
 * guessing).
 */
#ifndef EVAL_CORE_H
#define EVAL_CORE_H

#include "pipeline/eval/choices.h"

enum core_kind { CORE_CHOICE, CORE_SCHEMA, CORE_TEXT };

struct core_task {
    char *label, *path, *delimiter; /* owned */
    enum core_kind kind;
    size_t shots;
    double chance;
    size_t n, right, refused; /* written by core_measure; refused: counted as wrong, see core.c */
};

struct core {
    struct core_task *v; /* owned */
    size_t n;
};

/* Reads what tasks there are. Dies naming the file and the reason. */
void core_open(struct core *c, const char *dir);
void core_free(struct core *c);
/* limit: rows of each task after the shuffling; 0: all. Returns early when stop_signal is set. */
void core_measure(struct core *c, const struct loaded *m, int T, uint64_t limit, enum scoring_way way);
/* Writes the texts of the first n rows of each task as lines of JSON. */
void core_show(FILE *f, struct core *c, uint64_t n);

double core_score(const struct core *c);
json_t *core_json(const struct core *c);
void core_table(const struct core *c, bool apart); /* apart: after another table */

#endif
