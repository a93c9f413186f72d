/*
 * loop.h - everything a run holds, and the step
 *
 *   record of B rows -> extrapolation -> updates (split.h) -> metrics, ledger
 *   update: rows -> micro-batches -> gradient -> norm -> verdict -> clip, optimizer
 *   then, when due: validation, checkpoint. A signal is looked at after that.
 *
 * No memory is allocated in a step; validation and checkpoints allocate what they give back.
 */
#ifndef TRAIN_LOOP_H
#define TRAIN_LOOP_H

#include "pipeline/text/vocabulary/tokenizer.h"
#include "pipeline/train/choice.h"
#include "pipeline/train/config.h"
#include "pipeline/train/feed.h"
#include "pipeline/train/finish.h"
#include "pipeline/train/forecast.h"
#include "pipeline/train/guard.h"
#include "pipeline/train/logfile.h"
#include "pipeline/train/lookahead.h"
#include "pipeline/train/mixed.h"
#include "pipeline/train/optim.h"
#include "pipeline/train/parallel.h"
#include "pipeline/train/rate.h"
#include "pipeline/train/schedule.h"
#include "pipeline/train/split.h"
#include "pipeline/train/stopwatch.h"
#include "pipeline/train/tokenizer_files.h"
#include "pipeline/train/validate.h"

struct trainer {
    const struct train_config *cfg;
    struct tokenizer_files vocabulary; /* owned: goes into each checkpoint */
    struct tokenizer *tok;             /* vocabulary's */

    struct cluster *cluster;
    struct parallel parallel;
    struct feed feed;
    const struct batch_header *h; /* feed's */
    int doc_eos;                  /* --doc-mask: the token; otherwise -1 */

    const struct ops *ops;
    struct device *dev;
    struct rate rate;
    struct weights w;
    struct optim opt;
    struct lookahead ahead;
    struct schedule schedule;
    float *grad; /* device */
    struct activations *act;
    double pass_from; /* trace_now() where the part of a pass that is at work began */
    struct finish finish;
    struct split split;     /* of batches into updates */
    int micro;              /* rows at a time */
    struct validation *val; /* NULL: none */

    int32_t *tokens;     /* B x (T+1) */
    float *loss;         /* B x T */
    double *row_loss;    /* B: mean of the row */
    size_t *row_border;  /* ranks + 1: bytes of row_loss, of an update, that each rank fills in */
    double *rank_norm;   /* --sync-every: the norms of the ranks' gradients */
    size_t *rank_border; /* ranks + 1: their bytes */
    double *source_loss; /* by source */
    double *other_loss;  /* B: as row_loss, of other weights */

    struct logfile metrics, ledger;
    struct mixed mixed;

    /* what a checkpoint carries besides arrays */
    uint64_t step; /* done */
    uint64_t tokens_seen;
    struct guard guard;
    struct losses losses;   /* since the depth is what it is */
    struct stopwatch clock; /* of training alone */
    uint64_t best_step;     /* 0: none */
    double best_loss;
    struct choice choice; /* which weights are the model */

    uint64_t saved_step;        /* newest checkpoint's; UINT64_MAX: none */
    uint64_t met_step;          /* --sync-every: the step after which the ranks last had equal weights */
    int stop;                   /* the signal that all ranks stop at; 0: none */
    double began, step_seconds; /* now_seconds() at start; smoothed */
    uint64_t began_step;
    double last_loss;
    double sensors_at; /* now_seconds() when the GPU was last asked how it is */
};

/* So many layers take part from now on: memory for their activations, and what depends on their cost. Dies
 * when there is no memory. */
void loop_set_depth(struct trainer *t, int depth);
/* Trains until all steps are done (returns 0) or a signal came before (128+n); both with a checkpoint. Dies
 * otherwise. */
int loop_run(struct trainer *t);

#endif
