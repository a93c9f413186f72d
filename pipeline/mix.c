/*
 * mix - draw training batches from sharded sources, by weight
 *
 * in:  directories of shards (formats/shard.md)
 * out: batches (formats/batch.md), one record a step
 *
 * Row r = step * B + i of the stream is a window of a source. mix/shares.h chooses the source and mix/order.h
 * the window, from the sources, their weights, the seed and r alone. So a stream can begin at any step and
 * continue exactly.
 */

#include "pipeline/stream/batchstream.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/counters.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/mix/mix.h"

#include <inttypes.h>

static const char *output = "-";
static struct mix mix = {.T = 256, .B = 32, .steps = MIX_NEVER};
static bool as_json;

static const struct opt opts[] = {
    {'T', "context", OPT_U64, &mix.T, "N",
     "tokens a row; each row carries one more, for the last target (default 256)"},
    {'B', "batch", OPT_U64, &mix.B, "N", "rows a step (default 32)"},
    {0, "seed", OPT_U64, &mix.seed, "N", "seed of the order (default 0)"},
    {0, "steps", OPT_U64, &mix.steps, "N", "end before step N (default: never)"},
    {0, "start-step", OPT_U64, &mix.start_step, "N",
     "begin at step N, as if the steps before had been drawn (default 0)"},
    {0, "number-from", OPT_U64, &mix.number_from, "N",
     "number the steps N, N+1, ...: the stream goes on where one over other\n"
     "shards ended (default 0)"},
    {0, "max-epochs", OPT_U64, &mix.max_epochs, "N",
     "read no source more than N times (default: warn above 4)"},
    {'o', "output", OPT_STR, &output, "TO", "batches: - (stdout, the default), a path, or ring:NAME"},
    {0, "dry-run", OPT_FLAG, &mix.dry_run, NULL,
     "print what would be drawn from each source, check the blocks of tokens that\n"
     "would be read, and end as the stream would: with 1 where one is damaged\n"
     "(0.3 s of processor time a gigabyte)"},
    {0, "json", OPT_FLAG, &as_json, NULL, "with --dry-run: print it as JSON"},
    SANDBOX_OPTION(&output),
    {0},
};

static const char notes[] =
    "WEIGHT is a decimal number; weights are relative, and count tokens. After every row each source is less "
    "than\n"
    "one row away from its exact share.\n"
    "\n"
    "A row is T+1 neighbouring tokens of a source (windows overlap by that one token, documents are "
    "separated by\n"
    "end-of-text). A source's windows come in a random order, each once, before any comes again; of a source "
    "above\n"
    "64 MiB, those of some stretches at a time, from anywhere in it. What a step holds\n"
    "depends only on the sources, weights, T, B, the seed and the step's number: to continue a run, give the "
    "same\n"
    "command and --start-step. --steps is the number of the step to end before, so it stays as it was.\n"
    "\n"
    "With --steps, a source that would be read more than --max-epochs times is an error before anything is "
    "written;\n"
    "without, the stream ends whole before the step that would do so.\n"
    "\n"
    "Examples:\n"
    "  mix language=40:tokens/language code=25:tokens/code -T 256 -B 32 --seed 7 --steps 400 --dry-run\n"
    "  mix language=40:tokens/language code=25:tokens/code -T 256 -B 32 --seed 7 --steps 400 | train -m nano "
    "...\n"
    "\n"
    "Exit: 0 done, or the reader of the ring wanted no more; 1 failed; 2 misuse; 128+n stopped by signal n, "
    "after a\n"
    "whole record.";

static const struct cli cli = {"mix", "draw training batches from sharded sources, by weight",
                               "mix NAME=WEIGHT:DIR ... [-T N] [-B N] [--seed N] [--steps N] [-o TO]", opts,
                               notes};

enum { SHOWN = 16 }; /* sources whose counters there is room for */

/* Publishes what is asked of each source, and what came. */
static void publish_sources(const struct mix *m)
{
    static struct counter target[SHOWN], rows[SHOWN], epochs[SHOWN];
    for (size_t i = 0; i < m->n && i < SHOWN; i++) {
        const struct shares_source *s = &m->shares.s[i];
        if (!target[i].name) {
            target[i] = (struct counter)GAUGE(xasprintf("target %s", m->s[i].name), "%");
            rows[i] = (struct counter)COUNTER(xasprintf("rows %s", m->s[i].name), "rows");
            epochs[i] = (struct counter)GAUGE(xasprintf("epochs %s", m->s[i].name), "epochs");
        }
        counter_set(&target[i], 100 * (double)s->weight / (double)m->shares.total);
        counter_set(&rows[i], (double)s->drawn);
        counter_set(&epochs[i], mix_epochs(m, i, s->drawn));
    }
}

/* Publishes counters for monitors. */
static void publish(const struct mix *m, uint64_t done, double stall)
{
    static struct counter step = GAUGE("step", "steps"), tokens = COUNTER("tokens", "tokens"),
                          waited = COUNTER("stall_out", "s");
    counters_begin();
    counter_set(&step, (double)done);
    counter_set(&tokens, (double)((done - m->start_step) * m->B * m->T));
    counter_set(&waited, stall);
    publish_sources(m);
    counters_end();
}

static int stream(struct mix *m)
{
    mix_check_repeats(m);
    struct batch_writer *w = batch_writer_open(output, &m->header);
    uint64_t step = m->start_step;
    shares_seek(&m->shares, m->start_step * m->B);
    bool whole = true;
    for (; step < m->steps && mix_plan_step(m); step++) {
        void *record = batch_writer_claim(w);
        if (!record) {
            whole = false;
            break;
        }
        mix_fill_step(m, record);
        batch_writer_commit(w, m->number_from + step);
        publish(m, step + 1, batch_writer_stall_seconds(w));
        progress("mixed", step + 1 - m->start_step, m->steps == MIX_NEVER ? 0 : m->steps - m->start_step,
                 "steps", NULL);
    }
    progress_end();
    detail("%" PRIu64 " steps, waited %.1f s for the reader", step - m->start_step,
           batch_writer_stall_seconds(w));
    batch_writer_close(w, whole);
    return stop_signal ? signal_exit_code() : 0;
}

static int dry_run(struct mix *m)
{
    mix_print(m, as_json);
    mix_check_repeats(m); /* after it was shown why */
    return mix_check_blocks(m) ? 0 : signal_exit_code();
}

static void check_options(int n)
{
    if (n == 0)
        usage_error("a source is needed: NAME=WEIGHT:DIR");
    if (mix.T == 0 || mix.T > BATCH_MAX_T || mix.B == 0 || mix.B > BATCH_MAX_B)
        usage_error("-T is 1 to %d and -B 1 to %d", BATCH_MAX_T, BATCH_MAX_B);
    if ((mix.steps != MIX_NEVER && mix.steps > MIX_MAX_STEPS) || mix.start_step > MIX_MAX_STEPS ||
        mix.number_from > MIX_MAX_STEPS || mix.max_epochs > 1ull << 32)
        usage_error("--steps, --start-step, --number-from or --max-epochs is too large");
    if (as_json && !mix.dry_run)
        usage_error("--json is of --dry-run");
}

int main(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    check_options(n);
    signals_install();
    mix_open(&mix, argv, n);
    int code = mix.dry_run ? dry_run(&mix) : stream(&mix);
    mix_close(&mix);
    return code;
}
