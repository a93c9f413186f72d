/*
 * plan-cluster - what a training run takes on many GPUs: time, memory, network, cost
 */
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"
#include "tools/planner/plan.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *preset = "1b", *gpu_name = "h100", *net = "400G";
static uint64_t gpus = 8, per_node = 8, batch = 524288, row_tokens, vocab = 65536, micro;
static double tokens, price, efficiency;
static bool recompute, as_json, check;
static unsigned wire;

static const struct opt opts[] = {
    {'m', "model", OPT_STR, &preset, "NAME", "a preset of train (1b)"},
    {0, "vocab", OPT_U64, &vocab, "N", "size of the vocabulary (65536)"},
    {'T', "row", OPT_U64, &row_tokens, "N", "tokens a row (as the preset)"},
    {0, "batch", OPT_U64, &batch, "N", "tokens a step, of all GPUs (524288)"},
    {0, "micro-batch", OPT_U64, &micro, "ROWS", "rows at a time on a GPU (as many as fit, at most 64)"},
    {0, "recompute", OPT_FLAG, &recompute, NULL, "as in train: a third more products, less memory"},
    {0, "gpus", OPT_U64, &gpus, "N", "GPUs in all (8)"},
    {0, "gpu", OPT_STR, &gpu_name, "NAME", "a100-40, a100-80, h100 or h200 (h100)"},
    {0, "gpus-per-node", OPT_U64, &per_node, "N", "GPUs of a machine (8)"},
    {0, "net", OPT_STR, &net, "RATE",
     "what a machine sends to the others, in bits a second: 400G, 25G (400G)"},
    {0, "wire", OPT_WORD, &wire, "f32|bf16", "type of the numbers that are sent (f32)"},
    {0, "efficiency", OPT_SHARE, &efficiency, "SHARE",
     "of the GPU's peak that products reach, as tools/gpu-check measures it (by a formula)"},
    {0, "tokens", OPT_NUM, &tokens, "N", "say how long so many tokens take: 20e9"},
    {0, "price", OPT_NUM, &price, "X", "a GPU hour costs that much"},
    {0, "check", OPT_FLAG, &check, NULL, "set the formula beside published figures, and end"},
    {0, "json", OPT_FLAG, &as_json, NULL, "print JSON"},
    {0},
};

static const struct cli cli = {
    "plan-cluster",
    "what a training run takes on many GPUs: time, memory, network, cost",
    "tools/plan-cluster -m NAME --gpus N [options]",
    opts,
    "An estimate from a table of constants (tools/planner/plan.h), for data parallel training as train does "
    "it.\n"
    "None of it was measured with train itself; with --efficiency the part that matters most is yours.\n"
    "\n"
    "Examples:\n"
    "  tools/plan-cluster -m 1b --gpus 64 --net 400G --tokens 20e9 --price 2.5\n"
    "  tools/plan-cluster --check",
};

