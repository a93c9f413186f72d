/*
 * sieve.h - all documents through the threads, to where they belong
 *
 * The calling thread reads, workers judge each document by itself, and one thread, in the order of arrival,
 * looks for what was there before, writes and counts. So the output does not depend on the number of threads.
 */
#ifndef FILTER_SIEVE_H
#define FILTER_SIEVE_H

#include "pipeline/filter/judge.h"
#include "pipeline/filter/part.h"
#include "pipeline/filter/tally.h"
#include "pipeline/lib/text_output.h"

struct sieve {
    const struct law *law;
    struct text_output kept, dropped; /* dropped is used with --explain */
    struct part *part;                /* --signatures or --duplicates; NULL: neither */
    struct tally tally;               /* filled by sieve_run */
};
/* Until the end of the input, or stop_signal. */
void sieve_run(struct sieve *s, struct input *in);

#endif
