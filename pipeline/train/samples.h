/*
 * samples.h - what the model writes while it is trained, so that people see it improve
 *
 * After every --sample-every steps each --sample-prompt is continued, always with the same seed, and the
 * texts go to metrics.jsonl (lines of type "sample"). Like validation it takes its memory when it begins and
 * gives it back.
 */
#ifndef TRAIN_SAMPLES_H
#define TRAIN_SAMPLES_H

#include "pipeline/lib/cli.h"
#include "pipeline/model/transformer.h"
#include "pipeline/text/vocabulary/tokenizer.h"
#include "pipeline/train/logfile.h"

struct samples {
    const struct str_list *prompts;
    const struct tokenizer *tok;
    uint64_t tokens; /* at most, of each text */
};

/* Dies without memory. */
void samples_write(const struct samples *s, const struct weights *w, struct logfile *log, uint64_t step);

#endif
