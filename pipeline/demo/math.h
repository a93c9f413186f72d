/* math.h - the kinds of math documents that live in math_words.c */
#ifndef DEMO_MATH_H
#define DEMO_MATH_H

#include "pipeline/demo/gen.h"

void math_story(struct gen *g);    /* a word problem */
void math_equation(struct gen *g); /* ax + b = c */
void math_compare(struct gen *g);
void math_sequence(struct gen *g);
void math_parity(struct gen *g);
void math_fraction(struct gen *g);
void math_missing(struct gen *g); /* a + ? = c */

#endif
