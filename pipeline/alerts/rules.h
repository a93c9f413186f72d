/*
 * rules.h - when a run needs somebody's attention
 *
 *   rules_begin(&r, raise, arg)
 *   rules_step(&r, &step), rules_validation(...), ...    what happened, in order
 *   raise(arg, &alert)                                   is called from within, once for each occasion
 *
 * Pure: numbers in, alerts out, and equal numbers give equal alerts. Every threshold stands in alert_rules. A
 * rule measures how bad things are, where more is worse: it raises an alert above `raise`, and then says
 * nothing until the measure was below `clear`.
 */
#ifndef ALERTS_RULES_H
#define ALERTS_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum severity { ALERT_INFO, ALERT_WARNING, ALERT_CRITICAL };

enum rule {
    RULE_NAN,
    RULE_SPIKE,
    RULE_DIVERGENCE,
    RULE_PLATEAU,
    RULE_GRADIENT_HIGH,
    RULE_GRADIENT_LOW,
    RULE_THROUGHPUT,
    RULE_VALIDATION,
    RULE_MEMORY,
    RULE_GPU_MEMORY,
    RULE_DISK,
    RULE_STALL,
    RULE_DEAD,
    N_RULES
};

struct alert_rule {
    const char *name;
    enum severity severity;
    double raise, clear;
    const char *measure; /* what is compared with them */
};
extern const struct alert_rule alert_rules[N_RULES];
const char *severity_name(enum severity s); /* "info", "warning", "critical" */

enum { ALERT_SUBJECT = 48, ALERT_TEXT = 200 };

struct alert {
    enum rule rule;
    double step;
    char subject[ALERT_SUBJECT]; /* which source or stage; "": the run */
    char text[ALERT_TEXT];
};

enum {
    RULES_RECENT = 64,     /* steps that losses are compared with */
    RULES_GRADIENTS = 256, /* steps that make up the gradient's band */
    RULES_BLOCKS = 256,    /* means of losses, over equally many steps each, that cover the whole run */
    RULES_SOURCES = 64,
};

struct rules_blocks {
    double mean[RULES_BLOCKS], sum;
    uint64_t n, size, in_sum; /* whole blocks, steps in each, steps in the sum of the next */
};

struct rules_source {
    char name[ALERT_SUBJECT];
    double lowest;
    unsigned risen; /* validations in a row that were above it */
    bool raised;
};

struct rules {
    void (*raise)(void *arg, const struct alert *a);
    void *arg;
    bool raised[N_RULES];
    double step;
    uint64_t n_losses, n_norms, finite;               /* since the level began; finite: steps in a row */
    double loss[RULES_RECENT], norm[RULES_GRADIENTS]; /* rings */
    double lowest_mean;                               /* of RULES_RECENT losses */
    struct rules_blocks blocks;
    double speed[16], best_speed, slow_s; /* slow_s: how long it has been slow */
    uint64_t n_speeds;
    struct rules_source source[RULES_SOURCES];
    unsigned n_sources;
    double disk_at, disk_free; /* an earlier look at the disk; disk_at NaN: none */
};

struct rules_step { /* NaN: not said */
    double step, loss, grad_norm, tokens_per_s, seconds, gpu_memory, gpu_memory_total;
};

void rules_begin(struct rules *r, void (*raise)(void *arg, const struct alert *a), void *arg);
void rules_step(struct rules *r, const struct rules_step *s);
void rules_validation(struct rules *r, double step, const char *source, double bits_per_byte);
/* The run grew or was resumed: losses, gradients and speed may be others from here on. */
void rules_new_level(struct rules *r);
/* share: of the memory that this machine or control group has. */
void rules_memory(struct rules *r, double share);
/* Bytes free where the run is written, and bytes that its next checkpoint takes; now: seconds on any clock.
 */
void rules_disk(struct rules *r, double now, double free_bytes, double checkpoint_bytes);
/* A stage has done nothing for so many seconds while the run waits. */
void rules_idle(struct rules *r, const char *stage, int pid, double seconds);
/* A stage's process is gone without having ended. */
void rules_dead(struct rules *r, const char *stage, int pid);

#endif
