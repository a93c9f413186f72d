/*
 * task.h - what makes a question of a row of a data set: the table in tasks.json, and rows of a user's own
 * file
 *
 *   name         how --task calls it
 *   description  template; stands once, before the examples
 *   prompt       template (eval/prompt.h)
 *   choices      a list of templates, or the column that holds the list of choices
 *   ending       template; when it is there the choices belong to the prompt, and the ending is scored
 *   answer       column of the right choice: its number from 0 on, true or false, or its label; without one
 *                the first choice is right
 *   labels       list of the choices' labels, or the column that holds them
 *   clean        "wikihow": prompt and choices are cleaned as HellaSwag's are
 *   shots        "first": examples are the first ones of their file; "others": the question itself is left
 *                out; default: drawn for each question, as lm-evaluation-harness does
 *   metrics      some of acc, acc_norm, greedy (the likeliest token is the right one, all through),
 *                perplexity
 *   generate     object: the model writes a text (eval/generate.h), in which the answer is sought
 *                (eval/answers.h)
 */
#ifndef EVAL_TASK_H
#define EVAL_TASK_H

#include "pipeline/eval/answers.h"

#include <jansson.h>
#include <stdbool.h>

struct task {
    const char *name, *description, *prompt, *ending, *answer; /* all but name: NULL: none */
    const json_t *choices, *labels;                            /* a string or an array of strings */
    bool wikihow, first_shots, other_shots;
    bool acc, acc_norm, greedy, perplexity;
    struct answers *answers; /* owned; NULL: choices are scored, and no text is made */
    const json_t *until;     /* of a text: an array of strings, or NULL */
    int max_tokens;
};

/* Adds the rows of a file to the table, before the built-in ones. Dies naming the file, the row and the
 * reason. NULL: the table alone. */
void tasks_load(const char *path);
const struct task *task_find(const char *name); /* NULL: there is none */
const char *task_measure(const struct task *t); /* the name of its main figure (eval/report.h) */
const char *task_names(void);                   /* "piqa, ..." */
void tasks_free(void);

#endif
