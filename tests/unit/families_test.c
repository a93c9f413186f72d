/*
 * families_test - models of other families than those that begin here: the whole forward pass as plain loops
 * over doubles, written from the formulas, against the backends; weights split into several files
 */
#include "pipeline/lib/fs.h"
#include "pipeline/model/checkpoint.h"
#include "pipeline/model/continuation.h"
#include "tests/check.h"
#include "tests/random.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { T = 24, MAX_WIDTH = 128 };

static uint64_t state = 5;

static float around(float centre, float scale)
{
    return centre + scale * ((float)(random_next(&state) % 20001) / 10000 - 1);
}

/* ---- the forward pass once more ---- */

static const float *tensor(const struct weights *w, const float *theta, enum param_kind kind, int l)
{
    const struct param *p = params_find(&w->layout, kind, l);
    return p ? theta + p->offset : NULL;
}

/* y[o] = sum_i W[o,i] x[i] + bias[o] */
static void product(double *y, const double *x, const float *W, const float *bias, int O, int I)
{
    for (int o = 0; o < O; o++) {
        y[o] = bias ? (double)bias[o] : 0;
        for (int i = 0; i < I; i++)
            y[o] += (double)W[(size_t)o * (size_t)I + (size_t)i] * x[i];
    }
}

static void norm(double *y, const double *x, const float *gain, int n, double eps)
{
    double squares = 0;
    for (int i = 0; i < n; i++)
        squares += x[i] * x[i];
    for (int i = 0; i < n; i++)
        y[i] = x[i] / sqrt(squares / n + eps) * (double)gain[i];
}

/* The angle of pair i for a step of one position, as the papers of the two scalings give it. */
static double frequency(const struct model_config *c, int i)
{
    double f = pow(c->rope_theta, -2.0 * i / c->D), length = 2 * M_PI / f;
    const struct rope_scaling *s = &c->rope;
    if (s->kind == ROPE_LINEAR)
        return f / s->factor;
    if (s->kind == ROPE_PLAIN || length < s->original / s->high)
        return f;
    if (length > s->original / s->low)
        return f / s->factor;
    double smooth = (s->original / length - s->low) / (s->high - s->low);
    return (1 - smooth) * f / s->factor + smooth * f;
}

static void rotate(double *x, const struct model_config *c, int position)
{
    int half = c->D / 2;
    for (int i = 0; i < half; i++) {
        double angle = position * frequency(c, i), a = x[i], b = x[i + half];
        x[i] = a * cos(angle) - b * sin(angle);
        x[i + half] = b * cos(angle) + a * sin(angle);
    }
}

/* out (H*D): the mean of the values of tokens 0..t, weighted by softmax. Rows of qkv are (H+2Hkv)*D. */
static void attend(double *out, double qkv[T][MAX_WIDTH], const struct model_config *c, int t)
{
    for (int h = 0; h < c->H; h++) {
        int key = (c->H + h / (c->H / c->Hkv)) * c->D, value = key + c->Hkv * c->D;
        double weight[T], sum = 0;
        for (int j = 0; j <= t; j++) {
            weight[j] = 0;
            for (int d = 0; d < c->D; d++)
                weight[j] += qkv[t][h * c->D + d] * qkv[j][key + d];
            weight[j] = exp(weight[j] / sqrt(c->D));
            sum += weight[j];
        }
        for (int d = 0; d < c->D; d++) {
            out[h * c->D + d] = 0;
            for (int j = 0; j <= t; j++)
                out[h * c->D + d] += weight[j] / sum * qkv[j][value + d];
        }
    }
}

