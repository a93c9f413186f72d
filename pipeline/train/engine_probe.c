/*
 * engine_probe.c - the loss of the averaged weights, moved or not, on fixed rows of training text
 *
 * The rows are taken once, from a step's batch before it is trained on. Validation text is never looked at.
 */
#include "pipeline/train/engine_parts.h"

#include <math.h>
#include <string.h>

static uint64_t rows_wanted(const struct engine *e)
{
    double rows = e->c->probe_tokens > 0 ? ceil(e->c->probe_tokens / e->host.T) : ceil(e->host.B / 8.0);
    return rows < 1 ? 1 : rows > e->host.B ? (uint64_t)e->host.B : (uint64_t)rows;
}

void probe_choose_rows(struct engine *e)
{
    size_t row = (size_t)e->host.T + 1;
    e->n->probe_rows = rows_wanted(e);
    for (uint64_t i = 0; i < e->n->probe_rows; i++)
        memcpy(e->rows + i * row, e->host.tokens + i * (uint64_t)e->host.B / e->n->probe_rows * row,
               row * sizeof *e->rows);
}

double probe_cost(const struct engine *e)
{
    return (double)e->n->probe_rows / (3.0 * e->host.B);
}

static size_t chunk_tokens(const struct engine *e)
{
    size_t tokens = e->n->probe_rows * (size_t)e->host.T, n = (tokens + ENGINE_CHUNKS - 1) / ENGINE_CHUNKS;
    return n < ENGINE_CHUNK_TOKENS ? ENGINE_CHUNK_TOKENS : n;
}

int probe_chunks(const struct engine *e)
{
    size_t tokens = e->n->probe_rows * (size_t)e->host.T;
    return (int)((tokens + chunk_tokens(e) - 1) / chunk_tokens(e));
}

static void forward(struct engine *e, const struct weights *at, struct probe *out)
{
    size_t T = (size_t)e->host.T, rows = e->n->probe_rows, per = chunk_tokens(e), total = rows * T;
    memset(out, 0, sizeof *out);
    for (size_t first = 0; first < rows; first += (size_t)e->host.micro) {
        size_t n = rows - first < (size_t)e->host.micro ? rows - first : (size_t)e->host.micro;
        model_run(at, e->host.act, e->rows + first * (T + 1), (int)n, e->host.T, e->host.doc_eos,
                  e->host.loss, NULL, 0);
        for (size_t i = 0; i < n * T; i++) {
            out->chunk[(first * T + i) / per] += (double)e->host.loss[i];
            out->mean += (double)e->host.loss[i] / (double)total;
        }
    }
    for (size_t i = 0; i * per < total; i++)
        out->chunk[i] /= (double)(total - i * per < per ? total - i * per : per);
}

void probe_run(struct engine *e, hybrid_coef coef, struct probe *out)
{
    struct weights at = *e->host.w;
    static hybrid_coef none;
    at.theta = e->host.grad;
    if (at.work == e->host.w->theta) /* f32: the products read the master weights */
        at.work = at.theta;
    engine_move(e, at.theta, at.work, e->mean, coef ? coef : none, 1);
    forward(e, &at, out);
    weights_publish(e->host.w);
    e->n->probes++;
}

void probe_pair(const struct engine *e, const struct probe *a, const struct probe *b, double *mean,
                double *se)
{
    int n = probe_chunks(e);
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += b->chunk[i] - a->chunk[i];
    for (int i = 0; i < n; i++) {
        double off = b->chunk[i] - a->chunk[i] - sum / n;
        squares += off * off;
    }
    *mean = b->mean - a->mean;
    *se = n > 1 ? sqrt(squares / (n - 1) / n) : INFINITY;
}
