/*
 * hybrid_report_test - costs to a loss, intervals and verdicts against cases worked out by hand
 */
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "pipeline/lib/fs.h"
#include "tests/check.h"
#include "tools/campaign/plot.h"
#include "tools/campaign/tables.h"

static bool near(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance;
}

static void interpolation(void)
{
    static const double cost[] = {100, 200, 400}, loss[] = {5, 4, 3};
    double at;
    CHECK(cost_to_loss(cost, loss, 3, 3.5, &at) == REACH_BETWEEN && near(at, 282.842712, 1e-5), "%g",
          at); /* sqrt(200 * 400) */
    CHECK(cost_to_loss(cost, loss, 3, 4.75, &at) == REACH_BETWEEN && near(at, 118.920711, 1e-5), "%g",
          at); /* 100 * 2^(1/4) */
    CHECK(cost_to_loss(cost, loss, 3, 3, &at) == REACH_BETWEEN && near(at, 400, 1e-9), "%g", at);
    CHECK(cost_to_loss(cost, loss, 3, 2.99, &at) == REACH_NEVER && isnan(at), "%g", at);
    CHECK(cost_to_loss(cost, loss, 3, 5, &at) == REACH_AT_MOST && at == 100, "%g", at);
    CHECK(cost_to_loss(cost, loss, 0, 5, &at) == REACH_NEVER, "no runs");
    static const double dip[] = {5, 3.5, 4.5}, failed[] = {5, INFINITY, 3};
    CHECK(cost_to_loss(cost, dip, 3, 4, &at) == REACH_BETWEEN && near(at, 158.740105, 1e-5), "%g",
          at); /* 100 * 2^(2/3) */
    CHECK(cost_to_loss(cost, failed, 3, 4, &at) == REACH_BETWEEN && at == 400, "%g", at);
}

static void intervals(void)
{
    static const double quantile[] = {12.7062, 4.30265, 3.18245, 2.77645, 2.57058}, x[] = {1, 2, 3},
                        r[] = {2, 8};
    for (size_t i = 0; i < 5; i++)
        CHECK(near(student_975(i + 1), quantile[i], i == 2 ? 0.02 : 0.006), "%zu: %g", i + 1,
              student_975(i + 1));
    CHECK(near(student_975(10), 2.22814, 1e-4) && near(student_975(1000), 1.96234, 1e-5),
          "quantiles of many");
    struct interval i = interval_of(x, 3); /* deviation 1: 4.30265 / sqrt(3) */
    CHECK(i.mean == 2 && near(i.high, 4.48414, 1e-4) && near(i.low, -0.48414, 1e-4), "%g %g %g", i.low,
          i.mean, i.high);
    i = interval_of_ratios(r, 2); /* logs' mean ln 4, half width 12.7062 * ln 2 */
    CHECK(near(i.mean, 4, 1e-9) && near(log(i.high / 4), 12.7062 * M_LN2, 1e-3), "%g %g", i.mean, i.high);
    i = interval_of(x, 1);
    CHECK(i.mean == 1 && isnan(i.low) && isnan(i.high), "one seed has no interval");
}

/* A run of two domains, weights 3 and 1: losses 4/3 (loss - bias) and so on, so that the weighted mean is
 * `loss`. */
static void put_run(const char *phase, const char *arm, double lr, unsigned steps, unsigned seed, double loss,
                    double wall)
{
    char *dir = xasprintf("c/runs/%s-%s-%g-%u-%u", phase, arm, lr, steps, seed),
         *done = path_join(dir, "done"), *metrics = path_join(dir, "metrics.jsonl");
    make_dirs(dir);
    FILE *f = fopen(done, "w");
    fprintf(f, "{\"phase\":\"%s\",\"arm\":\"%s\",\"lr\":%g,\"steps\":%u,\"seed\":%u,\"options\":\"\"}\n",
            phase, arm, lr, steps, seed);
    fprintf(f, "{\"failed\":%s,\"binary\":\"00\",\"machine\":\"none\",\"ended\":\"2000-01-01\"}\n",
            isinf(loss) ? "true" : "false");
    fclose(f);
    f = fopen(metrics, "w");
    fprintf(f,
            "{\"type\":\"step\",\"step\":%u,\"tokens\":%u,\"trained_s\":%g,\"cpu_s\":%g,\"stall_s\":0.5}\n",
            steps, steps * 10, wall, 2 * wall);
    for (int i = 0; i < 2 && isfinite(loss);
         i++) /* 3/4 (loss - .1) + 1/4 (loss + .3); 4 and 8 bytes a token */
        fprintf(f,
                "{\"type\":\"val\",\"step\":%u,\"name\":\"%s\",\"loss\":%.9g,\"bits_per_byte\":%.12g,"
                "\"tokens\":64,\"trained_s\":%g,\"cpu_s\":%g}\n",
                steps, i ? "b" : "a", i ? loss + 0.3 : loss - 0.1,
                (i ? (loss + 0.3) / 8 : (loss - 0.1) / 4) / M_LN2, wall, 2 * wall);
    fclose(f);
    free(dir);
    free(done);
    free(metrics);
}

