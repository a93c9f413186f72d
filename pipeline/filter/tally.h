/*
 * tally.h - how many documents there were, and which rule dropped how many
 */
#ifndef FILTER_TALLY_H
#define FILTER_TALLY_H

#include "pipeline/filter/judge.h"

struct tally {
    uint64_t docs, bytes;           /* that came */
    uint64_t kept_docs, kept_bytes; /* that went on */
    uint64_t by_rule[N_RULES];      /* documents, or of the line rules of c4, lines */
    struct masked masked;
    uint64_t replaced; /* bytes that are not UTF-8 */
    uint64_t spilled;  /* keys in temporary files */
};

/* bytes: of the text before and after. */
void tally_add(struct tally *t, const struct judgement *j, size_t bytes);
void tally_publish(const struct tally *t, const struct filter_options *o); /* for monitors */
void tally_print(const struct tally *t, const struct filter_options *o, double seconds);

#endif
