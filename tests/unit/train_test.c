/*
 * train_test - the parts of `train`: schedule, guard, optimizer, checkpoint directories, logs; and that they
 * learn together
 *
 * What takes a whole process (resume, signals, kill -9, full disk) is in tests/cli/train_*.sh.
 */
#include "tests/train/train.h"

#include "pipeline/lib/log.h"
#include "pipeline/train/config.h"
#include "pipeline/train/guard.h"
#include "pipeline/train/memory.h"
#include "pipeline/train/schedule.h"
#include "pipeline/train/settings.h"
#include "pipeline/train/state_json.h"

#include <math.h>
#include <string.h>

static char err[1024];

static void schedules(void)
{
    struct schedule s = {SCHEDULE_WSD, 1000, 2e-3, 0.01, 0.19, 0.1};
    CHECK(near(schedule_lr(&s, 0), 2e-4, 1e-12) && near(schedule_lr(&s, 4), 1e-3, 1e-12));
    CHECK(schedule_lr(&s, 9) == 2e-3 && schedule_lr(&s, 500) == 2e-3 && schedule_lr(&s, 809) == 2e-3);
    CHECK(schedule_lr(&s, 810) < 2e-3 && schedule_lr(&s, 810) > 1.99e-3);
    CHECK(near(schedule_lr(&s, 904), 2e-3 * (0.1 + 0.9 * 0.5 * (1 + cos(M_PI * 95 / 190))), 1e-12));
    CHECK(near(schedule_lr(&s, 999), 2e-4, 1e-9) && schedule_lr(&s, 5000) == schedule_lr(&s, 999));
    for (uint64_t i = 811; i < 1000; i++)
        CHECK(schedule_lr(&s, i) < schedule_lr(&s, i - 1), "step %llu", (unsigned long long)i);
    s.kind = SCHEDULE_COSINE;
    CHECK(schedule_lr(&s, 9) == 2e-3 && near(schedule_lr(&s, 999), 2e-4, 1e-9));
    CHECK(near(schedule_lr(&s, 504), 2e-3 * (0.1 + 0.9 * 0.5), 1e-2));
    s.kind = SCHEDULE_CONSTANT;
    CHECK(schedule_lr(&s, 9) == 2e-3 && schedule_lr(&s, 999) == 2e-3);
    s = (struct schedule){SCHEDULE_WSD, 1, 1, 0.01, 0.19, 0.1};
    CHECK(schedule_lr(&s, 0) == 1);
    s = (struct schedule){SCHEDULE_WSD, 1000, 2e-3, 0.01, 0.19, 0.1};
    CHECK(!schedule_stable(&s, 9) && schedule_stable(&s, 10) && schedule_stable(&s, 809) &&
          !schedule_stable(&s, 810));
    s.kind = SCHEDULE_COSINE;
    CHECK(schedule_stable(&s, 10) && schedule_stable(&s, 300) && !schedule_stable(&s, 400) &&
          !schedule_stable(&s, 999));
    /* a quarter of the way down is done at a third of the time: 1 - 0.25 * 0.9 = 0.1 + 0.45 * (1 + cos(pi /
     * 3)) */
    CHECK(schedule_stable(&s, 10 + 328) && !schedule_stable(&s, 10 + 331));
    s.kind = SCHEDULE_CONSTANT;
    CHECK(!schedule_stable(&s, 9) && schedule_stable(&s, 999));
    /* shares of steps are rounded to the nearest step, halves up; a warm-up has one step at least */
    static const struct {
        uint64_t steps;
        double warmup;
        uint64_t want;
    } rounded[] = {{149, 0.01, 1},     {150, 0.01, 2},     {240, 0.01, 2}, {250, 0.01, 3},
                   {1000, 0.0104, 10}, {1000, 0.0106, 11}, {10, 0, 1},     {10, 1, 10}};
    for (size_t i = 0; i < sizeof rounded / sizeof *rounded; i++) {
        s = (struct schedule){SCHEDULE_CONSTANT, rounded[i].steps, 1, rounded[i].warmup, 0, 0};
        uint64_t n = schedule_warm_steps(&s), want = rounded[i].want;
        CHECK(n == want, "%g of %llu steps: %llu", rounded[i].warmup, (unsigned long long)rounded[i].steps,
              (unsigned long long)n);
        CHECK(schedule_lr(&s, n - 1) == 1 && (n == 1 || schedule_lr(&s, n - 2) < 1));
    }
    /* the decay as well: 0.25 of 10 steps are 3 */
    s = (struct schedule){SCHEDULE_WSD, 10, 1, 0, 0.25, 0.5};
    CHECK(schedule_lr(&s, 6) == 1 && schedule_lr(&s, 7) < 1 && near(schedule_lr(&s, 9), 0.5, 1e-12));
    s.decay = 0;
    CHECK(schedule_lr(&s, 9) == 1, "no decay was asked for");
}

