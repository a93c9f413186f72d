/* ml.h - worked numbers of machine learning; the terms are in data/ml_terms.txt */
#ifndef DEMO_ML_H
#define DEMO_ML_H

#include "pipeline/demo/gen.h"

void ml_number(struct gen *g); /* a small computation, worked */

#endif
