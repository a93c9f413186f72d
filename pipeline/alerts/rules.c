#include "pipeline/alerts/rules.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The numbers are guesses, set so that runs that were well raised nothing (tests/unit/alerts_test.c). */
const struct alert_rule alert_rules[N_RULES] = {
    [RULE_NAN] = {"nan", ALERT_CRITICAL, 0, 0, "steps whose loss or gradient is not finite"},
    [RULE_SPIKE] = {"spike", ALERT_WARNING, 2, 1.5, "loss over the median of the last 64"},
    [RULE_DIVERGENCE] = {"divergence", ALERT_CRITICAL, 1.25, 1.1,
                         "mean of the last 64 losses over the lowest such mean"},
    [RULE_PLATEAU] = {"plateau", ALERT_INFO, -0.002, -0.005,
                      "change of the loss within the last 20 % of the steps, 1000 at least"},
    [RULE_GRADIENT_HIGH] = {"gradient_high", ALERT_WARNING, 8, 4,
                            "gradient norm, median of 16 steps, over that of the 240 before"},
    [RULE_GRADIENT_LOW] = {"gradient_low", ALERT_WARNING, 8, 4,
                           "gradient norm, median of 240 steps, over that of the 16 after"},
    [RULE_THROUGHPUT] = {"throughput", ALERT_WARNING, 1.67, 1.3,
                         "highest tokens a second, median of 16 steps, over the present, for 60 s"},
    [RULE_VALIDATION] = {"validation", ALERT_WARNING, 1.03, 1.015,
                         "bits per byte over the lowest, twice in a row"},
    [RULE_MEMORY] = {"memory", ALERT_WARNING, 0.9, 0.85, "share of the memory in use"},
    [RULE_GPU_MEMORY] = {"gpu_memory", ALERT_WARNING, 0.9, 0.85, "share of the GPU's memory in use"},
    [RULE_DISK] = {"disk", ALERT_CRITICAL, 1, 0.5,
                   "two checkpoints over the free bytes, or half an hour over the time until none is left"},
    [RULE_STALL] = {"stall", ALERT_WARNING, 60, 1, "seconds without work while the run waits"},
    [RULE_DEAD] = {"dead", ALERT_CRITICAL, 0, 0, "processes that are gone without having ended"},
};

enum { SPIKE_LEAST = 32, SHORT = 16, PLATEAU_STEPS = 1000, DISK_APART_S = 600 };
static const double PLATEAU_SHARE = 0.2, SLOW_S = 60, FULL_SOON_S = 1800, CHECKPOINTS_LEFT = 2;

const char *severity_name(enum severity s)
{
    static const char *const names[] = {"info", "warning", "critical"};
    return names[s];
}

/* ---- raising ---- */

static void __attribute__((format(printf, 4, 5)))
emit(struct rules *r, enum rule rule, const char *subject, const char *fmt, ...)
{
    struct alert a = {.rule = rule, .step = r->step};
    va_list ap;
    snprintf(a.subject, sizeof a.subject, "%s", subject);
    va_start(ap, fmt);
    vsnprintf(a.text, sizeof a.text, fmt, ap);
    va_end(ap);
    r->raise(r->arg, &a);
}

/* Returns true when an alert is due: the measure is above its threshold for the first time since it was
 * clear. */