static void guards(void)
{
    struct guard g = {0};
    CHECK(guard_judge(&g, NAN, 1, 6) == STEP_BAD_LOSS &&
          guard_judge(&g, 1, INFINITY, 6) == STEP_BAD_GRADIENT);
    CHECK(g.bad == 2 && g.bad_in_a_row == 2 && g.n == 0);
    CHECK(guard_judge(&g, 1e9, 1, 6) == STEP_OK && g.bad_in_a_row == 0); /* nothing to compare with yet */
    g = (struct guard){0};
    for (int i = 0; i < GUARD_WINDOW; i++)
        CHECK(guard_judge(&g, 3 + 0.1 * (i % 3), 1, 6) == STEP_OK);
    CHECK(guard_judge(&g, 3.4, 1, 6) == STEP_OK);
    CHECK(guard_judge(&g, 4, 1, 6) == STEP_SPIKE && guard_judge(&g, 3.1, 1, 6) == STEP_OK && g.spikes == 1);
    int flagged = 0;
    for (int i = 0; i < 40; i++) /* a new level is no spike for ever */
        flagged += guard_judge(&g, 9, 1, 6) == STEP_SPIKE;
    CHECK(flagged == GUARD_PATIENCE, "%d", flagged);
}

struct model_config tiny_model(void)
{
    struct model_config c = {.L = 2,
                             .C = 32,
                             .H = 2,
                             .Hkv = 1,
                             .D = 16,
                             .F = 48,
                             .T = 16,
                             .V = 61,
                             .tied = true,
                             .eps = 1e-6f,
                             .rope_theta = 1e4};
    return c;
}

void open_model(struct weights *w, struct device **dev, enum dtype act)
{
    struct model_config c = tiny_model();
    *dev = ops_cpu()->open(act, 1, err, sizeof err);
    CHECK(*dev, "%s", err);
    CHECK(weights_alloc(w, ops_cpu(), *dev, act, &c, err, sizeof err) == 0, "%s", err);
    weights_init(w, 3);
}

