/*
 * gguf.c - a model directory as one GGUF file (formats/gguf.md)
 */
#include "tools/exporters/exporters.h"

#include "formats/gguf.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/pretokenize/bytelevel.h"
#include "pipeline/text/vocabulary/vocabulary.h"
#include "tools/exporters/source.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16 }; /* elements converted at once: a multiple of every block */

const char export_gguf_dtypes[] = "f32, bf16, f16, q8_0, q4_0";

static const struct target {
    const char *name;
    enum gguf_type matrix, embedding;
    uint32_t file_type; /* llama.cpp's number */
} targets[] = {
    {"f32", GGUF_F32, GGUF_F32, 0},    {"bf16", GGUF_BF16, GGUF_BF16, 32}, {"f16", GGUF_F16, GGUF_F16, 1},
    {"q8_0", GGUF_Q8_0, GGUF_Q8_0, 7}, {"q4_0", GGUF_Q4_0, GGUF_Q8_0, 2},
};

/* llama.cpp's name of each kind of parameter, within a layer or of the whole model. */
static const char *const tensor_names[N_PARAM_KINDS] = {
    [PARAM_EMBED] = "token_embd",   [PARAM_Q] = "attn_q",
    [PARAM_K] = "attn_k",           [PARAM_V] = "attn_v",
    [PARAM_O] = "attn_output",      [PARAM_GATE] = "ffn_gate",
    [PARAM_UP] = "ffn_up",          [PARAM_DOWN] = "ffn_down",
    [PARAM_HEAD] = "output",        [PARAM_NORM_ATTN] = "attn_norm",
    [PARAM_NORM_Q] = "attn_q_norm", [PARAM_NORM_K] = "attn_k_norm",
    [PARAM_NORM_MLP] = "ffn_norm",  [PARAM_NORM_FINAL] = "output_norm",
    [PARAM_BIAS_Q] = "attn_q",      [PARAM_BIAS_K] = "attn_k",
    [PARAM_BIAS_V] = "attn_v",      [PARAM_BIAS_O] = "attn_output",
};

static const struct target *target_named(const char *name)
{
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
    die("--dtype %s: gguf knows %s", name, export_gguf_dtypes);
}

static enum gguf_type type_of(const struct target *t, const struct param *p)
{
    if (!param_is_matrix(p))
        return GGUF_F32;
    return p->kind == PARAM_EMBED || p->kind == PARAM_HEAD ? t->embedding : t->matrix;
}

/* ---- the pairs ---- */

static const char *const architectures[] = {
    [MODEL_QWEN3] = "qwen3", [MODEL_QWEN2] = "qwen2", [MODEL_LLAMA] = "llama"};

/* Refuses a model with parts that llama.cpp's code for the architecture does not compute. */
static void check_model(const struct model_config *c, const char *dir)
{
    if (c->family == MODEL_QWEN3 && c->attention_bias)
        die("%s: attention_bias: llama.cpp's qwen3 has no biases", dir);
    if (c->family == MODEL_QWEN2 && c->H * c->D != c->C)
        die("%s: head_dim %d: llama.cpp's qwen2 has heads that together are as wide as hidden_size %d", dir,
            c->D, c->C);
    if (c->family != MODEL_LLAMA && c->rope.kind == ROPE_LLAMA3)
        die("%s: rope_scaling: \"llama3\" is for llama.cpp's llama alone", dir);
}

/* A key of the architecture: "llama.block_count". Valid until the next call. */
static const char *key_of(const struct model_config *c, const char *name)
{
    static char key[64];
    snprintf(key, sizeof key, "%s.%s", architectures[c->family], name);
    return key;
}

static void put_model(struct gguf *g, const struct model_config *c, const char *name, const struct target *t)
{
    const struct {
        const char *name;
        int value;
    } sizes[] = {{"block_count", c->L},          {"context_length", c->T},
                 {"embedding_length", c->C},     {"feed_forward_length", c->F},
                 {"attention.head_count", c->H}, {"attention.head_count_kv", c->Hkv},
                 {"attention.key_length", c->D}, {"attention.value_length", c->D}};
    gguf_put_string(g, "general.architecture", architectures[c->family]);
    gguf_put_string(g, "general.type", "model");
    gguf_put_string(g, "general.name", name);
    gguf_put_u32(g, "general.file_type", t->file_type);
    gguf_put_u32(g, "general.quantization_version", 2);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        gguf_put_u32(g, key_of(c, sizes[i].name), (uint32_t)sizes[i].value);
    gguf_put_f32(g, key_of(c, "attention.layer_norm_rms_epsilon"), c->eps);
    gguf_put_f32(g, key_of(c, "rope.freq_base"), (float)c->rope_theta);
    if (c->family == MODEL_LLAMA) {
        gguf_put_u32(g, key_of(c, "vocab_size"), (uint32_t)c->V);
        gguf_put_u32(g, key_of(c, "rope.dimension_count"), (uint32_t)c->D);
    }
    if (c->rope.kind == ROPE_LINEAR) {
        gguf_put_string(g, key_of(c, "rope.scaling.type"), "linear");
        gguf_put_f32(g, key_of(c, "rope.scaling.factor"), (float)c->rope.factor);
    }
}