static void attention_layer(const struct weights *w, const float *theta, int l, double x[T][MAX_WIDTH])
{
    static double qkv[T][MAX_WIDTH];
    const struct model_config *c = &w->c;
    const int width[] = {c->H * c->D, c->Hkv * c->D, c->Hkv * c->D};
    double y[MAX_WIDTH], out[MAX_WIDTH];
    for (int t = 0; t < T; t++) {
        norm(y, x[t], tensor(w, theta, PARAM_NORM_ATTN, l), c->C, (double)c->eps);
        for (int i = 0, at = 0; i < 3; at += width[i++])
            product(qkv[t] + at, y, tensor(w, theta, PARAM_Q + i, l), tensor(w, theta, PARAM_BIAS_Q + i, l),
                    width[i], c->C);
        for (int h = 0; h < c->H + c->Hkv; h++) {
            const float *gain = tensor(w, theta, h < c->H ? PARAM_NORM_Q : PARAM_NORM_K, l);
            if (gain)
                norm(qkv[t] + h * c->D, qkv[t] + h * c->D, gain, c->D, (double)c->eps);
            rotate(qkv[t] + h * c->D, c, t);
        }
    }
    for (int t = 0; t < T; t++) {
        attend(out, qkv, c, t);
        product(y, out, tensor(w, theta, PARAM_O, l), tensor(w, theta, PARAM_BIAS_O, l), c->C, c->H * c->D);
        for (int i = 0; i < c->C; i++)
            x[t][i] += y[i];
    }
}

static void mlp_layer(const struct weights *w, const float *theta, int l, double *x)
{
    const struct model_config *c = &w->c;
    double y[MAX_WIDTH], gate[MAX_WIDTH], up[MAX_WIDTH];
    norm(y, x, tensor(w, theta, PARAM_NORM_MLP, l), c->C, (double)c->eps);
    product(gate, y, tensor(w, theta, PARAM_GATE, l), NULL, c->F, c->C);
    product(up, y, tensor(w, theta, PARAM_UP, l), NULL, c->F, c->C);
    for (int f = 0; f < c->F; f++)
        gate[f] *= up[f] / (1 + exp(-gate[f]));
    product(y, gate, tensor(w, theta, PARAM_DOWN, l), NULL, c->C, c->F);
    for (int i = 0; i < c->C; i++)
        x[i] += y[i];
}

static void reference(const struct weights *w, const float *theta, const int32_t *ids, double *logits)
{
    static double x[T][MAX_WIDTH];
    const struct model_config *c = &w->c;
    double y[MAX_WIDTH];
    for (int t = 0; t < T; t++)
        for (int i = 0; i < c->C; i++)
            x[t][i] = (double)tensor(w, theta, PARAM_EMBED, -1)[ids[t] * c->C + i];
    for (int l = 0; l < c->L; l++) {
        attention_layer(w, theta, l, x);
        for (int t = 0; t < T; t++)
            mlp_layer(w, theta, l, x[t]);
    }
    for (int t = 0; t < T; t++) {
        norm(y, x[t], tensor(w, theta, PARAM_NORM_FINAL, -1), c->C, (double)c->eps);
        product(logits + t * c->V, y, tensor(w, theta, c->tied ? PARAM_EMBED : PARAM_HEAD, -1), NULL, c->V,
                c->C);
    }
}

/* ---- models ---- */

static struct model_config shape(enum model_family family, bool bias, enum rope_kind rope)
{
    return (struct model_config){.family = family,
                                 .attention_bias = bias,
                                 .L = 2,
                                 .C = 32,
                                 .H = 4,
                                 .Hkv = 2,
                                 .D = 6,
                                 .F = 40,
                                 .T = 96,
                                 .V = 53,
                                 .tied = !bias,
                                 .eps = 1e-5f,
                                 .rope_theta = 300,
                                 .rope = {rope, 4, 1, 4, 16}};
}

/* Returns the weights that the model now has, on the host. */
static float *fill(struct weights *w)
{
    float *host = calloc(w->layout.total, sizeof *host);
    for (size_t i = 0; i < w->layout.count; i++) {
        const struct param *p = &w->layout.v[i];
        for (size_t k = 0; k < p->n; k++)
            host[p->offset + k] = param_is_matrix(p) || param_is_bias(p) ? around(0, 0.4f) : around(1, 0.3f);
    }
    w->ops->upload(w->dev, w->theta, host, w->layout.total * sizeof *host);
    weights_publish(w);
    return host;
}

static void random_ids(int32_t *ids, int V)
{
    for (int t = 0; t < T; t++)
        ids[t] = (int32_t)(random_next(&state) % (uint64_t)V);
}

