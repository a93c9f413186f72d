/*
 * layout.c - assigns ids to text, special tokens, image and audio codes (tokenizer.md)
 */
#include <stdio.h>
#include <string.h>

#include "pipeline/text/vocabulary/vocabulary.h"

enum {
    FULL_SPECIAL_FROM =
        49152, /* vocabularies of at least this size have all special ids, smaller ones a short list */
    FULL_SPECIAL = 256,
    SHORT_SPECIAL = 32,
    CODES_FROM = 65536,
    IMAGE_CODES = 8192,
    AUDIO_CODES = 8192,
};

static const char *const special_names[] = {
    "pad",    "bos",   "eos",    "unk",        "text",       "/text",      "code",     "/code",  "image",
    "/image", "audio", "/audio", "fim_prefix", "fim_middle", "fim_suffix", "im_start", "im_end",
};
enum { N_NAMES = sizeof special_names / sizeof *special_names };

struct layout vocabulary_layout(uint32_t vocab_size)
{
    struct layout l = {.n_special = vocab_size >= FULL_SPECIAL_FROM ? FULL_SPECIAL : SHORT_SPECIAL};
    if (vocab_size >= CODES_FROM) {
        l.n_image = IMAGE_CODES;
        l.n_audio = AUDIO_CODES;
    }
    l.n_text = vocab_size - l.n_special - l.n_image - l.n_audio;
    return l;
}

static void set_numbered(struct tokenizer *t, uint32_t id, const char *name, uint32_t number,
                         enum token_kind kind)
{
    char content[64];
    int len = snprintf(content, sizeof content, "<|%s_%u|>", name, number);
    vocabulary_set(t, id, content, (size_t)len, kind);
}

void vocabulary_add_rest(struct tokenizer *t, const struct layout *l, uint32_t n_made)
{
    uint32_t id = n_made;
    for (uint32_t i = 0; id < l->n_text; i++)
        set_numbered(t, id++, "unused", i, TOKEN_CODE);
    for (uint32_t i = 0; i < l->n_special; i++, id++) {
        char content[64];
        if (i >= N_NAMES) {
            set_numbered(t, id, "reserved", i - N_NAMES, TOKEN_SPECIAL);
            continue;
        }
        int len = snprintf(content, sizeof content, "<|%s|>", special_names[i]);
        vocabulary_set(t, id, content, (size_t)len, TOKEN_SPECIAL);
    }
    for (uint32_t i = 0; i < l->n_image; i++)
        set_numbered(t, id++, "image", i, TOKEN_SPECIAL);
    for (uint32_t i = 0; i < l->n_audio; i++)
        set_numbered(t, id++, "audio", i, TOKEN_SPECIAL);
}