static const char *pattern_name(const struct tokenizer *t, const char *path)
{
    if (t->steps || t->characters)
        die("%s: the tokenizer's steps have no names in llama.cpp", path);
    if (t->nfc)
        die("%s: the tokenizer normalises its text to NFC, which a GGUF file cannot say", path);
    switch (t->pattern) {
    case PATTERN_QWEN2:
        return "qwen2";
    case PATTERN_LLAMA3:
        return "llama-bpe";
    case PATTERN_GPT2:
        return "gpt-2";
    default:
        die("%s: the tokenizer's pre-tokenizer has no name in llama.cpp (known: those of Qwen 2, Llama 3 and "
            "GPT-2)",
            path);
    }
}

/* Ids that the model has beyond those of the tokenizer are unused, too. */
static enum token_kind kind_of(const struct tokenizer *t, uint32_t id)
{
    return id < t->vocab_size ? t->tokens[id].kind : TOKEN_UNUSED;
}

/* The token as it is written in tokenizer.json. Unused ids get a name, since llama.cpp wants names that
 * differ. */
static char *spelling(const struct tokenizer *t, uint32_t id)
{
    const struct token *k = &t->tokens[id];
    struct strbuf s = {0};
    if (kind_of(t, id) == TOKEN_UNUSED)
        strbuf_addf(&s, "[PAD%u]", id);
    else if (k->kind >= TOKEN_ADDED)
        strbuf_add(&s, token_bytes(t, id), k->len);
    else
        bytelevel_spell(&s, token_bytes(t, id), k->len);
    return s.s;
}

static void put_special(struct gguf *g, const char *key, uint32_t id)
{
    if (id != UINT32_MAX)
        gguf_put_u32(g, key, id);
}

static void put_tokenizer(struct gguf *g, const struct tokenizer *t, uint32_t V, const char *path)
{
    static const int32_t types[] = {
        [TOKEN_UNUSED] = 5, [TOKEN_TEXT] = 1, [TOKEN_CODE] = 1, [TOKEN_ADDED] = 4, [TOKEN_SPECIAL] = 3};
    char **words = xcalloc(V, sizeof *words);
    char **merges = xcalloc(t->n_merges + 1, sizeof *merges);
    int32_t *kinds = xcalloc(V, sizeof *kinds);
    for (uint32_t id = 0; id < V; id++) {
        words[id] = spelling(t, id);
        kinds[id] = types[kind_of(t, id)];
    }
    for (uint32_t i = 0; i < t->n_merges; i++)
        merges[i] = xasprintf("%s %s", words[t->merges[i].left], words[t->merges[i].right]);
    gguf_put_string(g, "tokenizer.ggml.model", "gpt2");
    gguf_put_string(g, "tokenizer.ggml.pre", pattern_name(t, path));
    gguf_put_strings(g, "tokenizer.ggml.tokens", (const char *const *)words, V);
    gguf_put_i32s(g, "tokenizer.ggml.token_type", kinds, V);
    gguf_put_strings(g, "tokenizer.ggml.merges", (const char *const *)merges, t->n_merges);
    put_special(g, "tokenizer.ggml.bos_token_id", tokenizer_bos(t));
    put_special(g, "tokenizer.ggml.eos_token_id", tokenizer_eos(t));
    put_special(g, "tokenizer.ggml.padding_token_id", tokenizer_special(t, "<|pad|>"));
    put_special(g, "tokenizer.ggml.unknown_token_id", tokenizer_special(t, "<|unk|>"));
    gguf_put_bool(g, "tokenizer.ggml.add_bos_token", false);
    for (uint32_t id = 0; id < V; id++)
        free(words[id]);
    for (uint32_t i = 0; i < t->n_merges; i++)
        free(merges[i]);
    free(words);
    free(merges);
    free(kinds);
}

/* ---- the tensors ---- */

/* Factors by which llama.cpp divides the rotary frequencies. */
static const char rope_factors[] = "rope_freqs.weight";

static void tensor_name(char *out, size_t cap, const struct param *p)
{
    const char *suffix = param_is_bias(p) ? "bias" : "weight";
    if (p->layer < 0)
        snprintf(out, cap, "%s.%s", tensor_names[p->kind], suffix);
    else
        snprintf(out, cap, "blk.%d.%s.%s", p->layer, tensor_names[p->kind], suffix);
}

