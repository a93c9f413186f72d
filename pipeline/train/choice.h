/*
 * choice.h - which weights are the model: as they are, as they are forecast (finish.h), or corrected
 *
 * --finish auto      before each validation and checkpoint the forecast is compared with the weights as they
 *                    are, on rows of text that neither has learnt; the better one is the model until the next
 * --finish correct   in addition, the decay of wsd is taken by the upper half of the layers alone:
 *
 *   decay begins: checkpoint, probe ── forecast no better ─────────────▶ real decay
 *     │ embedding and lower half: set to the forecast, held; no backward passes through them
 *     ▼
 *   trial of a few steps: probe ── worse than before ── back, bit for bit ─▶ real decay, in the steps left
 *     ▼
 *   last step: probe of {before, forecast, corrected}: the best one is the model
 *
 * A probe is the mean loss over the rows of the batch that comes, paired: training text, never validation.
 * What is gone back to is the checkpoint from which the decay began. It is kept, so that a run which is made
 * longer goes on from there as well. Ranks decide as rank 0 does.
 */
#ifndef TRAIN_CHOICE_H
#define TRAIN_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

enum correction { CORRECTION_AHEAD, CORRECTION_ON, CORRECTION_OVER };

struct choice {
    bool finished; /* the forecast is the model, as last compared */
    enum correction correction;
    uint64_t from;  /* ON: the step that it began with; OVER: that the real decay began with */
    uint64_t steps; /* of the run that this belongs to */
};

struct trainer; /* loop.h */

/* The model of this run is the forecast, not the weights as they are. */
bool choice_finished(const struct trainer *t);
/* Before a step, when its rows are there. looked_at: a validation or a checkpoint follows the step. */
void choice_before(struct trainer *t, bool looked_at);
/* A correction begins with the next step. */
bool choice_wants_checkpoint(const struct trainer *t);
uint64_t choice_back_step(const struct trainer *t); /* of the checkpoint to go back to; 0: none */
/* The state of t was loaded: goes on with a correction or a real decay that had begun. */
void choice_resume(struct trainer *t);

#endif
