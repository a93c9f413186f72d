#include "pipeline/text/learn/bpe_text.h"

#include <stdlib.h>

#include "pipeline/lib/fs.h"

static void add_word(struct bpe_text *t, uint64_t count)
{
    if (t->n_words == t->words_cap) {
        t->words_cap = t->words_cap + t->words_cap / 2 + 4096;
        t->words = xrealloc(t->words, t->words_cap * sizeof *t->words);
    }
    t->words[t->n_words++] = (struct bpe_word){count, (uint32_t)t->n};
}

void bpe_text_add(struct bpe_text *t, const char *word, size_t len, uint64_t count,
                  const uint8_t id_of_byte[256])
{
    if (t->n + len + 2 > t->cap) {
        t->cap = t->n + t->n / 2 + len + 65536;
        t->ids = xrealloc(t->ids, t->cap * sizeof *t->ids);
    }
    add_word(t, count);
    t->ids[t->n++] = BPE_SEPARATOR;
    for (size_t i = 0; i < len; i++)
        t->ids[t->n++] = id_of_byte[(unsigned char)word[i]];
}

void bpe_text_finish(struct bpe_text *t)
{
    bpe_text_add(t, "", 0, 0, NULL); /* adds the last separator */
    t->block_word = xcalloc(t->n / 16 + 1, sizeof *t->block_word);
    for (uint32_t w = 0; w < t->n_words; w++) /* blocks that begin within this word; the last word remains */
        for (size_t block = (t->words[w].at + 15) / 16; block <= t->n / 16; block++) {
            if (w + 1 < t->n_words && block * 16 >= t->words[w + 1].at)
                break;
            t->block_word[block] = w;
        }
}

void bpe_text_free(struct bpe_text *t)
{
    free(t->ids);
    free(t->words);
    free(t->block_word);
    *t = (struct bpe_text){0};
}
