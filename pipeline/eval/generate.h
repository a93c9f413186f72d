/*
 * generate.h - questions that the model answers with a text of its own, as lm-evaluation-harness's
 * generate_until
 *
 * The likeliest token comes next, up to the end-of-text token, one of the task's stop texts, or max_tokens.
 * Contexts lose their beginning where they and max_tokens do not fit the T tokens that the model sees at
 * once.
 */
#ifndef EVAL_GENERATE_H
#define EVAL_GENERATE_H

#include "pipeline/eval/questions.h"
#include "pipeline/model/loaded.h"

/* Writes `exact` of each question. Returns early when stop_signal is set. Dies when T is not above
 * max_tokens. */
void questions_generate(const struct loaded *m, struct questions *q, int T);

#endif
