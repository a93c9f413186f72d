/*
 * text.h - one text of `sample`: tokens are drawn until something ends it, and go out in one of three formats
 */
#ifndef SAMPLE_TEXT_H
#define SAMPLE_TEXT_H

#include "pipeline/lib/signals.h"
#include "pipeline/model/continuation.h"
#include "pipeline/model/logprobs.h"
#include "pipeline/sample/textout.h"

enum text_format {
    TEXT_PLAIN,
    TEXT_JSON,
    TEXT_TOKENS /* plain, with each token coloured by its probability where the output is a terminal */
};

struct text_options {
    enum text_format format;
    const struct str_list *stops;
    uint64_t max_tokens; /* 0: no limit */
    bool ignore_eos, echo;
    int64_t logprobs;                  /* JSON: alternatives of each token; -1: no logprobs */
    const volatile sig_atomic_t *stop; /* not 0: the text ends */
};

/* Writes one text from the prompt that c holds. begun: the text of the prompt. Returns "length", "eos",
 * "stop" or "signal". Dies when standard output fails. */
const char *text_write(struct continuation *c, struct sampler *s, const struct text_options *o,
                       const char *begun, size_t len, uint64_t seed);

#endif