static bool scales_rope(const struct model_config *c)
{
    return c->rope.kind == ROPE_LLAMA3;
}

static void list_tensors(struct gguf *g, const struct source *s, const struct target *t)
{
    if (scales_rope(&s->c) && gguf_add_tensor(g, rope_factors, GGUF_F32, (uint64_t)s->c.D / 2, 0) != 0)
        die("%s: tensor '%s' cannot be written", s->dir, rope_factors);
    for (size_t i = 0; i < s->layout.count; i++) {
        const struct param *p = &s->layout.v[i];
        char name[64];
        tensor_name(name, sizeof name, p);
        if (gguf_add_tensor(g, name, type_of(t, p), (uint64_t)p->cols,
                            param_is_matrix(p) ? (uint64_t)p->rows : 0) != 0)
            die("%s: tensor '%s' is %d wide, and %s holds blocks of %d: take f16 or bf16", s->dir, p->name,
                p->cols, t->name, GGUF_BLOCK);
    }
}

static void write_some(FILE *f, enum gguf_type type, const float *x, size_t n)
{
    static char converted[CHUNK * sizeof(float)];
    gguf_convert(type, x, n, converted);
    fwrite(converted, 1, gguf_bytes(type, n), f);
}

static void write_padding(FILE *f, size_t bytes)
{
    static const char zeros[GGUF_ALIGNMENT];
    fwrite(zeros, 1, gguf_padding(bytes), f);
}

static void write_rope_factors(FILE *f, const struct model_config *c)
{
    for (int i = 0; i < c->D / 2; i++) {
        float x = model_rope_divisor(c, i);
        write_some(f, GGUF_F32, &x, 1);
    }
    write_padding(f, (size_t)c->D / 2 * sizeof(float));
}

/* llama.cpp's llama turns neighbours, (2i, 2i+1), where we turn (i, i + D/2): the outputs of q and k are put
 * in that order. Returns which row of our matrix, or element of our bias, becomes row r. */
static uint64_t row_there(const struct model_config *c, uint64_t r)
{
    uint64_t D = (uint64_t)c->D, head = r / D, i = r % D;
    return head * D + i / 2 + i % 2 * (D / 2);
}

static bool is_turned(const struct model_config *c, enum param_kind kind)
{
    return c->family == MODEL_LLAMA &&
           (kind == PARAM_Q || kind == PARAM_K || kind == PARAM_BIAS_Q || kind == PARAM_BIAS_K);
}

static void write_tensor(FILE *f, const struct source *s, const struct param *p, enum gguf_type type)
{
    static float x[CHUNK];
    bool turned = is_turned(&s->c, p->kind);
    size_t width = param_is_matrix(p) ? (size_t)p->cols : 1, most = turned && width < CHUNK ? width : CHUNK;
    for (size_t at = 0; at < p->n && !ferror(f);) {
        size_t left = turned ? width - at % width : p->n - at, n = left < most ? left : most;
        size_t from = turned ? row_there(&s->c, at / width) * width + at % width : at;
        source_read(s, p->name, from, n, x);
        write_some(f, type, x, n);
        at += n;
    }
    write_padding(f, gguf_bytes(type, p->n));
}

void export_gguf(const char *dir, const char *name, const char *out, const char *dtype)
{
    char err[1024], *tok_path = path_join(dir, "tokenizer.json");
    const struct target *target = target_named(dtype);
    struct source s;
    source_open(&s, dir);
    check_model(&s.c, dir);
    free(source_file(&s, "tokenizer.json"));
    struct tokenizer *tok = tokenizer_load(tok_path, err, sizeof err);
    if (!tok)
        die("%s", err);
    struct gguf *g = gguf_new();
    if (!g)
        die("out of memory");
    if (tokenizer_vocab_size(tok) > (uint32_t)s.c.V)
        die("%s: a vocabulary of %u, config.json says %d", tok_path, tokenizer_vocab_size(tok), s.c.V);
    put_model(g, &s.c, name, target);
    put_tokenizer(g, tok, (uint32_t)s.c.V, tok_path);
    list_tensors(g, &s, target);
    size_t len;
    char *head = gguf_header(g, &len);
    if (!head)
        die("out of memory");
    struct commit commit;
    FILE *f = commit_open(&commit, out);
    fwrite(head, 1, len, f);
    if (scales_rope(&s.c))
        write_rope_factors(f, &s.c);
    for (size_t i = 0; i < s.layout.count; i++)
        write_tensor(f, &s, &s.layout.v[i], type_of(target, &s.layout.v[i]));
    commit_finish(&commit);
    say("%s: %s, %zu tensors", out, target->name, s.layout.count + scales_rope(&s.c));
    free(head);
    gguf_free(g);
    source_close(&s);
    tokenizer_free(tok);
    free(tok_path);
}
