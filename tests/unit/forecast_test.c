/*
 * forecast_test - the loss at the end of a run: of runs that follow the law, and of recorded ones
 *
 * tests/golden/losses/NAME.txt: steps, warm-up, decay, last rate over the peak, schedule, and how many steps
 * each of the numbers that follow is the mean loss of. docs/results/engine.md says what was trained.
 */
#include "pipeline/train/forecast.h"

#include <glob.h>
#include <math.h>
#include <string.h>

#include "tests/check.h"

/* The gain of a falling rate until step t, by its definition in forecast.h. */
static double fallen(const struct schedule *s, uint64_t t)
{
    double sum = 0, gain = 0;
    for (uint64_t k = t; k > schedule_warm_steps(s); k--) {
        double r = schedule_lr(s, k) / s->peak, fall = schedule_lr(s, k - 1) / s->peak - r;
        gain += fall * sum / (sum + 30 * r);
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
        losses_begin(&l, 0);
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

enum { MOST = 4096 };

struct curve {
    struct schedule s;
    uint64_t width;
    double loss[MOST];
    int n;
};

static void read_curve(struct curve *c, const char *path)
{
    char kind[16];
    unsigned long long steps, width;
    FILE *f = fopen(path, "r");
    CHECK(f, "%s", path);
    CHECK(fscanf(f, "%llu %lf %lf %lf %15s %llu", &steps, &c->s.warmup, &c->s.decay, &c->s.min_ratio, kind,
                 &width) == 6,
          "%s", path);
    c->s.kind = strcmp(kind, "wsd") == 0 ? SCHEDULE_WSD : SCHEDULE_CONSTANT;
    c->s.steps = steps;
    c->s.peak = 1;
    c->width = width;
    for (c->n = 0; c->n < MOST && fscanf(f, "%lf", &c->loss[c->n]) == 1; c->n++)
        ;
    CHECK((uint64_t)c->n == (steps + width - 1) / width, "%s: %d numbers", path, c->n);
    fclose(f);
}

static double end_of(const struct curve *c)
{
    double sum = 0, n = 0;
    for (int i = c->n * 97 / 100; i < c->n; i++) {
        sum += c->loss[i];
        n++;
    }
    return sum / n;
}

/* From half of each recorded run the loss at its end is known to 1 % on average; of 20 intervals about 19
 * have it in them. */
static void recorded(void)
{
    char pattern[512];
    glob_t found;
    double error = 0;
    size_t inside = 0;
    static struct curve c;
    snprintf(pattern, sizeof pattern, "%s/tests/golden/losses/*.txt", getenv("ROOT") ? getenv("ROOT") : ".");
    CHECK(glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc >= 9, "%s", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct losses l;
        struct forecast f;
        read_curve(&c, found.gl_pathv[i]);
        losses_begin(&l, 0);
        for (uint64_t t = 0; t < c.s.steps / 2; t++)
            losses_add(&l, c.loss[t / c.width]);
        CHECK(forecast_make(&l, &c.s, &c.s, &f), "%s", found.gl_pathv[i]);
        double end = end_of(&c);
        error += fabs(f.loss / end - 1) / (double)found.gl_pathc;
        inside += f.low < end && end < f.high;
        printf("%s: %.3f (%.3f to %.3f), was %.3f: %+.2f %%\n", strrchr(found.gl_pathv[i], '/') + 1, f.loss,
               f.low, f.high, end, 100 * (f.loss / end - 1));
    }
    printf("%.2f %% off on average, %zu of %zu within the interval\n", 100 * error, inside, found.gl_pathc);
    CHECK(error < 0.013, "%.2f %% off", 100 * error);
    CHECK(inside * 10 >= found.gl_pathc * 9, "%zu of %zu within the interval", inside, found.gl_pathc);
    globfree(&found);
}

int main(void)
{
    test_begin(30);
    lawful();
    recorded();
    return 0;
}
