#include "pipeline/tokenize/media.h"

#include <stdio.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

const struct modality *stage_modality(int argc, char **argv)
{
    const struct modality *m = NULL;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--modality=", 11) == 0)
            m = modality_find(argv[i] + 11);
        else if (strcmp(argv[i], "--modality") == 0 && i + 1 < argc)
            m = modality_find(argv[++i]);
    }
    return m;
}

static bool is_named(const struct tokenizer *t, uint32_t id, const char *name)
{
    size_t len;
    const char *bytes = tokenizer_bytes(t, id, &len);
    return bytes && len == strlen(name) && memcmp(bytes, name, len) == 0;
}

struct media_ids media_ids_of(const struct modality *m, const struct tokenizer *t, const char *path)
{
    char open[32], close[32], first[32], last[32];
    struct media_ids ids = {.n = m->n_codes};
    snprintf(open, sizeof open, "<|%s|>", m->name);
    snprintf(close, sizeof close, "<|/%s|>", m->name);
    snprintf(first, sizeof first, "<|%s_0|>", m->name);
    snprintf(last, sizeof last, "<|%s_%u|>", m->name, m->n_codes - 1);
    ids.open = tokenizer_special(t, open);
    ids.close = tokenizer_special(t, close);
    while (ids.base < tokenizer_vocab_size(t) && !is_named(t, ids.base, first))
        ids.base++;
    if (ids.open == UINT32_MAX || ids.close == UINT32_MAX || !is_named(t, ids.base + ids.n - 1, last))
        die("%s: has no %s codes: a tokenizer of 65,536 ids or more is needed", path, m->name);
    return ids;
}

char *media_codebook_path(const struct modality *m, const char *tokenizer_path)
{
    size_t n = strlen(tokenizer_path);
    if (n > 5 && strcmp(tokenizer_path + n - 5, ".json") == 0)
        n -= 5;
    return xasprintf("%.*s.%s.safetensors", (int)n, tokenizer_path, m->name);
}

void *media_codec_load(const struct modality *m, const char *path)
{
    char err[800];
    void *codec = m->load(path, err, sizeof err);
    if (!codec)
        die("%s", err);
    return codec;
}