/* "400G": bits a second, in bytes. */
static double parse_rate(const char *s)
{
    static const char units[] = "KMGT";
    char *end;
    double x = strtod(s, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    double rate = x * (unit ? pow(1000, (double)(unit - units + 1)) : 1) / 8;
    if (!(rate >= 1) || !isfinite(rate) || (*end && (!unit || end[1])))
        usage_error("--net: '%s' is not a rate like 400G", s);
    return rate;
}

static void settle(struct plan_request *r)
{
    if (model_preset(preset, &r->model) != 0)
        usage_error("-m: no preset '%s'; there are: %s", preset, model_preset_names());
    r->gpu = gpu_find(gpu_name);
    if (!r->gpu)
        usage_error("--gpu: no '%s'; there are a100-40, a100-80, h100, h200", gpu_name);
    if (vocab < 1 || vocab > 1 << 24)
        usage_error("--vocab: %llu is not within 1 and %d", (unsigned long long)vocab, 1 << 24);
    if (gpus < 1 || gpus > 1 << 20 || per_node < 1 || micro > 1 << 16 || row_tokens > 1 << 20 ||
        batch > 1ull << 40 || !(tokens >= 0) || !(price >= 0) || (efficiency > 0 && efficiency < 1e-6))
        usage_error("a number is out of range");
    r->model.V = (int)vocab;
    r->row_tokens = row_tokens ? (int)row_tokens : model_preset_find(preset)->row_tokens;
    if (r->row_tokens > r->model.T)
        r->model.T = r->row_tokens;
    r->gpus = gpus;
    r->gpus_per_node = per_node;
    r->net = parse_rate(net);
    r->batch_tokens = batch;
    r->micro_rows = micro;
    r->wire_bytes = wire ? 2 : 4;
    r->recompute = recompute;
    r->efficiency = efficiency;
}

static void print_plan(const struct plan_request *r, const struct plan *p)
{
    double gb = 1e9, day = 86400, exposed = p->gradients - p->hidden + p->shared_weights;
    printf("model     %s, %.2fB weights, rows of %d tokens, %.2fM tokens a step\n", preset,
           (double)model_params(&r->model) / 1e9, r->row_tokens, (double)r->batch_tokens / 1e6);
    printf("GPUs      %llu %s, %llu a node, %.0f Gbit/s between nodes\n", (unsigned long long)r->gpus,
           r->gpu->name, (unsigned long long)r->gpus_per_node, r->net * 8 / 1e9);
    printf("memory    %.1f GB of %.0f a GPU: weights %.1f, gradient %.1f, optimizer %.1f, activations %.1f "
           "(%llu rows "
           "at a time)\n",
           p->memory / gb, r->gpu->memory / gb, p->weights / gb, p->gradient / gb, p->optimizer / gb,
           p->activations / gb, (unsigned long long)p->micro_rows);
    printf("step      %.3f s: products %.3f (%.0f %% of peak), update %.3f, waiting for the network %.3f\n",
           p->step, p->compute, 100 * p->efficiency, p->update, exposed);
    printf("network   gradients %.3f s, of which %.3f hidden behind the backward pass; weights %.3f s\n",
           p->gradients, p->hidden, p->shared_weights);
    printf("speed     %.0f tokens/s, %.2fB tokens a day\n", p->tokens_per_s, p->tokens_per_s * day / 1e9);
    if (tokens > 0)
        printf("run       %.3gB tokens: %.1f hours\n", tokens / 1e9, tokens / p->tokens_per_s / 3600);
    if (price > 0)
        printf("cost      %.2f a billion tokens%s", 1e9 / p->tokens_per_s / 3600 * (double)r->gpus * price,
               tokens > 0 ? "" : "\n");
    if (price > 0 && tokens > 0)
        printf(", %.0f in all\n", tokens / p->tokens_per_s / 3600 * (double)r->gpus * price);
}

static json_t *plan_to_json(const struct plan *p)
{
    return json_pack("{s:f, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "efficiency",
                     p->efficiency, "micro_rows", (json_int_t)p->micro_rows, "memory", p->memory,
                     "activations", p->activations, "compute_s", p->compute, "update_s", p->update,
                     "gradients_s", p->gradients, "weights_s", p->shared_weights, "hidden_s", p->hidden,
                     "step_s", p->step, "tokens_per_s", p->tokens_per_s, "tokens_per_day",
                     p->tokens_per_s * 86400);
}

static void print_json(json_t *o)
{
    if (!o || json_dumpf(o, stdout, JSON_INDENT(1)) != 0)
        die("out of memory");
    putchar('\n');
    json_decref(o);
}

static void check_figures(void)
{
    json_t *list = json_array();
    char err[512];
    const struct figure *f;
    if (!as_json)
        printf("%-27s %-8s %14s %14s %9s  %s\n", "run", "GPU", "published", "estimated", "ratio", "source");
    for (size_t i = 0; (f = figure_at(i)); i++) {
        struct plan_request r = f->request;
        struct plan p;
        r.gpu = gpu_find(f->gpu);
        if (plan_make(&p, &r, err, sizeof err) != 0)
            die("%s: %s", f->run, err);
        double ratio = p.tokens_per_s / f->tokens_per_s;
        json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:f, s:f, s:s}", "run", f->run, "gpu", f->gpu,
                                              "published", f->tokens_per_s, "estimated", p.tokens_per_s,
                                              "ratio", ratio, "source", f->source));
        if (!as_json)
            printf("%-27s %-8s %14.0f %14.0f %9.2f  %s\n", f->run, f->gpu, f->tokens_per_s, p.tokens_per_s,
                   ratio, f->source);
    }
    if (as_json)
        print_json(list);
    else
        json_decref(list);
}

int main(int argc, char **argv)
{
    struct plan_request r = {0};
    struct plan p;
    char err[512];
    if (cli_parse(&cli, argc, argv) != 0)
        usage_error("no operand is taken: '%s'", argv[0]);
    if (check) {
        check_figures();
        close_stdout();
        return 0;
    }
    settle(&r);
    if (plan_make(&p, &r, err, sizeof err) != 0)
        die("%s", err);
    if (as_json)
        print_json(plan_to_json(&p));
    else
        print_plan(&r, &p);
    close_stdout();
    return 0;
}
