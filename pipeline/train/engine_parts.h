/*
 * engine_parts.h - what the files engine_*.c share
 */
#ifndef TRAIN_ENGINE_PARTS_H
#define TRAIN_ENGINE_PARTS_H

#include "pipeline/train/engine.h"
#include "pipeline/train/groups.h"
#include "pipeline/train/hybrid/arrays.h"
#include "pipeline/train/hybrid/bandit.h"
#include "pipeline/train/hybrid/divergence.h"
#include "pipeline/train/hybrid/phases.h"
#include "pipeline/train/hybrid/prior.h"
#include "pipeline/train/hybrid/score.h"

enum {
    ENGINE_CHUNKS = 512,      /* most parts that a probe's loss is reported in */
    ENGINE_CHUNK_TOKENS = 32, /* least tokens of such a part */
    ENGINE_FAR = 3,           /* horizons of --engine-gate0: 15, 45, 90 steps (1, 3, 6 blocks) */
};

struct probe { /* a loss on the probe rows, in parts, so that two of them can be paired */
    double mean, chunk[ENGINE_CHUNKS];
};

struct jump {                    /* the one that the present cycle made */
    hybrid_coef moved;           /* weights moved by sum moved_j D_j */
    double alpha[HYBRID_GROUPS]; /* of the groups, within moved */
    double slope[HYBRID_GROUPS]; /* <mean gradient before it, moved> */
    double horizon;              /* virtual steps */
    double expected; /* loss of the averaged weights after it, as probed; CORRECT adds the trend */
    double change, z;
    uint64_t applied, step;
    uint64_t updates; /* of the optimizer before it */
};

struct far { /* --engine-gate0: a forecast in waiting */
    hybrid_coef coef[ENGINE_FAR][N_FORECASTERS];
    struct prior prior[ENGINE_FAR];
    struct score score[ENGINE_FAR];
    uint64_t steps, blocks; /* since it was made */
    uint64_t waiting;       /* 0: none was made yet */
};

struct numbers { /* everything that decides; saved as it is: members of 8 bytes only */
    struct phases phases;
    struct prior prior;
    struct divergence divergence;
    struct bandit bandit;
    struct choice choice; /* of the present cycle */
    struct jump jump;
    struct score score;
    struct probe start; /* at the begin of the cycle */
    hybrid_coef a0, c,
        best; /* analytic; what is forecast for this block, per step; what the last should have been */
    double alpha[HYBRID_GROUPS];     /* step scale of the forecast, in [0,2] */
    struct outcome now;              /* of the directions as they are, with the optimizer's mean gradient */
    double drifted;                  /* sum of the shares of c that were added in this block's steps */
    double block_loss, block_losses; /* sum of the block's losses; how many */
    double block_square;             /* |displacement per step|^2 of the last block */
    double cost, idle_cost;          /* steps that this cycle paid: for jumps; for measuring */
    uint64_t cycle_open, cycle_virtual;
    uint64_t accepted, rejected, rollbacks, virtual_steps, probes, fault_done;
    uint64_t probe_rows;
    uint64_t random;
};

struct engine {
    const struct hybrid_config *c;
    uint64_t seed;
    struct engine_host host;
    const struct ops *ops;
    struct device *dev;
    struct groups groups;
    size_t total; /* weights */
    float *mean, *mark;
    void *D[HYBRID_K];
    float *far_mark; /* --engine-gate0, else NULL */
    void *far_D[HYBRID_K];
    struct numbers *n;
    struct far *far;
    struct learned *rssm; /* NULL: the analytic prior alone */
    int32_t *rows;        /* probe_rows x (T+1) */
    struct probe scratch;
    double seconds;          /* of the engine since this process began; decides nothing */
    enum hybrid_fault fault; /* what to spoil next */
};

/* engine_probe.c */
void probe_choose_rows(struct engine *e);
/* Loss of the averaged weights moved by coef (NULL: as they are). Spoils the gradient's memory. */
void probe_run(struct engine *e, hybrid_coef coef, struct probe *out);
/* Mean and standard error of b - a. */
void probe_pair(const struct engine *e, const struct probe *a, const struct probe *b, double *mean,
                double *se);
double probe_cost(const struct engine *e); /* steps */
int probe_chunks(const struct engine *e);

/* engine_block.c */
void block_end(struct engine *e, uint64_t step);
void block_begin(struct engine *e, uint64_t step);
void engine_move(struct engine *e, float *y, void *work, const float *x, hybrid_coef coef, double factor);
/* Inner products of the directions with (a - b) times factor. */
void engine_products(struct engine *e, void *const *D, const float *a, const float *b, double factor,
                     struct outcome *out);

/* engine_predict.c, engine_correct.c */
void predict(struct engine *e, uint64_t step);
void correct_end(struct engine *e, uint64_t step);
void engine_rollback(struct engine *e, uint64_t step, const char *why);
void engine_enter(struct engine *e, uint64_t step, enum phase next, const char *why);

/* engine_log.c: one line of metrics.jsonl */
void log_begin(struct engine *e, uint64_t step, const char *event);
void log_number(struct engine *e, const char *key, double x);
void log_text(struct engine *e, const char *key, const char *text);
void log_end(struct engine *e);

#endif
