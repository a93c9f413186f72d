#include "tools/exporters/grow.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/random.h"
#include "tools/exporters/model_dir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An axis of a matrix. Its places are those of the larger model; `from` is where each is in the smaller one.
 */
enum axis_name { CHANNELS, HIDDEN, QUERIES, KEYS, VALUES, HEAD_DIMS, VOCABULARY, N_AXES };
enum {
    FRESH = -1, /* new: random in what reads, zero in what writes */
    BLANK = -2, /* new, and zero in any case */
};
struct axis {
    int n, *from;
};

static const struct shape {
    enum axis_name rows, cols; /* of gains and biases cols alone */
    bool writes;               /* into the residual stream */
} shapes[N_PARAM_KINDS] = {
    [PARAM_EMBED] = {VOCABULARY, CHANNELS, true},
    [PARAM_HEAD] = {VOCABULARY, CHANNELS, false},
    [PARAM_Q] = {QUERIES, CHANNELS, false},
    [PARAM_K] = {KEYS, CHANNELS, false},
    [PARAM_V] = {VALUES, CHANNELS, false},
    [PARAM_O] = {CHANNELS, QUERIES, true},
    [PARAM_GATE] = {HIDDEN, CHANNELS, false},
    [PARAM_UP] = {HIDDEN, CHANNELS, false},
    [PARAM_DOWN] = {CHANNELS, HIDDEN, true},
    [PARAM_NORM_ATTN] = {.cols = CHANNELS},
    [PARAM_NORM_MLP] = {.cols = CHANNELS},
    [PARAM_NORM_FINAL] = {.cols = CHANNELS},
    [PARAM_NORM_Q] = {.cols = HEAD_DIMS},
    [PARAM_NORM_K] = {.cols = HEAD_DIMS},
    [PARAM_BIAS_Q] = {.cols = QUERIES},
    [PARAM_BIAS_K] = {.cols = KEYS},
    [PARAM_BIAS_V] = {.cols = VALUES},
    [PARAM_BIAS_O] = {.cols = CHANNELS},
};

struct grow {
    struct source from;
    struct model_config to;
    struct grow_how how;
    struct axis axes[N_AXES];
    int *old_head, *old_kv; /* of each head: where it is in the smaller model, or FRESH */
    /* the parameter at hand, and its row that was made last */
    const struct param *p;
    struct param old; /* the parameter it comes from */
    float *values;    /* of old */
    double rms;       /* their root mean square; of gains and biases the mean */
    bool silent;      /* the layer is the identity, and this one of its output projections */
    int row;
    float *made;
};

static int smaller(int from, int to, const char *what, const char *dir)
{
    if (to < from)
        die("%s: has %d %s, so %d are too few", dir, from, what, to);
    return to;
}

static void check_dimensions(const struct grow *g)
{
    const struct model_config *a = &g->from.c, *b = &g->to;
    const char *dir = g->from.dir;
    smaller(a->L, b->L, "layers", dir);
    smaller(a->C, b->C, "channels (--width)", dir);
    smaller(a->F, b->F, "hidden units (--ffn)", dir);
    smaller(a->D, b->D, "dimensions a head", dir);
    if (b->D % a->D != 0)
        die("%s: has heads of %d dimensions; %d is no multiple, so positions would turn by other angles", dir,
            a->D, b->D);
}

/* Query heads that share a key/value head must do so afterwards. If fewer may share one there, it is there
 * several times. */
static void place_heads(struct grow *g)
{
    const struct model_config *a = &g->from.c, *b = &g->to;
    int shared = a->H / a->Hkv, may_share = b->H / b->Hkv, kv = 0;
    int copies = (shared + may_share - 1) / may_share;
    if (a->Hkv * copies > b->Hkv)
        die("%s: has %d heads and %d of keys and values, which do not fit into %d and %d (--heads, "
            "--kv-heads)",
            g->from.dir, a->H, a->Hkv, b->H, b->Hkv);
    g->old_head = xcalloc((size_t)b->H, sizeof *g->old_head);
    g->old_kv = xcalloc((size_t)b->Hkv, sizeof *g->old_kv);
    for (int h = 0; h < b->H; h++)
        g->old_head[h] = FRESH;
    for (int h = 0; h < b->Hkv; h++)
        g->old_kv[h] = FRESH;
    for (int old = 0; old < a->Hkv; old++)
        for (int first = 0; first < shared; first += may_share, kv++) {
            g->old_kv[kv] = old;
            for (int i = 0; i < may_share && first + i < shared; i++)
                g->old_head[kv * may_share + i] = old * shared + first + i;
        }
}

