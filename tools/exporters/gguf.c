/*
 * gguf.c - a model directory as one GGUF file (formats/gguf.md)
 */
#include "tools/exporters/exporters.h"

#include "formats/gguf.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/model/checkpoint.h"
#include "pipeline/text/pretokenize/bytelevel.h"
#include "pipeline/text/vocabulary/vocabulary.h"

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

static void put_model(struct gguf *g, const struct model_config *c, const char *name, const struct target *t)
{
    gguf_put_string(g, "general.architecture", "qwen3");
    gguf_put_string(g, "general.type", "model");
    gguf_put_string(g, "general.name", name);
    gguf_put_u32(g, "general.file_type", t->file_type);
    gguf_put_u32(g, "general.quantization_version", 2);
    gguf_put_u32(g, "qwen3.block_count", (uint32_t)c->L);
    gguf_put_u32(g, "qwen3.context_length", (uint32_t)c->T);
    gguf_put_u32(g, "qwen3.embedding_length", (uint32_t)c->C);
    gguf_put_u32(g, "qwen3.feed_forward_length", (uint32_t)c->F);
    gguf_put_u32(g, "qwen3.attention.head_count", (uint32_t)c->H);
    gguf_put_u32(g, "qwen3.attention.head_count_kv", (uint32_t)c->Hkv);
    gguf_put_u32(g, "qwen3.attention.key_length", (uint32_t)c->D);
    gguf_put_u32(g, "qwen3.attention.value_length", (uint32_t)c->D);
    gguf_put_f32(g, "qwen3.attention.layer_norm_rms_epsilon", c->eps);
    gguf_put_f32(g, "qwen3.rope.freq_base", (float)c->rope_theta);
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

/* The token as it is written in tokenizer.json. Unused ids get a name, since llama.cpp wants names that
 * differ. */
static char *spelling(const struct tokenizer *t, uint32_t id)
{
    const struct token *k = &t->tokens[id];
    struct strbuf s = {0};
    if (k->kind == TOKEN_UNUSED)
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

static void put_tokenizer(struct gguf *g, const struct tokenizer *t, const char *path)
{
    static const int32_t types[] = {
        [TOKEN_UNUSED] = 5, [TOKEN_TEXT] = 1, [TOKEN_CODE] = 1, [TOKEN_ADDED] = 4, [TOKEN_SPECIAL] = 3};
    char **words = xcalloc(t->vocab_size, sizeof *words);
    char **merges = xcalloc(t->n_merges + 1, sizeof *merges);
    int32_t *kinds = xcalloc(t->vocab_size, sizeof *kinds);
    for (uint32_t id = 0; id < t->vocab_size; id++) {
        words[id] = spelling(t, id);
        kinds[id] = types[t->tokens[id].kind];
    }
    for (uint32_t i = 0; i < t->n_merges; i++)
        merges[i] = xasprintf("%s %s", words[t->merges[i].left], words[t->merges[i].right]);
    gguf_put_string(g, "tokenizer.ggml.model", "gpt2");
    gguf_put_string(g, "tokenizer.ggml.pre", pattern_name(t, path));
    gguf_put_strings(g, "tokenizer.ggml.tokens", (const char *const *)words, t->vocab_size);
    gguf_put_i32s(g, "tokenizer.ggml.token_type", kinds, t->vocab_size);
    gguf_put_strings(g, "tokenizer.ggml.merges", (const char *const *)merges, t->n_merges);
    put_special(g, "tokenizer.ggml.bos_token_id", tokenizer_bos(t));
    put_special(g, "tokenizer.ggml.eos_token_id", tokenizer_eos(t));
    put_special(g, "tokenizer.ggml.padding_token_id", tokenizer_special(t, "<|pad|>"));
    put_special(g, "tokenizer.ggml.unknown_token_id", tokenizer_special(t, "<|unk|>"));
    gguf_put_bool(g, "tokenizer.ggml.add_bos_token", false);
    for (uint32_t id = 0; id < t->vocab_size; id++)
        free(words[id]);
    for (uint32_t i = 0; i < t->n_merges; i++)
        free(merges[i]);
    free(words);
    free(merges);
    free(kinds);
}

/* ---- the tensors ---- */

static void tensor_name(char *out, size_t cap, const struct param *p)
{
    if (p->layer < 0)
        snprintf(out, cap, "%s.weight", tensor_names[p->kind]);
    else
        snprintf(out, cap, "blk.%d.%s.weight", p->layer, tensor_names[p->kind]);
}

static void list_tensors(struct gguf *g, const struct params *layout, const struct target *t, const char *dir)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct param *p = &layout->v[i];
        char name[64];
        tensor_name(name, sizeof name, p);
        if (gguf_add_tensor(g, name, type_of(t, p), (uint64_t)p->cols,
                            param_is_matrix(p) ? (uint64_t)p->rows : 0) != 0)
            die("%s: tensor '%s' is %d wide, and %s holds blocks of %d: take f16 or bf16", dir, p->name,
                p->cols, t->name, GGUF_BLOCK);
    }
}

