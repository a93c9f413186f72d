/* Alerts: runs that are well raise nothing, and each trouble that is planted into one raises its own alert
 * once. */
#include "pipeline/alerts/alertlog.h"
#include "pipeline/alerts/peers.h"
#include "pipeline/alerts/rules.h"
#include "tests/check.h"
#include "tests/random.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { MAX_ALERTS = 64, PLANTED_AT = 2000, STEPS = 4000, VAL_EVERY = 100 };

static struct alert got[MAX_ALERTS];
static unsigned n_got;

static void keep(void *arg, const struct alert *a)
{
    (void)arg;
    CHECK(n_got < MAX_ALERTS, "too many alerts: %s", a->text);
    got[n_got++] = *a;
}

/* ---- a run that is well ---- */

static uint64_t state;

static double uniform(void)
{
    return (random_uniform(&state) + 1 + 0x1p-53) / 2;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static struct rules_step well(uint64_t step)
{
    double t = (double)step;
    return (struct rules_step){.step = t,
                               .loss = (1.8 + 7 / sqrt(1 + t / 30)) * (1 + 0.03 * normal()),
                               .grad_norm = (0.3 + 4 / (1 + t / 20)) * exp(0.3 * normal()),
                               .tokens_per_s = 5000 * (1 + 0.1 * normal()),
                               .seconds = 1,
                               .gpu_memory = NAN,
                               .gpu_memory_total = NAN};
}

static double well_bits(uint64_t step)
{
    return (1.1 + 2 / sqrt(1 + (double)step / 30)) * (1 + 0.002 * normal());
}

/* Runs through so many steps; spoil may change each, NULL: none is. */
static void run(struct rules *r, uint64_t seed, uint64_t steps, void (*spoil)(struct rules_step *s))
{
    n_got = 0;
    state = seed;
    rules_begin(r, keep, NULL);
    for (uint64_t i = 1; i <= steps; i++) {
        struct rules_step s = well(i);
        if (spoil && i > PLANTED_AT)
            spoil(&s);
        rules_step(r, &s);
        if (i % VAL_EVERY == 0)
            rules_validation(r, (double)i, "language", well_bits(i));
    }
}

static void plant_short_wait(struct rules_step *s);

static void runs_that_are_well_raise_nothing(void)
{
    static struct rules r;
    static const uint64_t steps[] = {100, 1000, 2500, 5000, 10000, 20000};
    for (uint64_t seed = 0; seed < 24; seed++) {
        run(&r, seed, steps[seed % 6], NULL);
        CHECK(n_got == 0, "seed %d: %s", (int)seed, got[0].text);
        rules_memory(&r, 0.7);
        for (int i = 0; i < 100; i++)
            rules_disk(&r, 60 * i, 500e9 - 1e7 * i, 5e9);
        rules_idle(&r, "mix", 1, 20);
        CHECK(n_got == 0, "seed %d: %s", (int)seed, got[0].text);
    }
    run(&r, 0, STEPS, plant_short_wait);
    CHECK(n_got == 0, "%s", got[0].text);
}

/* A run that grows jumps in its loss and slows down for good. */
static void growth_is_no_trouble(void)
{
    static struct rules r;
    n_got = 0;
    state = 5;
    rules_begin(&r, keep, NULL);
    for (uint64_t i = 1; i <= STEPS; i++) {
        struct rules_step s = well(i);
        if (i == PLANTED_AT)
            rules_new_level(&r);
        if (i >= PLANTED_AT) {
            s.tokens_per_s /= 3;
            s.loss *= 1.3;
            s.grad_norm *= 10;
        }
        rules_step(&r, &s);
    }
    CHECK(n_got == 0, "%s", got[0].text);
}

/* ---- planted troubles ---- */

static void plant_nan(struct rules_step *s)
{
    if (s->step < PLANTED_AT + 5)
        s->loss = NAN;
}
static void plant_nan_gradient(struct rules_step *s)
{
    if (s->step < PLANTED_AT + 5)
        s->grad_norm = INFINITY;
}
static void plant_spike(struct rules_step *s)
{
    if (s->step == PLANTED_AT + 3)
        s->loss *= 2.2;
}
static void plant_divergence(struct rules_step *s)
{
    s->loss *= fmin(1 + 0.005 * (s->step - PLANTED_AT), 1.6);
}
static void plant_plateau(struct rules_step *s)
{
    s->loss = 2.6 + 0.02 * normal();
}
static void plant_high(struct rules_step *s)
{
    if (s->step < PLANTED_AT + 100)
        s->grad_norm *= 20;
}
static void plant_low(struct rules_step *s)
{
    if (s->step < PLANTED_AT + 100)
        s->grad_norm /= 20;
}
static void plant_slow(struct rules_step *s)
{
    s->tokens_per_s /= 2;
    s->seconds *= 2;
}
static void plant_short_wait(struct rules_step *s) /* 40 s */
{
    if (s->step <= PLANTED_AT + 20)
        plant_slow(s);
}
static void plant_gpu_memory(struct rules_step *s)
{
    s->gpu_memory = 76e9;
    s->gpu_memory_total = 80e9;
}

static void each_trouble_raises_its_alert_once(void)
{
    static struct rules r;
    static const struct {
        void (*spoil)(struct rules_step *s);
        enum rule rule;
        uint64_t within; /* so many steps after it was planted */
    } cases[] = {
        {plant_nan, RULE_NAN, 1},
        {plant_nan_gradient, RULE_NAN, 1},
        {plant_spike, RULE_SPIKE, 3},
        {plant_divergence, RULE_DIVERGENCE, 500},
        {plant_plateau, RULE_PLATEAU, 1500},
        {plant_high, RULE_GRADIENT_HIGH, 32},
        {plant_low, RULE_GRADIENT_LOW, 32},
        {plant_slow, RULE_THROUGHPUT, 80},
        {plant_gpu_memory, RULE_GPU_MEMORY, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = alert_rules[cases[i].rule].name;
        run(&r, i, STEPS, cases[i].spoil);
        CHECK(n_got == 1, "%s: %u alerts, the first: %s, the last: %s", name, n_got, got[0].text,
              n_got ? got[n_got - 1].text : "");
        CHECK(got[0].rule == cases[i].rule, "%s: %s", name, got[0].text);
        CHECK(got[0].step > PLANTED_AT && got[0].step <= (double)(PLANTED_AT + cases[i].within),
              "%s: at step %g", name, got[0].step);
    }
}

/* A cause that was gone for a while and comes again is another occasion. */
static void a_trouble_that_comes_again_is_told_again(void)
{
    static struct rules r;
    run(&r, 3, 500, NULL);
    for (uint64_t i = 501; i <= 800; i++) {
        struct rules_step s = well(i);
        if (i == 550 || i == 551 || i == 700)
            s.loss *= 3;
        rules_step(&r, &s);
    }
    CHECK(n_got == 2 && got[0].step == 550 && got[1].step == 700, "%u alerts", n_got);
}

static void a_rising_domain_is_named(void)
{
    static struct rules r;
    run(&r, 1, 500, NULL);
    for (int i = 0; i < 6; i++) {
        rules_validation(&r, 600 + 100 * i, "code", i == 2 ? 1.5 : 1.2); /* one bad one may be chance */
        rules_validation(&r, 600 + 100 * i, "language", 1.6 + 0.05 * i);
        rules_validation(&r, 600 + 100 * i, "broken", NAN);
    }
    CHECK(n_got == 1 && got[0].rule == RULE_VALIDATION && strcmp(got[0].subject, "language") == 0,
          "%u alerts: %s", n_got, got[0].text);
    CHECK(got[0].step == 800, "at %g", got[0].step); /* 1.65 and 1.7 over 1.6 */
}

static void surroundings_are_judged(void)
{
    static struct rules r;
    run(&r, 1, 100, NULL);
    rules_memory(&r, NAN);
    rules_memory(&r, 0.93);
    rules_memory(&r, 0.87); /* not clear yet */
    rules_memory(&r, 0.93);
    CHECK(n_got == 1 && got[0].rule == RULE_MEMORY, "%u alerts", n_got);
    rules_memory(&r, 0.5);
    rules_memory(&r, 0.93);
    CHECK(n_got == 2, "%u alerts", n_got);

    n_got = 0;
    rules_disk(&r, 0, 9e9, 5e9); /* room for one checkpoint, not for two */
    CHECK(n_got == 1 && got[0].rule == RULE_DISK, "%u alerts", n_got);
    rules_begin(&r, keep, NULL);
    n_got = 0;
    for (int minute = 0; minute < 60; minute++) /* 4 GB a minute: in 25 minutes 100 GB are gone */
        rules_disk(&r, 60 * minute, 300e9 - 4e9 * minute, 1e9);
    CHECK(n_got == 1 && strstr(got[0].text, "full in"), "%u alerts: %s", n_got, got[0].text);

    n_got = 0;
    for (int s = 0; s < 200; s++)
        rules_idle(&r, "mix", 77, s);
    CHECK(n_got == 1 && got[0].rule == RULE_STALL && strstr(got[0].text, "mix (process 77)"), "%s",
          got[0].text);
    rules_idle(&r, "mix", 77, 0);
    rules_idle(&r, "mix", 77, 61);
    CHECK(n_got == 2, "%u alerts", n_got);
    rules_dead(&r, "mix", 77);
    CHECK(n_got == 3 && got[2].rule == RULE_DEAD, "%u alerts", n_got);
}

/* ---- stages beside the trainer ---- */

/* Starts a process with a page of its own, as a stage has it; its counter stands still. */
static pid_t start_stage(const char *name, double fill)
{
    int ready[2];
    char byte;
    CHECK(pipe(ready) == 0, "pipe");
    pid_t parent = getpid(), pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        struct stats *s;
        end_with_test(parent);
        if (stats_create(&s, name, "") != 0)
            _exit(1);
        stats_begin(s);
        stats_set(s, stats_add(s, "tokens", "tokens", STATS_COUNTER), 5);
        stats_set(s, stats_add(s, "ring_fill", "bytes", STATS_GAUGE), fill);
        stats_set(s, stats_add(s, "ring_capacity", "bytes", STATS_GAUGE), 100);
        stats_end(s);
        CHECK(write(ready[1], "x", 1) == 1, "write");
        for (;;)
            pause();
    }
    CHECK(read(ready[0], &byte, 1) == 1, "the stage did not begin");
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end_stage(pid_t pid)
{
    char file[STATS_FILE];
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    snprintf(file, sizeof file, "tritter-stats-%lu-%ld", (unsigned long)geteuid(), (long)pid);
    stats_remove_dead(file);
}

/* mix has filled its ring and waits; shard does nothing, and the trainer neither. */
static void an_idle_stage_is_found_and_a_dead_one(void)
{
    static struct peers p;
    double idle;
    pid_t mix = start_stage("mix", 95), shard = start_stage("shard", 0), train = start_stage("train", 0);
    p.trainer = train;
    for (int s = 1000; s <= 1100; s += 10)
        peers_look(&p, s);
    const struct peer *q = peers_idle(&p, 1100, &idle);
    CHECK(q && q->pid == shard && idle == 100, "%s, %g s", q ? q->stage : "none", idle);
    CHECK(!peers_next_dead(&p), "nobody died");
    kill(shard, SIGKILL);
    waitpid(shard, NULL, 0);
    peers_look(&p, 1101);
    q = peers_next_dead(&p);
    CHECK(q && q->pid == shard && strcmp(q->stage, "shard") == 0, "the dead stage");
    CHECK(!peers_next_dead(&p), "it is told once");
    peers_look(&p, 1102);
    CHECK(!peers_next_dead(&p), "it is told once");
    q = peers_idle(&p, 1102, &idle);
    CHECK(q && q->pid == train, "mix waits for its reader: the trainer is to blame");
    end_stage(shard);
    end_stage(mix);
    end_stage(train);
    p.trainer = 0;
    peers_look(&p, 1103);
    CHECK(!peers_idle(&p, 1103, &idle), "without a trainer nobody waits");
}

/* A stage that works is not idle, nor is one of another process group ours. */
static void who_works_is_not_idle(void)
{
    static struct peers p;
    double idle;
    struct stats *s;
    CHECK(stats_create(&s, "train", "") == 0, "no page");
    int tokens = stats_add(s, "tokens", "tokens", STATS_COUNTER);
    pid_t other = start_stage("mix", 0);
    p.trainer = getpid();
    CHECK(setpgid(other, other) == 0, "setpgid");
    for (int second = 1; second <= 100; second++) {
        stats_begin(s);
        stats_set(s, tokens, second);
        stats_end(s);
        peers_look(&p, second);
    }
    const struct peer *q = peers_idle(&p, 100, &idle);
    CHECK(q && idle == 0, "%g s", idle);
    CHECK(p.n == 1 && p.v[0].pid == getpid(), "%d peers", p.n);
    end_stage(other);
    stats_close(s);
}

/* ---- alerts.jsonl ---- */

static void the_file_keeps_each_alert_once_and_who_saw_it(void)
{
    static struct alertlog l, other;
    struct alert a = {.rule = RULE_SPIKE, .step = 7, .text = "a \033[31mtext"};
    mkdir("run", 0755);
    alertlog_open(&l, "run");
    alertlog_open(&other, "run");
    CHECK(l.n == 0 && alertlog_acknowledge(&l) == 0, "an empty file");
    CHECK(alertlog_add(&l, &a, "/run") == 0 && alertlog_add(&other, &a, "/run") == 0 && l.n == 1, "added");
    a.step = 8;
    CHECK(alertlog_add(&other, &a, "/run") == 0, "added");
    FILE *f = fopen("run/alerts.jsonl", "a"); /* a line that a crash has cut, which nobody ends */
    CHECK(f && fputs("{\"type\":\"al", f) > 0 && fclose(f) == 0, "cut");
    a.rule = RULE_PLATEAU;
    CHECK(alertlog_add(&other, &a, "/run") == 0, "added");
    alertlog_poll(&l);
    CHECK(l.n == 3 && other.n == 3, "%d and %d alerts", (int)l.n, (int)other.n);
    CHECK(alertlog_unseen(&l, ALERT_INFO) == 3 && alertlog_unseen(&l, ALERT_WARNING) == 2, "severities");
    CHECK(alertlog_acknowledge(&other) == 3, "acknowledged");
    alertlog_poll(&l);
    CHECK(alertlog_unseen(&l, ALERT_INFO) == 0 && alertlog_acknowledge(&l) == 0, "seen by all");
    alertlog_close(&l);
    alertlog_open(&l, "run");
    CHECK(l.n == 3 && alertlog_unseen(&l, ALERT_INFO) == 0 && l.v[0].step == 7, "read again");
    CHECK(alertlog_add(&l, &a, "/run") == 0 && l.n == 3, "an id that is there");
    alertlog_close(&l);
    alertlog_close(&other);
}

int main(void)
{
    test_begin(60);
    runs_that_are_well_raise_nothing();
    growth_is_no_trouble();
    each_trouble_raises_its_alert_once();
    a_trouble_that_comes_again_is_told_again();
    a_rising_domain_is_named();
    surroundings_are_judged();
    an_idle_stage_is_found_and_a_dead_one();
    who_works_is_not_idle();
    the_file_keeps_each_alert_once_and_who_saw_it();
    return 0;
}
