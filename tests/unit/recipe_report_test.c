/*
 * recipe_report_test - times to a loss, intervals and verdicts against cases worked out by hand
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

/* A run of two domains with weights 3 and 1, whose weighted mean is `bits`. */
static void put_run(const char *arm, unsigned budget, unsigned seed, double bits, double cpu)
{
    char *dir = xasprintf("c/runs/%s-b%u-s%u", arm, budget, seed), *done = path_join(dir, "done"),
         *eval = path_join(dir, "eval.json");
    make_dirs(dir);
    FILE *f = fopen(done, "w");
    fprintf(
        f,
        "{\"arm\":\"%s\",\"budget\":%u,\"seed\":%u,\"options\":\"--of %s\",\"steps\":7,\"tokens\":1000000,"
        "\"wall_s\":%g,\"cpu_s\":%g,\"failed\":%s,\"binary\":\"00\",\"machine\":\"none\",\"ended\":\"2000-01-"
        "01\"}\n",
        arm, budget, seed, arm, 2 * cpu, cpu, isinf(bits) ? "true" : "false");
    fclose(f);
    f = fopen(eval, "w");
    fprintf(f, "{\"data\":{\"a\":{\"bits_per_byte\":%.9g},\"b\":{\"bits_per_byte\":%.9g}}}\n", bits - 0.1,
            bits + 0.3);
    fclose(f);
    free(dir);
    free(done);
    free(eval);
}

static void put_campaign(void)
{
    make_dirs("c/runs/unfinished");
    FILE *f = fopen("c/settings.json", "w");
    fprintf(f, "{\"mix\":{\"a\":3,\"b\":1}}\n");
    fclose(f);
    put_run("base", 100, 1, 5.0, 100);
    put_run("base", 100, 2, 5.2, 100);
    put_run("base", 200, 1, 4.0, 200);
    put_run("base", 200, 2, 4.2, 200);
    /* half of the time of base to any figure */
    put_run("quick", 50, 1, 5.0, 50);
    put_run("quick", 50, 2, 5.2, 50);
    put_run("quick", 100, 1, 4.0, 100);
    put_run("quick", 100, 2, 4.2, 100);
    put_run("quick", 200, 1, 3.0, 200);
    put_run("quick", 200, 2, 3.4, 200);
    /* as low as base with one seed of two, at its smallest budget */
    put_run("slow", 200, 1, 3.95, 200);
    put_run("slow", 200, 2, 4.25, 200);
    put_run("broken", 200, 1, INFINITY, 3);
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
    const struct judged *quick = arm(v, "quick"), *slow = arm(v, "slow"), *broken = arm(v, "broken");
    CHECK(v->arms[0].baseline && !quick->baseline, "the baseline comes first");
    CHECK(quick->seeds == 2 && quick->reached == 2 && !quick->at_most, "quick");
    CHECK(near(quick->ratio.mean, 2, 1e-7) && near(quick->ratio.low, 2, 1e-6), "%g", quick->ratio.mean);
    CHECK(slow->seeds == 2 && slow->reached == 1 && slow->at_most && isnan(slow->ratio.mean), "slow");
    CHECK(broken->seeds == 1 && broken->reached == 0, "broken");
    /* 1.0 and 0.8 */
    struct interval below = judge_below(c, "base", "quick", 200);
    CHECK(below.n == 2 && near(below.mean, 0.9, 1e-8) && near(below.high, 0.9 + 12.7062 * 0.1, 1e-3), "%g %g",
          below.mean, below.high);
    verdict_free(v);
    v = judge(c, "base", 100);
    CHECK(near(v->target, 5.1, 1e-8) && near(arm(v, "quick")->ratio.mean, 2, 1e-7) &&
              arm(v, "quick")->at_most,
          "the smallest budget is enough");
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
    CHECK(strstr(text, "| quick | 2 | 1.00 | 50 | 100 | 20000 | **5.100** ± 1.271 | "
                       "5.000 ± 1.271 | 5.400 ± 1.271 | – |"),
          "%s", text);
    CHECK(strstr(text, "| +0.900 [-0.371, +2.171] |"), "%s", text);
    CHECK(strstr(text, "| broken | 1 | 1.00 | 3 | 6 | 333333 | failed | failed | failed | – |"), "%s", text);
    CHECK(strstr(text, "| quick | 2 | 2.00 [2.00, 2.00] |"), "%s", text);
    CHECK(strstr(text, "| slow | 2 | not reached (1 of 2 seeds did) |"), "%s", text);
    CHECK(strstr(text, "- quick: `--of quick`\n"), "%s", text);
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
    test_begin(60);
    interpolation();
    intervals();
    put_campaign();
    struct campaign *c = campaign_read("c");
    CHECK(c->n_runs == 13 && c->n_arms == 4 && c->n_budgets == 3 && c->n_seeds == 2, "%zu runs", c->n_runs);
    verdicts(c);
    written(c);
    campaign_free(c);
    return 0;
}