static void compare(const char *name, const struct ops *o, struct model_config c)
{
    char err[256];
    struct device *dev = o->open(DTYPE_F32, 2, err, sizeof err);
    struct weights w;
    int32_t ids[T];
    CHECK(dev && weights_alloc(&w, o, dev, DTYPE_F32, &c, err, sizeof err) == 0, "%s", err);
    float *theta = fill(&w), *got = calloc((size_t)T * (size_t)c.V, sizeof *got), last[64];
    double *want = calloc((size_t)T * (size_t)c.V, sizeof *want), worst = 0, largest = 0;
    random_ids(ids, c.V);
    reference(&w, theta, ids, want);
    struct activations *a = activations_alloc(&w, 1, T, ACT_FORWARD, err, sizeof err);
    CHECK(a, "%s", err);
    model_logits(&w, a, ids, 1, T, got);
    for (int i = 0; i < T * c.V; i++) {
        worst = fmax(worst, fabs((double)got[i] - want[i]));
        largest = fmax(largest, fabs(want[i]));
    }
    CHECK(worst <= 2e-5 * largest, "%s, %s: logits off by %g of %g", name, o->name, worst, largest);
    struct kv_cache *kv = kv_cache_alloc(&w, 1, T, err, sizeof err);
    CHECK(kv, "%s", err);
    model_extend(&w, kv, 0, ids, T - 1, last);
    model_extend(&w, kv, 0, ids + T - 1, 1, last);
    for (int v = 0; v < c.V; v++)
        CHECK(fabs((double)last[v] - want[(T - 1) * c.V + v]) <= 2e-5 * largest, "%s, %s: by the cache", name,
              o->name);
    kv_cache_free(kv);
    activations_free(a);
    weights_free(&w);
    o->close(dev);
    free(theta);
    free(got);
    free(want);
}

/* ---- weights in several files ---- */

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "w");
    CHECK(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0, "%s", path);
}

/* Writes parameters from .. to of the layout. */
static void write_shard(const char *path, const struct weights *w, const float *theta, size_t from, size_t to)
{
    struct st_tensor *v = calloc(to - from, sizeof *v);
    size_t len;
    for (size_t i = from; i < to; i++) {
        const struct param *p = &w->layout.v[i];
        bool matrix = param_is_matrix(p);
        v[i - from] =
            (struct st_tensor){.name = p->name,
                               .dtype = ST_F32,
                               .rank = 1 + matrix,
                               .shape = {(uint64_t)(matrix ? p->rows : p->cols), (uint64_t)p->cols}};
    }
    char *head = safetensors_header(v, to - from, &len);
    FILE *f = fopen(path, "w");
    CHECK(head && f && fwrite(head, 1, len, f) == len, "%s", path);
    for (size_t i = from; i < to; i++)
        fwrite(theta + w->layout.v[i].offset, sizeof *theta, w->layout.v[i].n, f);
    CHECK(fclose(f) == 0, "%s", path);
    free(head);
    free(v);
}

/* The index of two shards, cut before parameter `cut`. One tensor may be told to be elsewhere. */
static void write_index(const struct weights *w, size_t cut, const char *wrong, const char *where)
{
    struct strbuf s = {0};
    strbuf_addf(&s, "{\"metadata\":{\"total_size\":1},\"weight_map\":{");
    for (size_t i = 0; i < w->layout.count; i++) {
        const char *name = w->layout.v[i].name;
        bool moved = wrong && strcmp(name, wrong) == 0;
        if (moved && !where)
            continue;
        strbuf_addf(&s, "%s\"%s\":\"%s\"", i ? "," : "", name,
                    moved     ? where
                    : i < cut ? "model-00001-of-00002.safetensors"
                              : "model-00002-of-00002.safetensors");
    }
    strbuf_addf(&s, "}}");
    write_file("m/model.safetensors.index.json", s.s, s.len);
    strbuf_free(&s);
}

static void refused(const struct ops *o, struct device *dev, const char *message)
{
    struct weights w = {0};
    char err[512];
    CHECK(checkpoint_load("m", o, dev, DTYPE_F32, &w, err, sizeof err) == -1, "accepted: %s", message);
    CHECK(strstr(err, message), "%s: %s", message, err);
}