static struct axis axis_of(int n)
{
    return (struct axis){n, xcalloc((size_t)n, sizeof(int))};
}

/* The first places are those of the smaller model. */
static struct axis longer(int from, int to)
{
    struct axis x = axis_of(to);
    for (int i = 0; i < to; i++)
        x.from[i] = i < from ? i : FRESH;
    return x;
}

/* Dimension i of a head and i + D/2 are turned together, by theta^(-2i/D). So a pair moves to where the
 * larger head has its angle. */
static int old_dim(const struct grow *g, int d)
{
    int half = g->to.D / 2, times = g->to.D / g->from.c.D, pair = d % half;
    return pair % times == 0 ? pair / times + (d < half ? 0 : g->from.c.D / 2) : FRESH;
}

/* added: what new dimensions of an old head are. */
static struct axis axis_of_heads(const struct grow *g, const int *old, int heads, int added)
{
    struct axis x = axis_of(heads * g->to.D);
    for (int i = 0; i < x.n; i++) {
        int head = old[i / g->to.D], dim = old_dim(g, i % g->to.D);
        x.from[i] = head < 0 ? FRESH : dim < 0 ? added : head * g->from.c.D + dim;
    }
    return x;
}

/* In queries and keys new dimensions of an old head are blank, for norms average over a head. */
static void make_axes(struct grow *g)
{
    static const int whole[] = {0};
    const struct model_config *a = &g->from.c, *b = &g->to;
    g->axes[CHANNELS] = longer(a->C, b->C);
    g->axes[HIDDEN] = longer(a->F, b->F);
    g->axes[VOCABULARY] = longer(a->V, b->V);
    g->axes[QUERIES] = axis_of_heads(g, g->old_head, b->H, BLANK);
    g->axes[KEYS] = axis_of_heads(g, g->old_kv, b->Hkv, BLANK);
    g->axes[VALUES] = axis_of_heads(g, g->old_kv, b->Hkv, FRESH);
    g->axes[HEAD_DIMS] = axis_of_heads(g, whole, 1, FRESH);
}

/* The layer that a layer comes from. *identity: it is a copy that does nothing yet. */
static int old_layer(const struct grow *g, int layer, bool *identity)
{
    int n = g->from.c.L,
        source = g->how.depth == GROW_STACK ? layer % n : (int)((int64_t)layer * n / g->to.L);
    *identity =
        g->how.depth == GROW_IDENTITY && layer > 0 && (int)((int64_t)(layer - 1) * n / g->to.L) == source;
    return source;
}

/* By what the trained numbers are multiplied, so that norms over more places, and scores of longer heads,
 * come out as before. With norms of queries and keys these may have any size, so theirs is made such that
 * rms_norm_eps, which is less now, is the same part of it. */
static double scale_of(const struct grow *g, enum param_kind kind)
{
    double wider = (double)g->to.C / g->from.c.C, longer_head = (double)g->to.D / g->from.c.D;
    switch (kind) {
    case PARAM_NORM_ATTN:
    case PARAM_NORM_MLP:
    case PARAM_NORM_FINAL:
        return sqrt(1 / wider);
    case PARAM_NORM_Q:
    case PARAM_NORM_K:
        return pow(longer_head, -0.25);
    case PARAM_Q:
    case PARAM_K:
    case PARAM_BIAS_Q:
    case PARAM_BIAS_K:
        return model_has_qk_norm(&g->to) ? sqrt(longer_head / wider) : pow(longer_head, 0.25);
    default:
        return 1;
    }
}

