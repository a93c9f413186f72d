/*
 * plan_sample.h - what one file holds, from its beginning: documents, tokens, domain, or why it is damaged
 *
 * Small files are read whole, larger ones as far as a sample goes. So damage is found in files of up to
 * PLAN_WHOLE_BYTES, at the beginning of larger ones, and in the footers of Parquet files.
 */
#ifndef FETCH_PLAN_SAMPLE_H
#define FETCH_PLAN_SAMPLE_H

#include "formats/tokens.h"
#include "pipeline/stream/input.h"

enum {
    PLAN_WHOLE_BYTES = 2 << 20,  /* files up to this size are read to their end */
    PLAN_SAMPLE_BYTES = 1 << 20, /* text that is read of larger ones */
};

struct plan_sample {
    uint64_t documents, text_bytes, tokens; /* estimates for the whole file */
    uint64_t said[N_DOMAINS];               /* documents that name their domain themselves */
    uint64_t guessed[N_DOMAINS];            /* the others, by their text */
    bool binary;                            /* it holds no text */
};

/* opts: how the corpus is read. Returns false where the file is damaged; why says how then. */
bool plan_sample_file(const char *path, uint64_t size, const struct input_opts *opts, struct plan_sample *s,
                      char why[400]);
/* How many tokens a vocabulary of 65,536 makes of a text, within some 12 % for English text and code. */
uint64_t plan_count_tokens(const char *text, size_t len);
/* enum domain, by words and signs that are common in it. */
int plan_guess_domain(const char *text, size_t len);

#endif
