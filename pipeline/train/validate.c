#include "pipeline/train/validate.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND_TOKENS = 1 << 16 }; /* of a rank, between two exchanges */

static void open_source(struct val_source *s, const char *word, const struct tokenizer *tok, int T,
                        uint64_t val_tokens)
{
    char err[512];
    const char *eq = strchr(word, '=');
    if (!eq || eq == word || !eq[1])
        usage_error("--val '%s': want NAME=DIR", word);
    s->name = xasprintf("%.*s", (int)(eq - word), word);
    s->source = shard_set_open(eq + 1, false, err, sizeof err);
    if (!s->source)
        die("--val %s: %s", s->name, err);
    if (shard_set_tokenizer_hash(s->source) != tokenizer_hash(tok) ||
        shard_set_vocab_size(s->source) != tokenizer_vocab_size(tok))
        die("--val %s: %s: made with another tokenizer (hash %016llx, vocabulary %u; the run's: %016llx, %u)",
            s->name, eq + 1, (unsigned long long)shard_set_tokenizer_hash(s->source),
            shard_set_vocab_size(s->source), (unsigned long long)tokenizer_hash(tok),
            tokenizer_vocab_size(tok));
    uint64_t n = shard_set_tokens(s->source);
    if (n < 2)
        die("--val %s: %s: %llu tokens are too few", s->name, eq + 1, (unsigned long long)n);
    s->T = n - 1 < (uint64_t)T ? (int)(n - 1) : T;
    s->available = (n - 1) / (uint64_t)s->T;
    s->windows = val_tokens / (uint64_t)s->T;
    s->windows = s->windows < 1 ? 1 : s->windows < s->available ? s->windows : s->available;
}

struct validation *validation_open(struct cluster *cluster, const struct str_list *list,
                                   const struct tokenizer *tok, int rows, int T, uint64_t val_tokens)
{
    if (list->n == 0)
        return NULL;
    struct validation *v = xcalloc(1, sizeof *v);
    size_t row = (size_t)T + 1, vocab = tokenizer_vocab_size(tok);
    v->v = xcalloc(list->n, sizeof *v->v);
    v->n = list->n;
    v->cluster = cluster;
    v->rows = rows;
    v->T = T;
    for (size_t i = 0; i < v->n; i++)
        open_source(&v->v[i], list->v[i], tok, T, val_tokens);
    v->tokens = xmalloc((size_t)rows * row * sizeof *v->tokens);
    v->round = (uint64_t)cluster->size * (uint64_t)rows * (ROUND_TOKENS / ((uint64_t)rows * (uint64_t)T) + 1);
    v->loss = xcalloc(v->round * (size_t)T, sizeof *v->loss);
    v->border = xcalloc((size_t)cluster->size + 1, sizeof *v->border);
    v->raw = xmalloc(row * 4);
    v->token_bytes = xcalloc(vocab, sizeof *v->token_bytes);
    for (uint32_t id = 0; id < vocab; id++) {
        size_t len = 0;
        if (!tokenizer_is_special(tok, id) && tokenizer_bytes(tok, id, &len))
            v->token_bytes[id] = (uint32_t)len;
    }
    return v;
}

void validation_close(struct validation *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->n; i++) {
        free(v->v[i].name);
        shard_set_close(v->v[i].source);
    }
    free(v->v);
    free(v->tokens);
    free(v->loss);
    free(v->border);
    free(v->raw);
    free(v->token_bytes);
    free(v);
}

static void read_window(struct validation *v, const struct val_source *s, uint64_t window, int32_t *out)
{
    char err[512];
    size_t n = (size_t)s->T + 1;
    uint64_t pos = window * s->available / s->windows * (uint64_t)s->T;
    if (shard_set_read(s->source, pos, n, v->raw, err, sizeof err) != 0)
        die("--val %s: %s", s->name, err);
    for (size_t i = 0; i < n; i++)
        out[i] = (int32_t)(shard_set_token_width(s->source) == 2 ? ((const uint16_t *)v->raw)[i]
                                                                 : ((const uint32_t *)v->raw)[i]);
}

/* The losses of windows first .. end-1, micro-batch by micro-batch, into out. */
static void run_windows(struct validation *v, const struct val_source *s, uint64_t first, uint64_t end,
                        const struct weights *w, struct activations *a, int eos, float *out)
{
    size_t row = (size_t)s->T + 1;
    for (; first < end; first += (uint64_t)v->rows) {
        int rows = end - first < (uint64_t)v->rows ? (int)(end - first) : v->rows;
        for (int r = 0; r < rows; r++)
            read_window(v, s, first + (uint64_t)r, v->tokens + (size_t)r * row);
        model_run(w, a, v->tokens, rows, s->T, eos, out, NULL, 0);
        out += (size_t)rows * (size_t)s->T;
    }
}

/* The losses of n windows from `first` on: each rank has micro-batches that lie side by side. */
static void run_round(struct validation *v, const struct val_source *s, uint64_t first, uint64_t n,
                      const struct weights *w, struct activations *a, int eos)
{
    uint64_t rows = (uint64_t)v->rows, batches = (n + rows - 1) / rows, size = (uint64_t)v->cluster->size;
    size_t window = (size_t)s->T * sizeof *v->loss, *at = v->border + v->cluster->rank;
    for (uint64_t k = 0; k <= size; k++) {
        uint64_t border = batches * k / size * rows;
        v->border[k] = (border < n ? border : n) * window;
    }
    run_windows(v, s, first + at[0] / window, first + at[1] / window, w, a, eos,
                v->loss + at[0] / sizeof *v->loss);
    cluster_gather(v->cluster, v->loss, v->border);
}

static void run_source(struct validation *v, struct val_source *s, const struct weights *w,
                       struct activations *a, int eos)
{
    double nats = 0, bytes = 0;
    s->tokens = 0;
    for (uint64_t first = 0, n; first < s->windows; first += n) {
        n = s->windows - first < v->round ? s->windows - first : v->round;
        run_round(v, s, first, n, w, a, eos);
        for (uint64_t r = 0; r < n; r++) {
            read_window(v, s, first + r, v->tokens);
            for (int t = 0; t < s->T; t++) {
                nats += (double)v->loss[r * (size_t)s->T + (size_t)t];
                bytes += v->token_bytes[v->tokens[(size_t)t + 1]];
            }
        }
        s->tokens += n * (uint64_t)s->T;
    }
    s->loss = nats / (double)s->tokens;
    s->bits_per_byte = bytes > 0 ? nats / M_LN2 / bytes : NAN;
}

double validation_run(struct validation *v, const struct weights *w, struct activations *a, int doc_mask_eos)
{
    double mean = 0;
    for (size_t i = 0; i < v->n; i++) {
        run_source(v, &v->v[i], w, a, doc_mask_eos);
        mean += v->v[i].loss / (double)v->n;
    }
    return mean;
}
