/*
 * engine.h - the hybrid predict/correct engine at work on the weights of a run
 *
 *   e = engine_open(...)
 *   each step:  engine_before(e, step, rows)      decides, jumps, adds the predicted drift; then forward and
 * backward run engine_judge(e, loss, norm)       false: what was predicted led astray: weights are restored,
 * skip the update engine_after(e, step, loss)       averages, blocks, phases
 *
 * What it decides is in hybrid/ (pure); here are its arrays on the device and the passes that it pays for.
 * The weights that it probes are built in the gradient's memory, which is free between steps.
 *
 * Arrays, all laid out as theta: mean (f32) the averaged weights; mark (f32) the weights at the begin of the
 * block and at once the snapshot that a rollback restores; D_0..D_3 (act) the directions. 16 bytes a weight
 * with bf16.
 *
 * Nothing here depends on the clock: costs that decide are counted in tokens. Equal runs are equal bit for
 * bit.
 */
#ifndef TRAIN_ENGINE_H
#define TRAIN_ENGINE_H

#include <jansson.h>

#include "pipeline/model/checkpoint.h"
#include "pipeline/train/hybrid/hybrid.h"
#include "pipeline/train/logfile.h"
#include "pipeline/train/optim.h"
#include "pipeline/train/schedule.h"

struct engine;

struct engine_host { /* of the run; all borrowed */
    struct weights *w;
    struct activations *act;
    float *grad; /* scratch between steps */
    const struct optim *opt;
    const struct schedule *schedule;
    struct logfile *metrics;
    const int32_t *tokens; /* of the step at hand, B x (T+1) */
    float *loss;           /* micro x T */
    int B, T, micro, doc_eos;
};

/* learned: with the RSSM (hybrid), otherwise the analytic prior alone (trend). NULL with err: no memory. */
struct engine *engine_open(const struct hybrid_config *c, bool learned, uint64_t seed,
                           const struct engine_host *host, char *err, size_t cap);
void engine_close(struct engine *e); /* NULL is fine, here and below: no engine */
size_t engine_bytes(const struct hybrid_config *c, size_t weights, enum dtype act); /* of the device */
void engine_begin(struct engine *e); /* the first weights are there */

void engine_before(struct engine *e, uint64_t step);
bool engine_judge(struct engine *e, uint64_t step, double loss, double grad_norm);
void engine_after(struct engine *e, uint64_t step, double loss);
/* For tests (FAULT_NAN): the gradient of this step is to be spoilt. */
bool engine_spoils_gradient(struct engine *e);

void engine_save(struct engine *e, struct checkpoint_save *s);
/* 0; -1 with err. A checkpoint of a run without an engine (state lists no such file) begins as a new run
 * does. */
int engine_load(struct engine *e, const char *dir, const json_t *state, char *err, size_t cap);
void engine_summary(const struct engine *e); /* a line for people */

#endif
