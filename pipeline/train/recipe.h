/*
 * recipe.h - what a run takes where nothing else was said: two sets of settings by name
 *
 *   plan   AdamW 0.9/0.95, a constant rate and a decay over the last 19 % of the steps: the table's defaults
 *   fast   what ended lowest in the trials of docs/results/recipe.md
 */
#ifndef TRAIN_RECIPE_H
#define TRAIN_RECIPE_H

#include "pipeline/train/settings.h"

/* A model for an amount of computing. */
struct recipe_shape {
    double flop; /* from so many floating-point operations of training on, as model_flops_per_token counts */
    int layers, width, heads, ffn, vocab;
    int rows; /* of 256 tokens, a step */
};

const struct recipe_shape *recipe_shape(double flop);
/* Gives settings that are unset the recipe's values, where it has some. The model's width must be known. */
void recipe_settle(const struct train_config *c);
/* Says each value of the recipe and where it comes from; of those that are otherwise, that they are. */
void recipe_tell(const struct train_config *c);

#endif