static void begin_parameter(struct grow *g, const struct param *p)
{
    bool identity = false;
    int layer = p->layer < 0 ? p->layer : old_layer(g, p->layer, &identity);
    double sum = 0, scale = scale_of(g, p->kind);
    g->p = p;
    g->row = -1;
    g->silent = identity && (p->kind == PARAM_O || p->kind == PARAM_DOWN || p->kind == PARAM_BIAS_O);
    g->old = *params_find(&g->from.layout, p->kind, layer);
    g->values = xrealloc(g->values, g->old.n * sizeof *g->values);
    g->made = xrealloc(g->made, (size_t)p->cols * sizeof *g->made);
    source_read(&g->from, g->old.name, 0, g->old.n, g->values);
    for (size_t i = 0; i < g->old.n; i++) {
        g->values[i] = (float)(scale * g->values[i]);
        sum += param_is_matrix(p) ? (double)g->values[i] * g->values[i] : g->values[i];
    }
    sum /= (double)g->old.n;
    g->rms = param_is_matrix(p) ? sqrt(sum) : param_is_bias(p) ? 0 : sum;
}

/* Random numbers follow from the seed, the parameter and the row alone. */
static void make_row(struct grow *g, int row)
{
    const struct param *p = g->p;
    const struct shape *s = &shapes[p->kind];
    const struct axis *cols = &g->axes[s->cols];
    bool matrix = param_is_matrix(p);
    int r = matrix ? g->axes[s->rows].from[row] : 0;
    uint64_t state = mix64(mix64(g->how.seed * RANDOM_GAMMA + p->offset) + (uint64_t)row);
    for (int i = 0; i < p->cols; i++) {
        int c = cols->from[i];
        bool known = r >= 0 && c >= 0, blank = r == BLANK || c == BLANK || s->writes;
        double fresh = matrix ? g->rms * random_normal(&state) : g->rms;
        double noise = matrix && g->how.noise > 0 ? g->how.noise * g->rms * random_normal(&state) : 0;
        double x = g->silent ? 0
                   : known   ? g->values[(size_t)r * (size_t)g->old.cols + (size_t)c]
                   : blank   ? 0
                             : fresh;
        g->made[i] = (float)(x + noise);
    }
    g->row = row;
}

static void grown_values(void *arg, const struct param *p, size_t at, size_t n, float *out)
{
    struct grow *g = arg;
    if (at == 0)
        begin_parameter(g, p);
    for (size_t i = 0; i < n;) {
        int row = (int)((at + i) / (size_t)p->cols);
        size_t col = (at + i) % (size_t)p->cols, run = (size_t)p->cols - col;
        if (row != g->row)
            make_row(g, row);
        if (run > n - i)
            run = n - i;
        memcpy(out + i, g->made + col, run * sizeof *out);
        i += run;
    }
}

void grow_model(const char *dir, const struct model_config *to, const struct grow_how *how, const char *out)
{
    char err[256];
    struct grow g = {.how = *how};
    source_open(&g.from, dir);
    g.to = g.from.c;
    g.to.L = to->L, g.to.C = to->C, g.to.H = to->H, g.to.Hkv = to->Hkv, g.to.D = to->D, g.to.F = to->F;
    if (to->T > g.to.T)
        g.to.T = to->T;
    g.to.eps = (float)((double)g.from.c.eps * g.from.c.C / g.to.C);
    if (model_config_check(&g.to, err, sizeof err) != 0)
        die("%s", err);
    check_dimensions(&g);
    place_heads(&g);
    make_axes(&g);
    struct model_dir m = {.from = &g.from,
                          .c = g.to,
                          .other_config = true,
                          .dtype = ST_F32,
                          .largest = UINT64_MAX,
                          .values = grown_values,
                          .arg = &g};
    model_dir_write(&m, out);
    for (int i = 0; i < N_AXES; i++)
        free(g.axes[i].from);
    free(g.old_head);
    free(g.old_kv);
    free(g.values);
    free(g.made);
    source_close(&g.from);
}