static void several_files(void)
{
    const struct ops *o = ops_cpu();
    struct model_config c = shape(MODEL_LLAMA, true, ROPE_LLAMA3);
    char err[512], *config = model_config_to_json(&c, "float32", 0, 1);
    struct device *dev = o->open(DTYPE_F32, 1, err, sizeof err);
    struct weights w, loaded = {0};
    CHECK(weights_alloc(&w, o, dev, DTYPE_F32, &c, err, sizeof err) == 0, "%s", err);
    float *theta = fill(&w);
    CHECK(mkdir("m", 0755) == 0);
    write_file("m/config.json", config, strlen(config));
    write_shard("m/model-00001-of-00002.safetensors", &w, theta, 0, 9);
    write_shard("m/model-00002-of-00002.safetensors", &w, theta, 9, w.layout.count);
    write_index(&w, 9, NULL, NULL);
    CHECK(checkpoint_load("m", o, dev, DTYPE_F32, &loaded, err, sizeof err) == 0, "%s", err);
    CHECK(memcmp(loaded.theta, theta, w.layout.total * sizeof *theta) == 0, "other weights");
    weights_free(&loaded);

    write_index(&w, 10, NULL, NULL);
    refused(o, dev, "is not in model-00001-of-00002.safetensors");
    write_index(&w, 9, "model.norm.weight", NULL);
    refused(o, dev, "weight_map: lists");
    write_index(&w, 9, "model.norm.weight", "../m/model-00002-of-00002.safetensors");
    refused(o, dev, "is not in a file of this directory");
    write_index(&w, 9, "model.norm.weight", "model-00003-of-00002.safetensors");
    refused(o, dev, "model-00003-of-00002.safetensors: No such file");
    write_file("m/model.safetensors.index.json", "{\"weight_map\":[]}", 17);
    refused(o, dev, "weight_map: not an object");
    write_shard("m/model.safetensors", &w, theta, 0, w.layout.count - 1);
    refused(o, dev,
            "m/model.safetensors: tensor 'lm_head.weight' is missing"); /* the single file comes first */
    c.family = MODEL_QWEN2;
    free(config);
    config = model_config_to_json(&c, "float32", 0, 1);
    write_file("m/config.json", config, strlen(config));
    write_shard("m/model.safetensors", &w, theta, 0, w.layout.count);
    refused(o, dev, "'model.layers.0.self_attn.o_proj.bias' is not part of the model");
    weights_free(&w);
    o->close(dev);
    free(theta);
    free(config);
}

/* A text takes memory for its own length, not for a context that may be a hundred thousand tokens long. */
static void memory_of_a_text(void)
{
    static const struct {
        uint64_t most;
        int room;
    } cases[] = {{0, 96}, {40, 40}, {96, 96}, {97, 96}, {UINT64_MAX, 96}};
    const struct ops *o = ops_cpu();
    struct model_config c = shape(MODEL_LLAMA, false, ROPE_PLAIN);
    struct continuation text;
    struct weights w;
    char err[512];
    struct device *dev = o->open(DTYPE_F32, 1, err, sizeof err);
    CHECK(weights_alloc(&w, o, dev, DTYPE_F32, &c, err, sizeof err) == 0, "%s", err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        continuation_open(&text, &w, NULL, cases[i].most);
        CHECK(kv_cache_room(text.kv) == cases[i].room, "%d tokens", kv_cache_room(text.kv));
        continuation_close(&text);
    }
    CHECK(continuation_most(3, 10) == 74 && continuation_most(3, 0) == 0);
    CHECK(continuation_most(SIZE_MAX / 2, 10) == 0 && continuation_most(3, UINT64_MAX) == 0);
    weights_free(&w);
    o->close(dev);
}

int main(void)
{
    char dir[] = "/tmp/families.XXXXXX";
    test_begin(60);
    const struct ops *backends[] = {ops_cpu(), ops_reference()};
    for (size_t i = 0; i < 2; i++) {
        compare("Qwen3", backends[i], shape(MODEL_QWEN3, false, ROPE_PLAIN));
        compare("Qwen3 with biases", backends[i], shape(MODEL_QWEN3, true, ROPE_LINEAR));
        compare("Qwen2", backends[i], shape(MODEL_QWEN2, false, ROPE_LINEAR));
        compare("Llama", backends[i], shape(MODEL_LLAMA, false, ROPE_PLAIN));
        compare("Llama with biases, scaled", backends[i], shape(MODEL_LLAMA, true, ROPE_LLAMA3));
    }
    memory_of_a_text();
    CHECK(mkdtemp(dir) && chdir(dir) == 0);
    several_files();
    remove_tree(dir);
    return 0;
}
