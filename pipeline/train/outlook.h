/*
 * outlook.h - what the law of forecast.h misses, learned from recorded runs
 *
 *   recorded runs (recorded.h) -> OUTLOOK_POINTS points of each: what is known there (features), and what the
 *   law's forecasts missed -> recurrent state-space model (hybrid/rssm), replaying each run whole
 *   -> what that still misses, by the state in which it is missed -> residual store (hybrid/residuals.h)
 *
 *   loss at the end        = law * exp(UNIT c + r)   c: the model's coefficient, 0 at first
 *   loss at the next point = law * exp(UNIT d + r)   d: the model's scalar, imagined for the points after
 *
 * where r is what the store remembers of that loss.
 *
 * Features say nothing but what losses and schedule say, so that a model learned from small runs applies to
 * others: the law's forecasts, slope and curvature of the losses, the rates to come.
 *
 * A forecast is a function of the losses so far: the model meets all points up to now anew, each time. So a
 * checkpoint needs nothing of this, and equal runs say the same.
 */
#ifndef TRAIN_OUTLOOK_H
#define TRAIN_OUTLOOK_H

#include "pipeline/train/recorded.h"

enum { OUTLOOK_POINTS = 16, OUTLOOK_AHEAD = 4 }; /* points of a run: 20, 25, ... 95 % of its steps */
enum outlook_parts { OUTLOOK_LAW = 0, OUTLOOK_MODEL = 1, OUTLOOK_STORE = 2 };

struct outlook;

/* Learns from n runs but those that are kin to `without` (NULL: from all). parts: of enum outlook_parts.
 * NULL: no memory. */
struct outlook *outlook_new(const struct recorded *runs, size_t n, const struct recorded *without, int parts);
void outlook_free(struct outlook *o); /* NULL is fine */
struct outlook_forecast {
    struct forecast end;
    int ahead;                /* points to come, OUTLOOK_AHEAD at most */
    int point;                /* the last one */
    double at[OUTLOOK_AHEAD]; /* mean loss around each point to come */
};

/* The forecasts of a run with these losses so far, at its last point; false: the law has none yet. */
bool outlook_make(struct outlook *o, const struct losses *l, const struct schedule *s,
                  struct outlook_forecast *f);
double outlook_met(const struct recorded *r, int point); /* mean loss around it */
double outlook_share(int point);                         /* of the steps */

#endif
