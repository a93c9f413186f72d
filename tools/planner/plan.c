#include "tools/planner/plan.h"

#include "pipeline/model/transformer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double half_width = 608, usable_rate = 0.8, usable_memory = 0.94;
enum { MOST_ROWS = 64 };

static const struct gpu gpus[] = {
    {"a100-40", 312e12, 0.71, 40e9, 1.55e12, 300e9},
    {"a100-80", 312e12, 0.71, 80e9, 2.0e12, 300e9},
    {"h100", 989e12, 0.50, 80e9, 3.35e12, 450e9},
    {"h200", 989e12, 0.50, 141e9, 4.8e12, 450e9},
};

const struct gpu *gpu_at(size_t i)
{
    return i < sizeof gpus / sizeof *gpus ? &gpus[i] : NULL;
}

const struct gpu *gpu_find(const char *name)
{
    for (size_t i = 0; i < sizeof gpus / sizeof *gpus; i++)
        if (strcmp(gpus[i].name, name) == 0)
            return &gpus[i];
    return NULL;
}

/* With bf16 there is a working copy of the weights beside those in f32. AdamW's state is shared out (ZeRO-1).
 */
static double memory_of(struct plan *p, const struct plan_request *r, uint64_t micro)
{
    double n = (double)model_params(&r->model);
    enum activations_mode mode = r->recompute ? ACT_RECOMPUTE : ACT_TRAIN;
    p->weights = 6 * n;
    p->gradient = 4 * n;
    p->optimizer = 8 * n / (double)r->gpus;
    p->activations =
        (double)activations_bytes(ops_cpu(), &r->model, DTYPE_BF16, (int)micro, r->row_tokens, mode);
    return p->memory = p->weights + p->gradient + p->optimizer + p->activations;
}

static int choose_micro(struct plan *p, const struct plan_request *r, uint64_t rows, char *err, size_t cap)
{
    double room = r->gpu->memory * usable_memory;
    uint64_t most = r->micro_rows ? r->micro_rows : rows < MOST_ROWS ? rows : MOST_ROWS;
    for (p->micro_rows = most; p->micro_rows > 0; p->micro_rows--)
        if (r->any_memory || (rows % p->micro_rows == 0 && memory_of(p, r, p->micro_rows) <= room))
            return 0;
        else if (r->micro_rows)
            break;
    memory_of(p, r, r->micro_rows ? r->micro_rows : 1);
    snprintf(
        err, cap,
        "%s: a GPU needs %.1f GB of %.1f (weights %.1f, gradient %.1f, optimizer %.1f, activations %.1f)%s",
        r->gpu->name, p->memory / 1e9, room / 1e9, p->weights / 1e9, p->gradient / 1e9, p->optimizer / 1e9,
        p->activations / 1e9, r->recompute ? "" : "; --recompute takes less");
    p->micro_rows = 0;
    return -1;
}

/* Seconds in which `bytes` on every GPU are summed and shared out, or shared out to all. */
static double once_round(const struct plan_request *r, double bytes)
{
    double n = (double)r->gpus, nodes = ceil(n / (double)r->gpus_per_node);
    double in_node = fmin(n, (double)r->gpus_per_node);
    double seconds = bytes * (in_node - 1) / in_node / (usable_rate * r->gpu->link);
    return nodes > 1 ? seconds + bytes * (nodes - 1) / nodes / (usable_rate * r->net) : seconds;
}

int plan_make(struct plan *p, const struct plan_request *r, char *err, size_t cap)
{
    const struct gpu *g = r->gpu;
    double n = (double)model_params(&r->model), width = r->model.C;
    uint64_t rows = r->batch_tokens / ((uint64_t)r->row_tokens * r->gpus);
    *p = (struct plan){.efficiency =
                           r->efficiency > 0 ? r->efficiency : g->limit * width / (width + half_width)};
    if (rows == 0) {
        snprintf(err, cap, "a step of %llu tokens has less than a row of %d for each of %llu GPUs",
                 (unsigned long long)r->batch_tokens, r->row_tokens, (unsigned long long)r->gpus);
        return -1;
    }
    if (choose_micro(p, r, rows, err, cap) != 0)
        return -1;
    double tokens = (double)(rows * (uint64_t)r->row_tokens);
    double flops = model_flops_per_token(&r->model, r->row_tokens);
    double products = tokens * flops / (g->peak * p->efficiency),
           micro_share = (double)p->micro_rows / (double)rows;
    p->compute = products * (r->recompute ? 4.0 / 3 : 1);
    p->update = (2 * 4 * n + 28 * n / (double)r->gpus) / g->memory_rate;
    if (r->gpus > 1) {
        p->gradients = once_round(r, n * (double)r->wire_bytes);
        p->shared_weights = p->gradients;
    }
    p->hidden = fmin(p->gradients, p->compute * 2 / 3 * micro_share);
    p->step = p->compute + p->update + p->gradients - p->hidden + p->shared_weights;
    p->tokens_per_s = tokens * (double)r->gpus / p->step;
    return 0;
}