static void growth(void)
{
    struct growth g;
    struct model_config shallow = tiny_model(), deep = shallow;
    CHECK(growth_parse(&g, "off", 6, 100, 40, err, sizeof err) == 0 && growth_depth(&g, 0) == 6);
    CHECK(growth_parse(&g, "1@0,3@15,6@37.5%", 6, 100, 40, err, sizeof err) == 0, "%s", err);
    CHECK(growth_depth(&g, 0) == 1 && growth_depth(&g, 14) == 1 && growth_depth(&g, 15) == 3 &&
          growth_depth(&g, 37) == 3 && growth_depth(&g, 38) == 6 && growth_depth(&g, 1000) == 6);
    CHECK(growth_parse(&g, "auto", 6, 1000, 40, err, sizeof err) == 0 && growth_depth(&g, 749) == 1 &&
          growth_depth(&g, 750) == 6);
    CHECK(growth_parse(&g, "auto", 1, 100, 40, err, sizeof err) == 0 && growth_depth(&g, 0) == 1);
    shallow.L = 1;
    deep.L = 6;
    CHECK(growth_parse(&g, "1@0,6@60", 6, 100, 40, err, sizeof err) == 0);
    CHECK(near(growth_flops(&g, &deep, 16, 50, 100),
               10 * model_flops_per_token(&shallow, 16) + 40 * model_flops_per_token(&deep, 16), 1e-12));
    static const char *const wrong[] = {"",     "1",        "1@",       "@0",         "0@0,6@50", "1@0,6@50,",
                                        "6@0x", "1@0;6@50", "1@-1,6@9", "1@0,6@101%", "1@0, 6@9"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(growth_parse(&g, wrong[i], 6, 100, 1, err, sizeof err) == -1 && strstr(err, "is not LAYERS"),
              "'%s': %s", wrong[i], err);
}

static size_t told;

static size_t tell_memory(struct device *dev, size_t *total)
{
    (void)dev;
    return *total = told;
}

/* Rows at a time of a device with that much memory, of a state of that size. */
static struct memory_plan plan_with(size_t memory, uint64_t state, uint64_t micro)
{
    struct ops o = *ops_cpu();
    struct model_config c = tiny_model();
    const struct batch_header h = {.B = 64, .T = 16, .token_width = 2};
    struct memory_plan p;
    o.memory = tell_memory;
    told = memory;
    struct device *dev = o.open(DTYPE_F32, 1, err, sizeof err);
    memory_plan_make(
        &p,
        &(struct memory_request){
            .ops = &o, .dev = dev, .model = &c, .h = &h, .optimizer = state, .rows = h.B, .micro = micro});
    o.close(dev);
    return p;
}

/* A GPU keeps a reserve for memory that nobody counts: 512 MB, and 2 % of a large one. */
static void reserve(void)
{
    int level = log_level;
    log_level = 0;
    size_t need = plan_with((size_t)1 << 40, 1 << 20, 8).device, left = need + (512 << 20);
    CHECK(plan_with(left, 1 << 20, 0).micro == 8 && plan_with(left - 1, 1 << 20, 0).micro == 4,
          "a small one");
    need = plan_with((size_t)1 << 40, (size_t)98000000000, 8).device;
    left = need / 49 * 50 + 100;
    CHECK(plan_with(left, (size_t)98000000000, 0).micro == 8 &&
              plan_with(left - 200, (size_t)98000000000, 0).micro == 4,
          "a large one");
    log_level = level;
}

/* A run that was begun before batches could be split goes on as it was begun; a new one is split. */
static void older_runs(void)
{
    char *argv[] = {"train", "-o", "run", "--resume", NULL};
    struct train_config *c = config_parse(4, argv);
    json_t *stored = json_pack("{sssIss}", "model", "nano", "steps", (json_int_t)10, "dtype", "bf16");
    config_resolve(c, stored, NULL);
    CHECK(c->steps == 10 && c->dtype == COMPUTE_BF16 && c->updates == 1, "%d updates", (int)c->updates);
    json_decref(stored);
    c = config_parse(4, argv);
    c->steps = 10;
    config_resolve(c, NULL, NULL);
    CHECK(c->updates == 0, "%d updates", (int)c->updates);
}

/* Each row of the option table is sound: a default within its range, as many words as its enum has values,
 * and a help text. What is stored of a run comes back as it was. */
static void option_table(void)
{
    char *argv[] = {"train", "-o",         "run",    "-t",       "tok.json", "--steps",
                    "10",    "--schedule", "cosine", "--finish", "auto",     NULL};
    settings_options(); /* which counts the words */
    struct train_config *c = config_parse(11, argv);
    CHECK(c->schedule == SCHEDULE_COSINE && c->finish == FINISH_AUTO);
    config_resolve(c, NULL, NULL);
    CHECK(c->lr == model_preset_find("nano")->lr && c->context == 256 && c->warmup == 0.1);
    json_t *stored = config_to_json(c);
    int rows = 0;
    for (const struct setting *s = NULL; (s = settings_next(s)); rows++) {
        CHECK(s->help[0] && s->name[0]);
        CHECK(isnan(s->initial) || (s->initial >= s->least && s->initial <= s->most), "--%s", s->name);
        json_t *before = json_object_get(stored, s->name), *after;
        CHECK(before != NULL, "--%s", s->name);
        setting_unset(s);
        CHECK(setting_from_json(s, before) == 0, "--%s", s->name);
        after = setting_to_json(s);
        CHECK(json_equal(before, after), "--%s", s->name);
        json_decref(after);
        after = json_string("no such word");
        CHECK(s->type == OPT_STR || setting_from_json(s, after) == -1, "--%s", s->name);
        json_decref(after);
    }
    CHECK(rows + 1 == (int)json_object_size(stored), "%d rows", rows); /* val is kept as well */
    json_decref(stored);
}

/* A correction that no run can have begun, as a state.json of others may claim, is none. */
static void corrections(void)
{
    static const struct {
        json_int_t correction, from, steps;
        enum correction read;
    } cases[] = {{CORRECTION_ON, 60, 120, CORRECTION_ON},
                 {CORRECTION_OVER, 119, 120, CORRECTION_OVER},
                 {CORRECTION_OVER, 121, 120, CORRECTION_AHEAD},
                 {CORRECTION_ON, -1, 120, CORRECTION_AHEAD},
                 {7, 60, 120, CORRECTION_AHEAD}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct choice c;
        json_t *state = json_pack("{s{sIsIsI}}", "choice", "correction", cases[i].correction, "from",
                                  cases[i].from, "steps", cases[i].steps);
        state_choice_from_json(&c, state);
        CHECK(c.correction == cases[i].read, "case %zu: %d", i, (int)c.correction);
        json_decref(state);
    }
}

int main(void)
{
    test_begin(120);
    option_table();
    older_runs();
    corrections();
    schedules();
    guards();
    optimizer();
    partial_updates();
    growing();
    holding(true, ACT_TRAIN);
    holding(false, ACT_RECOMPUTE);
    growth();
    group_rates();
    muon();
    muon_of(20, 30);
    muon_of(30, 20);
    muon_of(16, 64);
    muon_of(64, 16);
    lookaheads();
    grouping();
    finished(DTYPE_F32);
    finished(DTYPE_BF16);
    reserve();
    overfits(DTYPE_F32);
    overfits(DTYPE_BF16);
    checkpoints();
    damage();
    pieces();
    strangers();
    logs();
    run_directory();
    return 0;
}