static void put_campaign(void)
{
    make_dirs("c/runs/unfinished");
    FILE *f = fopen("c/settings.json", "w");
    fprintf(f, "{\"mix\":{\"a\":3,\"b\":1}}\n");
    fclose(f);
    /* base at 100, 200 steps: 5 and 4.0 / 4.2, so the target is 4.1; 10 s a 100 steps */
    put_run("main", "base", 1e-3, 100, 1, 5.0, 10);
    put_run("main", "base", 1e-3, 100, 2, 5.2, 10);
    put_run("main", "base", 1e-3, 200, 1, 4.0, 20);
    put_run("main", "base", 1e-3, 200, 2, 4.2, 20);
    /* half the steps of base to any loss; a step takes the same */
    put_run("main", "quick", 2e-3, 50, 1, 5.0, 5);
    put_run("main", "quick", 2e-3, 50, 2, 5.2, 5);
    put_run("main", "quick", 2e-3, 100, 1, 4.0, 10);
    put_run("main", "quick", 2e-3, 100, 2, 4.2, 10);
    put_run("main", "quick", 2e-3, 200, 1, 3.0, 20);
    put_run("main", "quick", 2e-3, 200, 2, 3.2, 20);
    put_run("main", "slow", 1e-3, 200, 1, 4.05,
            20); /* reaches 4.1 with one seed of two, at the smallest budget */
    put_run("main", "slow", 1e-3, 200, 2, 4.25, 20);
    put_run("main", "broken", 1, 200, 1, INFINITY, 3);
    put_run("sweep", "base", 1e-3, 100, 9, 5.0, 10);
    put_run("sweep", "base", 2e-3, 100, 9, 4.9, 10);
    put_run("sweep", "base", 4e-3, 100, 9, INFINITY, 10);
}

static const struct judged *arm(const struct verdict *v, const char *name)
{
    for (size_t i = 0; i < v->n; i++)
        if (strcmp(v->arms[i].arm, name) == 0)
            return &v->arms[i];
    CHECK(false, "no arm %s", name);
    return NULL;
}

static void verdicts(const struct campaign *c)
{
    struct verdict *v = judge(c, "base", 0);
    CHECK(v->full == 200 && near(v->target, 4.1, 1e-8), "%g", v->target);
    CHECK(near(v->bytes_per_token, 5, 1e-6), "3/4 of 4 and 1/4 of 8: %g", v->bytes_per_token);
    CHECK(near(v->tokens_per_step, 10, 1e-9), "%g", v->tokens_per_step);
    const struct judged *base = &v->arms[0], *quick = arm(v, "quick"), *slow = arm(v, "slow"),
                        *broken = arm(v, "broken");
    CHECK(base->baseline && near(base->mean.cost[COST_WALL], 20, 1e-9) &&
              base->mean.ratio[COST_WALL].mean == 1,
          "baseline");

    /* paired: each seed at 100 steps, exactly half. To 4.1: seed 1 at 100 / 2^(1/10), seed 2 at 100 *
     * 2^(1/10) */
    CHECK(near(quick->paired.ratio[COST_WALL].mean, 2, 1e-7) &&
              near(quick->paired.ratio[COST_WALL].high, 2, 1e-6),
          "paired");
    CHECK(near(quick->mean.cost[COST_STEPS], 100, 1e-4) && near(quick->mean.ratio[COST_CPU].mean, 2, 1e-6),
          "%g", quick->mean.cost[COST_STEPS]);
    CHECK(near(log(quick->mean.ratio[COST_WALL].high / 2), 12.7062 * M_LN2 / 10, 1e-4), "%g",
          quick->mean.ratio[COST_WALL].high);
    CHECK(near(quick->ahead.mean, 1, 1e-8) && quick->lr == 2e-3, "%g", quick->ahead.mean);

    CHECK(slow->mean.seeds == 2 && slow->mean.reached == 1 && slow->mean.at_most &&
              isnan(slow->mean.cost[COST_WALL]),
          "slow");
    CHECK(slow->paired.reached == 0 && near(slow->ahead.mean, -0.05, 1e-8), "slow, paired");
    CHECK(broken->mean.reached == 0 && broken->mean.seeds == 1, "broken");
    verdict_free(v);
}

static void written(const struct campaign *c)
{
    struct verdict *v = judge(c, "base", 0);
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    tables_write(f, c, v, "x.svg", NULL);
    fclose(f);
    CHECK(strstr(text, "| quick | 0.002 | 2 | 10.0 s |"), "%s", text);
    CHECK(strstr(text, "not reached (1 of 2 seeds did) | not reached | not reached | –"), "%s", text);
    CHECK(strstr(text, "| base | 0.002 | 100 | 9 | 4.9000 | **chosen** |"), "%s", text);
    CHECK(strstr(text, "| base | 0.004 | 100 | 9 | failed |"), "%s", text);
    free(text);
    f = open_memstream(&text, &n);
    plot_write(f, c, v);
    fclose(f);
    size_t circles = 0;
    for (const char *p = text; (p = strstr(p, "<circle")); p++)
        circles++;
    CHECK(circles == 6, "a marker an arm and budget that did not fail: %zu", circles);
    CHECK(!strstr(text, "nan") && !strstr(text, "inf\""), "%s", text);
    free(text);
    verdict_free(v);
}

int main(void)
{
    bool edge;
    test_begin(60);
    interpolation();
    intervals();
    put_campaign();
    struct campaign *c = campaign_read("c");
    CHECK(c->n_runs == 16 && c->n_arms == 4 && c->n_budgets == 3 && c->n_seeds == 2, "%zu runs", c->n_runs);
    CHECK(campaign_best_lr(c, "base", &edge) == 2e-3 && !edge, "best rate");
    CHECK(isnan(campaign_best_lr(c, "quick", &edge)), "no sweep");
    verdicts(c);
    written(c);
    campaign_free(c);
    return 0;
}
