#include "pipeline/train/update.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/trace.h"
#include "pipeline/train/state.h"

#include <stdlib.h>

static const uint32_t NO_PART = UINT32_MAX;

/* A layer is done: the trace shows it, and what is complete of the last part's gradient is on its way. */
static void reached(void *trainer, enum pass_point point, int layer)
{
    struct trainer *t = trainer;
    if (point == PASS_FORWARD)
        trace_span(TRACE_COMPUTE, t->pass_from, "forward", "forward %d", layer);
    else if (point == PASS_BACKWARD && layer == t->w.depth)
        trace_span(TRACE_COMPUTE, t->pass_from, "loss", "loss");
    else if (point == PASS_BACKWARD && layer >= 0)
        trace_span(TRACE_COMPUTE, t->pass_from, "backward", "backward %d", layer);
    else if (point == PASS_BACKWARD)
        trace_span(TRACE_COMPUTE, t->pass_from, "backward", "backward embedding");
    if (point == PASS_BACKWARD)
        parallel_ready(&t->parallel, pass_complete(&t->w, layer));
    t->pass_from = trace_now();
}

void update_watch(struct trainer *t)
{
    if (t->ops->host_memory)
        activations_watch(t->act, (struct pass_watch){reached, t});
}

/* The gradient of some rows of the record, micro-batch by micro-batch, without waiting. scale: of each
 * token's loss in the loss. part: the last one, whose sums go to other ranks meanwhile; NO_PART: another. */
static void accumulate(struct trainer *t, uint32_t first, uint32_t rows, float *grad, float scale,
                       uint32_t part)
{
    uint32_t T = t->h->T, end = first + rows, micro = (uint32_t)t->micro;
    for (uint32_t at = first; at < end; at += micro) {
        uint32_t n = end - at < micro ? end - at : micro;
        if (part != NO_PART && at + n == end)
            parallel_open(&t->parallel, part);
        model_submit(&t->w, t->act, t->tokens + (size_t)at * (T + 1), (int)n, (int)T, t->doc_eos,
                     t->loss + (size_t)at * T, grad, scale, at > first);
    }
}

/* The gradient of the mean loss over the rows: on each rank of its parts, then the sum of all. */
static void gradient(struct trainer *t, uint32_t first, uint32_t rows)
{
    struct parallel *p = &t->parallel;
    uint32_t part, end;
    parallel_begin(p, rows, &part, &end);
    if (t->cfg->sync_every > 0) { /* the own rows alone */
        uint32_t from = parallel_first_row(p->leaves, part, rows),
                 to = parallel_first_row(p->leaves, end, rows);
        accumulate(t, first + from, to - from, t->grad, 1.0f / ((float)(to - from) * (float)t->h->T),
                   NO_PART);
        return;
    }
    float scale = 1.0f / ((float)rows * (float)t->h->T);
    for (; part < end; part++) {
        bool last = part + 1 == end;
        uint32_t from = parallel_first_row(p->leaves, part, rows),
                 to = parallel_first_row(p->leaves, part + 1, rows);
        accumulate(t, first + from, to - from, parallel_next(p), scale, last ? part : NO_PART);
        if (!last)
            parallel_add(p, part);
    }
    parallel_reduce(p);
}

void update_row_loss(struct trainer *t, uint32_t first, uint32_t rows)
{
    uint32_t T = t->h->T;
    for (uint32_t r = first; r < first + rows; r++) {
        double row = 0;
        for (uint32_t i = 0; i < T; i++)
            row += (double)t->loss[(size_t)r * T + i];
        t->row_loss[r] = row / T;
    }
}

/* The losses of the rows of an update go from each rank to all. */
static void share_row_loss(struct trainer *t, uint32_t first, uint32_t rows)
{
    const struct cluster *c = t->cluster;
    size_t *at = t->row_border;
    for (int r = 0; r < c->size; r++) {
        uint32_t leaves = tree_leaves(t->parallel.parts, rows), part, end;
        tree_share(leaves, r, c->size, &part, &end);
        uint32_t from = parallel_first_row(leaves, part, rows), to = parallel_first_row(leaves, end, rows);
        at[r] = from * sizeof(double);
        at[r + 1] = to * sizeof(double);
        if (r == c->rank)
            update_row_loss(t, first + from, to - from);
    }
    cluster_gather_begin(t->cluster, t->row_loss + first, at);
}

static double mean_loss(const struct trainer *t, uint32_t first, uint32_t rows)
{
    double sum = 0;
    for (uint32_t r = first; r < first + rows; r++)
        sum += t->row_loss[r];
    return sum / rows;
}

/* Ranks that train apart have a gradient each; the largest norm stands for all in what they decide. */
static void share_norm(struct trainer *t)
{
    t->rank_norm[t->cluster->rank] = optim_grad_norm(&t->w, t->grad);
    cluster_gather_begin(t->cluster, t->rank_norm, t->rank_border);
}

static double worst_norm(const struct trainer *t)
{
    double worst = 0;
    for (int r = 0; r < t->cluster->size; r++)
        worst = t->rank_norm[r] <= worst ? worst : t->rank_norm[r]; /* a NaN as well */
    return worst;
}

/* Norm and loss of an update. This is its one wait for the device: all losses are there as well. */
static void measure(struct trainer *t, uint32_t first, uint32_t rows, double *norm, double *loss)
{
    if (t->cfg->sync_every > 0)
        share_norm(t);
    else if (parallel_is_plain(&t->parallel))
        *norm = optim_grad_norm(&t->w, t->grad);
    else
        parallel_norm_begin(&t->parallel);
    state_check_device(t, t->step + 1);
    share_row_loss(t, first, rows);
    cluster_wait(t->cluster);
    if (t->cfg->sync_every > 0)
        *norm = worst_norm(t);
    else if (!parallel_is_plain(&t->parallel))
        *norm = parallel_norm_end(&t->parallel);
    *loss = mean_loss(t, first, rows);
}

void update_weights(struct trainer *t, uint32_t first, uint32_t rows, struct step_report *r)
{
    double share = (double)rows / t->h->B;
    gradient(t, first, rows);
    double norm = 0, loss, before = trace_now();
    measure(t, first, rows, &norm, &loss);
    trace_span(TRACE_COMPUTE, before, "norm", "norm and loss");
    enum verdict verdict = guard_judge(&t->guard, loss, norm, t->cfg->spike_sigma);
    bool learnt = verdict == STEP_OK || (verdict == STEP_SPIKE && !t->cfg->skip_spikes);
    if (learnt) { /* may go on while the next record is read */
        bool apart = t->cfg->sync_every > 0;
        double from = trace_now();
        optim_step(&t->opt, &t->w, t->grad, apart ? t->rank_norm[t->cluster->rank] : norm, r->lr, share);
        trace_span(TRACE_COMPUTE, from, "optimizer", "optimizer");
        if (!apart)
            parallel_spread(&t->parallel, &t->w);
    }
    r->loss += loss * share;
    r->grad_norm += norm * share;
    r->learnt = r->learnt && learnt;
    if (r->verdict == STEP_OK || r->verdict == STEP_SPIKE) /* the worst of its updates */
        r->verdict = verdict == STEP_OK ? r->verdict : verdict;
}
