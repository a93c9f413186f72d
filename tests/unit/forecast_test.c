/*
 * forecast_test - the loss at the end of a run: of runs that follow the law, and of recorded ones; and what
 * is learned from runs that all miss the law in the same way
 */
#include "pipeline/train/outlook.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

/* The gain of a falling rate until step t, by its definition in forecast.h. */
static double fallen(const struct schedule *s, uint64_t t)
{
    double sum = 0, gain = 0;
    for (uint64_t k = t; k > schedule_warm_steps(s); k--) {
        double r = schedule_lr(s, k) / s->peak, fall = schedule_lr(s, k - 1) / s->peak - r;
        gain += fall * sum / (sum + 100 * r);
        sum += r;
    }
    return gain;
}

/* Losses that follow the law are forecast from half of the run, at a constant rate and with a decay, blocks
 * being joined on the way; the interval has the truth in it. */
static void lawful(void)
{
    static const enum schedule_kind kinds[] = {SCHEDULE_WSD, SCHEDULE_CONSTANT};
    for (int k = 0; k < 2; k++) {
        const struct schedule s = {kinds[k], 3000, 2e-3, 0.01, 0.3, 0.02};
        struct losses l;
        struct forecast f;
        double sum = 0, truth = 0;
        losses_begin(&l, 0, 1e-3);
        CHECK(!forecast_make(&l, &s, &s, &f));
        for (uint64_t t = 0; t < s.steps; t++) {
            sum += schedule_lr(&s, t) / s.peak;
            double law = 1.8 + 1.8 * pow(sum / 3000, -0.4) - 0.5 * fallen(&s, t);
            truth += t >= s.steps * 97 / 100 ? law / 90 : 0;
            if (t < s.steps / 2)
                losses_add(&l, t == 700 ? NAN : law + 0.1 * sin((double)(t * t % 1009)));
        }
        CHECK(l.width == 8 && l.n == 1500, "%d", (int)l.width);
        CHECK(forecast_make(&l, &s, &s, &f) && fabs(f.loss / truth - 1) < 0.02, "%g, want %g", f.loss, truth);
        CHECK(f.low < truth && truth < f.high && f.high - f.low < 0.2 * truth, "%g to %g, want %g", f.low,
              f.high, truth);
    }
}

/* From half of each recorded run the loss at its end is known; of 20 intervals about 19 have it in them. */
static void recorded(void)
{
    struct recorded *runs;
    size_t n = recorded_runs(&runs), inside = 0, kin = 0;
    double error = 0;
    CHECK(n >= 25, "%zu runs", n);
    for (size_t i = 0; i < n; i++) {
        const struct recorded *r = &runs[i];
        struct forecast f;
        struct losses l = recorded_losses(r, r->schedule.steps / 2);
        CHECK(forecast_make(&l, &r->schedule, &r->schedule, &f), "%s", r->name);
        error += fabs(f.loss / r->end - 1) / (double)n;
        inside += f.low < r->end && r->end < f.high;
        printf("%s: %.3f (%.3f to %.3f), was %.3f: %+.2f %%\n", r->name, f.loss, f.low, f.high, r->end,
               100 * (f.loss / r->end - 1));
        for (size_t k = 0; k < n; k++)
            kin += recorded_kin(r, &runs[k]);
    }
    printf("%.2f %% off on average, %zu of %zu within the interval\n", 100 * error, inside, n);
    CHECK(kin > n && kin < 2 * n, "%zu of %zu pairs are kin", kin, n * n);
    CHECK(error < 0.016, "%.2f %% off", 100 * error);
    CHECK(inside * 10 >= n * 9, "%zu of %zu within the interval", inside, n);
    recorded_free(runs, n);
}

enum { RUNS = 10, STEPS = 600 };

/* Runs that gain from a falling rate twice what the law takes for granted, each with another exponent. */
static void make_runs(struct recorded *runs, double loss[RUNS][STEPS])
{
    for (int i = 0; i < RUNS; i++) {
        struct recorded *r = &runs[i];
        *r = (struct recorded){
            .schedule = {SCHEDULE_WSD, STEPS, 1, 0.02, 0.3, 0.02}, .width = 1, .n = STEPS, .loss = loss[i]};
        double sum = 0;
        for (uint64_t t = 0; t < STEPS; t++) {
            sum += schedule_lr(&r->schedule, t);
            loss[i][t] = 1.5 + 2 * pow(sum / STEPS + 0.01, -0.3 - 0.01 * i) - 0.9 * fallen(&r->schedule, t) +
                         0.03 * sin((double)((t + 100 * (uint64_t)i) * t % 1009));
            r->end += t >= STEPS * 97 / 100 ? loss[i][t] / 18 : 0;
        }
    }
}

/* What all of them miss is learned from nine and known of the tenth; from none, the law is left as it is; and
 * equal calls say the same. */
static void learned(void)
{
    static struct recorded runs[RUNS];
    static double loss[RUNS][STEPS];
    struct outlook_forecast f, again;
    struct forecast law;
    make_runs(runs, loss);
    const struct recorded *last = &runs[RUNS - 1];
    struct losses l = recorded_losses(last, STEPS / 2);
    CHECK(forecast_make(&l, &last->schedule, &last->schedule, &law));
    double without = fabs(law.loss / last->end - 1);
    CHECK(without > 0.03, "the law is only %g off", without);
    for (int parts = 0; parts < 4; parts++) {
        struct outlook *none = outlook_new(runs, 0, NULL, parts), *o = outlook_new(runs, RUNS, last, parts);
        CHECK(outlook_make(none, &l, &last->schedule, &f) && f.point == 6 && f.ahead == OUTLOOK_AHEAD);
        CHECK(fabs(f.end.loss - law.loss) < 1e-9, "%g, the law says %g", f.end.loss, law.loss);
        CHECK(outlook_make(o, &l, &last->schedule, &f) && outlook_make(o, &l, &last->schedule, &again));
        double with = fabs(f.end.loss / last->end - 1);
        printf("parts %d: off by %.2f %%, law %.2f %%\n", parts, 100 * with, 100 * without);
        CHECK(parts == OUTLOOK_LAW ? with == without : with < 0.5 * without, "parts %d: %g, law %g", parts,
              with, without);
        CHECK(memcmp(&f, &again, sizeof f) == 0, "the same losses, another forecast");
        for (int i = 0; i < f.ahead; i++)
            CHECK(fabs(f.at[i] / outlook_met(last, f.point + 1 + i) - 1) < 0.03);
        outlook_free(none);
        outlook_free(o);
    }
}

int main(void)
{
    test_begin(30);
    lawful();
    recorded();
    learned();
    return 0;
}
