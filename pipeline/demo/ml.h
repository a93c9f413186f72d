/* ml.h - terms of machine learning, and worked numbers */
#ifndef DEMO_ML_H
#define DEMO_ML_H

#include "pipeline/demo/gen.h"

struct ml_term {
    const char *article, *name;   /* "the ", "learning rate"; the article may be empty */
    const char *is;               /* what it is: goes behind "NAME is" */
    const char *why;              /* a sentence about "it" */
    const char *example;          /* a sentence behind "For example," */
    const char *other, *contrast; /* a related term, and a sentence on how the two differ */
};

extern const struct ml_term ml_terms[], ml_more_terms[];
extern const unsigned n_ml_terms, n_ml_more_terms;

void ml_number(struct gen *g); /* a small computation, worked */

#endif