static void write_tensor(FILE *f, const char *path, const struct safetensors *s, const struct param *p,
                         enum gguf_type type)
{
    static const char zeros[GGUF_ALIGNMENT];
    static float x[CHUNK];
    static char converted[CHUNK * sizeof(float)];
    char err[512];
    const struct st_tensor *from = safetensors_find(s, p->name);
    if (!from || from->n != p->n)
        die("%s: tensor '%s' is missing or of another size than config.json says", path, p->name);
    for (size_t at = 0; at < p->n; at += CHUNK) {
        size_t n = p->n - at < CHUNK ? p->n - at : CHUNK;
        if (safetensors_read_f32(s, from, at, n, x, err, sizeof err) != 0)
            die("%s", err);
        gguf_convert(type, x, n, converted);
        fwrite(converted, 1, gguf_bytes(type, n), f);
    }
    fwrite(zeros, 1, gguf_padding(gguf_bytes(type, p->n)), f);
}

void export_gguf(const char *dir, const char *name, const char *out, const char *dtype)
{
    char err[1024], *tok_path = path_join(dir, "tokenizer.json"), *path = path_join(dir, "model.safetensors");
    const struct target *target = target_named(dtype);
    struct model_config c;
    struct params layout;
    if (checkpoint_verify_model(dir, err, sizeof err) != 0 ||
        checkpoint_config(dir, &c, err, sizeof err) != 0)
        die("%s", err);
    apart_input(path);
    apart_input(tok_path);
    struct tokenizer *tok = tokenizer_load(tok_path, err, sizeof err);
    struct safetensors *s = tok ? safetensors_open(path, err, sizeof err) : NULL;
    if (!s)
        die("%s", err);
    struct gguf *g = gguf_new();
    if (!g || params_layout(&layout, &c) != 0)
        die("out of memory");
    if (tokenizer_vocab_size(tok) != (uint32_t)c.V)
        die("%s: a vocabulary of %u, config.json says %d", tok_path, tokenizer_vocab_size(tok), c.V);
    put_model(g, &c, name, target);
    put_tokenizer(g, tok, tok_path);
    list_tensors(g, &layout, target, dir);
    size_t len;
    char *head = gguf_header(g, &len);
    if (!head)
        die("out of memory");
    struct commit commit;
    FILE *f = commit_open(&commit, out);
    fwrite(head, 1, len, f);
    for (size_t i = 0; i < layout.count; i++)
        write_tensor(f, path, s, &layout.v[i], type_of(target, &layout.v[i]));
    commit_finish(&commit);
    say("%s: %s, %zu tensors", out, target->name, layout.count);
    free(head);
    gguf_free(g);
    params_free(&layout);
    safetensors_close(s);
    tokenizer_free(tok);
    free(tok_path);
    free(path);
}