static bool judge(bool *raised, enum rule rule, double measure)
{
    bool was = *raised;
    if (measure > alert_rules[rule].raise)
        *raised = true;
    else if (measure < alert_rules[rule].clear)
        *raised = false;
    return *raised && !was;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(const double *v, size_t n)
{
    double sorted[RULES_GRADIENTS];
    memcpy(sorted, v, n * sizeof *v);
    qsort(sorted, n, sizeof *sorted, ascending);
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

/* ---- losses ---- */

static void blocks_add(struct rules_blocks *b, double loss)
{
    b->sum += loss;
    if (++b->in_sum < b->size)
        return;
    if (b->n == RULES_BLOCKS) { /* neighbours are joined to make room */
        for (size_t i = 0; i < RULES_BLOCKS / 2; i++)
            b->mean[i] = (b->mean[2 * i] + b->mean[2 * i + 1]) / 2;
        b->n /= 2;
        b->size *= 2;
        return; /* the sum goes on to the new size */
    }
    b->mean[b->n++] = b->sum / (double)b->in_sum;
    b->sum = 0;
    b->in_sum = 0;
}

static double mean_of(const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return sum / (double)n;
}

/* Compares the second half of the last steps with the first half. */
static void check_plateau(struct rules *r)
{
    const struct rules_blocks *b = &r->blocks;
    if (b->in_sum != 0 || r->raised[RULE_DIVERGENCE]) /* which says it all */
        return;
    double steps = fmax(PLATEAU_STEPS, PLATEAU_SHARE * (double)(b->n * b->size));
    size_t half = (size_t)ceil(steps / 2 / (double)b->size);
    if (2 * half > b->n)
        return;
    double before = mean_of(b->mean + b->n - 2 * half, half), now = mean_of(b->mean + b->n - half, half);
    if (judge(&r->raised[RULE_PLATEAU], RULE_PLATEAU, now / before - 1))
        emit(r, RULE_PLATEAU, "", "the loss no longer falls: %.4g over the last %.0f steps, %.4g before", now,
             (double)(half * b->size), before);
}

static void check_loss(struct rules *r, double loss)
{
    size_t kept = r->n_losses < RULES_RECENT ? (size_t)r->n_losses : RULES_RECENT;
    if (kept >= SPIKE_LEAST) {
        double usual = median(r->loss, kept);
        if (judge(&r->raised[RULE_SPIKE], RULE_SPIKE, loss / usual))
            emit(r, RULE_SPIKE, "", "loss %.4g, the median of the last %zu was %.4g", loss, kept, usual);
    }
    r->loss[r->n_losses++ % RULES_RECENT] = loss;
    if (r->n_losses >= RULES_RECENT) {
        double mean = mean_of(r->loss, RULES_RECENT);
        r->lowest_mean = fmin(r->lowest_mean, mean);
        if (judge(&r->raised[RULE_DIVERGENCE], RULE_DIVERGENCE, mean / r->lowest_mean))
            emit(r, RULE_DIVERGENCE, "", "the loss rises: mean %.4g over %d steps, it was %.4g", mean,
                 RULES_RECENT, r->lowest_mean);
    }
    blocks_add(&r->blocks, loss);
    check_plateau(r);
}

/* ---- gradients and speed ---- */

static void check_gradient(struct rules *r, double norm)
{
    r->norm[r->n_norms++ % RULES_GRADIENTS] = norm;
    if (r->n_norms < 2 * RULES_GRADIENTS || r->n_norms % SHORT != 0) /* first steps differ, as a rule */
        return;
    double band[RULES_GRADIENTS];
    for (size_t i = 0; i < RULES_GRADIENTS; i++)
        band[i] = r->norm[(r->n_norms + i) % RULES_GRADIENTS];
    double now = median(band + RULES_GRADIENTS - SHORT, SHORT), usual = median(band, RULES_GRADIENTS - SHORT);
    if (judge(&r->raised[RULE_GRADIENT_HIGH], RULE_GRADIENT_HIGH, now / usual))
        emit(r, RULE_GRADIENT_HIGH, "", "gradient norm %.3g, usually %.3g", now, usual);
    if (judge(&r->raised[RULE_GRADIENT_LOW], RULE_GRADIENT_LOW, usual / now))
        emit(r, RULE_GRADIENT_LOW, "", "gradient norm %.3g, usually %.3g", now, usual);
}

static void check_speed(struct rules *r, double rate, double seconds)
{
    r->speed[r->n_speeds++ % SHORT] = rate;
    r->slow_s += seconds;
    if (r->n_speeds % SHORT != 0)
        return;
    double now = median(r->speed, SHORT);
    r->best_speed = fmax(r->best_speed, now);
    double measure = r->best_speed / now;
    bool slow = measure > alert_rules[RULE_THROUGHPUT].raise;
    if (slow && r->slow_s < SLOW_S)
        return;
    if (judge(&r->raised[RULE_THROUGHPUT], RULE_THROUGHPUT, measure))
        emit(r, RULE_THROUGHPUT, "", "%.0f tokens a second for %.0f s, there were %.0f", now, r->slow_s,
             r->best_speed);
    if (!slow)
        r->slow_s = 0;
}

void rules_new_level(struct rules *r)
{
    r->n_losses = r->n_norms = r->n_speeds = 0;
    r->lowest_mean = INFINITY;
    r->best_speed = r->slow_s = 0;
    r->blocks = (struct rules_blocks){.size = 8};
}

void rules_begin(struct rules *r, void (*raise)(void *arg, const struct alert *a), void *arg)
{
    *r = (struct rules){.raise = raise, .arg = arg, .disk_at = NAN};
    rules_new_level(r);
}

void rules_step(struct rules *r, const struct rules_step *s)
{
    r->step = s->step;
    if (!isfinite(s->loss) || !isfinite(s->grad_norm)) {
        r->finite = 0;
        if (judge(&r->raised[RULE_NAN], RULE_NAN, 1))
            emit(r, RULE_NAN, "", "the %s is not finite", isfinite(s->loss) ? "gradient" : "loss");
        return;
    }
    if (++r->finite >= RULES_RECENT)
        r->raised[RULE_NAN] = false;
    check_loss(r, s->loss);
    check_gradient(r, s->grad_norm);
    if (s->tokens_per_s > 0 && s->seconds >= 0)
        check_speed(r, s->tokens_per_s, s->seconds);
    if (s->gpu_memory_total > 0 &&
        judge(&r->raised[RULE_GPU_MEMORY], RULE_GPU_MEMORY, s->gpu_memory / s->gpu_memory_total))
        emit(r, RULE_GPU_MEMORY, "", "%.1f of the GPU's %.1f GB are in use", s->gpu_memory / 1e9,
             s->gpu_memory_total / 1e9);
}

/* ---- validation, and what surrounds the run ---- */

static struct rules_source *source_named(struct rules *r, const char *name)
{
    for (unsigned i = 0; i < r->n_sources; i++)
        if (strncmp(r->source[i].name, name, ALERT_SUBJECT - 1) == 0)
            return &r->source[i];
    if (r->n_sources == RULES_SOURCES)
        return NULL;
    struct rules_source *s = &r->source[r->n_sources++];
    *s = (struct rules_source){.lowest = INFINITY};
    snprintf(s->name, sizeof s->name, "%s", name);
    return s;
}

void rules_validation(struct rules *r, double step, const char *name, double bits)
{
    struct rules_source *s = isfinite(bits) ? source_named(r, name) : NULL;
    if (!s)
        return;
    r->step = step;
    s->lowest = fmin(s->lowest, bits);
    double measure = bits / s->lowest;
    s->risen = measure > alert_rules[RULE_VALIDATION].raise ? s->risen + 1 : 0;
    if (s->risen == 1) /* one may be chance */
        return;
    if (judge(&s->raised, RULE_VALIDATION, measure))
        emit(r, RULE_VALIDATION, s->name, "validation of %s rises: %.4g bits per byte, it was %.4g", s->name,
             bits, s->lowest);
}

void rules_memory(struct rules *r, double share)
{
    if (judge(&r->raised[RULE_MEMORY], RULE_MEMORY, share))
        emit(r, RULE_MEMORY, "", "%.0f %% of the memory is in use", 100 * share);
}

void rules_disk(struct rules *r, double now, double free_bytes, double checkpoint_bytes)
{
    double left = INFINITY;
    if (!(now - r->disk_at < DISK_APART_S)) { /* the first look, or a late one */
        double rate = (r->disk_free - free_bytes) / (now - r->disk_at);
        left = rate > 0 ? free_bytes / rate : INFINITY;
        r->disk_at = now;
        r->disk_free = free_bytes;
    } else if (r->raised[RULE_DISK])
        return;
    double measure = fmax(CHECKPOINTS_LEFT * checkpoint_bytes / fmax(free_bytes, 1), FULL_SOON_S / left);
    if (!judge(&r->raised[RULE_DISK], RULE_DISK, measure))
        return;
    if (left < FULL_SOON_S)
        emit(r, RULE_DISK, "", "the disk is full in %.0f minutes: %.1f GB are left", left / 60,
             free_bytes / 1e9);
    else
        emit(r, RULE_DISK, "", "%.1f MB are left on the disk, and a checkpoint takes %.1f MB",
             free_bytes / 1e6, checkpoint_bytes / 1e6);
}

void rules_idle(struct rules *r, const char *stage, int pid, double seconds)
{
    if (judge(&r->raised[RULE_STALL], RULE_STALL, seconds))
        emit(r, RULE_STALL, stage, "%s (process %d) has done nothing for %.0f s, and the run waits", stage,
             pid, seconds);
}

void rules_dead(struct rules *r, const char *stage, int pid)
{
    emit(r, RULE_DEAD, stage, "%s (process %d) is gone without having ended", stage, pid);
}
