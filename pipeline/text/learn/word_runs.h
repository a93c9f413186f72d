/*
 * word_runs.h - stores counted words that do not fit into memory
 *
 * A run is a table of word_counts.h, in order, in a temporary file. The words of all runs, and of tables
 * still in memory, come back in order with their counts added up, so that the result does not depend on how
 * often tables were spilled, or by which thread.
 *
 * Files are made in $TMPDIR (else /tmp), and have no name. Any failure ends the program.
 */
#ifndef LEARN_WORD_RUNS_H
#define LEARN_WORD_RUNS_H

#include "pipeline/text/learn/word_counts.h"

struct word_runs;

struct word_runs *word_runs_new(void);
void word_runs_free(struct word_runs *r); /* NULL is fine */
/* Writes the table and clears it. Threads may call this at the same time. */
void word_runs_spill(struct word_runs *r, struct word_counts *c);
uint64_t word_runs_bytes(const struct word_runs *r); /* bytes written so far, for messages */

/* Calls use for each distinct word of the runs and of n tables, which must be sorted (word_counts_sort). May
 * be called again. *w is valid during the call. Stops early when stop_signal comes. */
void word_runs_each(struct word_runs *r, const struct word_counts *tables, size_t n,
                    void (*use)(void *arg, const struct word *w), void *arg);

#endif
