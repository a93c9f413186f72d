/*
 * judge.h - everything that can be said of a document by itself, in any thread
 */
#ifndef FILTER_JUDGE_H
#define FILTER_JUDGE_H

#include "formats/signatures.h"
#include "pipeline/filter/decontaminate.h"
#include "pipeline/filter/language.h"
#include "pipeline/filter/mask.h"
#include "pipeline/filter/minhash.h"
#include "pipeline/filter/options.h"
#include "pipeline/filter/rules.h"

/* Settings and tables that all threads share. */
struct law {
    const struct filter_options *options;
    struct language *language;     /* NULL: any */
    struct evaluation *evaluation; /* NULL: none */
};

struct judge { /* one a thread; zeros at first */
    struct rules_scratch rules;
    struct words words; /* of the simple text */
    struct strbuf line, simple, squeezed, masked;
};
void judge_free(struct judge *j);

struct judgement {
    struct verdict verdict;
    struct span
        text; /* what is left of the text; valid until the next judgement, or as long as the text was */
    struct signatures_keys keys; /* duplicates have one in common; the number is not filled in */
    struct masked masked;
    uint32_t lines[N_LINE_RULES]; /* dropped from it */
};
struct judgement judge_document(struct judge *j, const struct law *law, struct span text);

#endif
