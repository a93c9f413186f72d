/*
 * fasttext.h - the little of the fastText library (C++) that is used here
 */
#ifndef FILTER_FASTTEXT_H
#define FILTER_FASTTEXT_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fasttext_model;

/* bytes: a model that fasttext_check has passed. NULL: the library refuses it, and err says why. */
struct fasttext_model *fasttext_load(const void *bytes, size_t n, char *err, size_t err_size);
/* Whether the model has a label. */
bool fasttext_has(const struct fasttext_model *m, const char *label);
/* Calls each with the labels and their probabilities for a line of text; some models leave out those below
 * 0.00001. Any number of threads may. Returns 0, or -1, and err says why: a weight is not a number, or there
 * is no memory. */
int fasttext_predict(const struct fasttext_model *m, const char *line, size_t len,
                     void (*each)(void *arg, const char *label, double probability), void *arg, char *err,
                     size_t err_size);
void fasttext_free(struct fasttext_model *m); /* NULL is fine */

#ifdef __cplusplus
}
#endif

#endif
