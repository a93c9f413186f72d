/*
 * bpe_text.h - the distinct words, as symbols that are merged in place
 *
 * The text is one array with a place for each byte of each word, and one before each word that separates it.
 * A symbol of n bytes takes n places: its id stands in the first and in the last of them, and the places
 * between are dead. So the next symbol begins n places later, the previous one ends one place earlier, and no
 * links are stored.
 */
#ifndef LEARN_BPE_TEXT_H
#define LEARN_BPE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define BPE_SEPARATOR UINT32_MAX
#define BPE_DEAD (UINT32_MAX - 1)

struct bpe_word {
    uint64_t count;
    uint32_t at; /* place of its separator */
};

struct bpe_text {
    uint32_t *ids; /* n places; the last is a separator after bpe_text_finish */
    size_t n, cap;
    struct bpe_word *words;
    size_t n_words, words_cap;
    uint32_t *block_word; /* for each 16th place, the word that it is in */
};

/* Adds a word, whose bytes become ids by the table. n + len + 2 must stay below BPE_DEAD. */
void bpe_text_add(struct bpe_text *t, const char *word, size_t len, uint64_t count,
                  const uint8_t id_of_byte[256]);
void bpe_text_finish(struct bpe_text *t);
void bpe_text_free(struct bpe_text *t);

/* Returns how often the word at a place occurs. */
static inline uint64_t bpe_text_count(const struct bpe_text *t, uint32_t place)
{
    uint32_t w = t->block_word[place / 16];
    while (t->words[w + 1].at <= place)
        w++;
    return t->words[w].count;
}

/* Merges two neighbours, of n and m bytes, into one symbol. */
static inline void bpe_text_merge(struct bpe_text *t, uint32_t place, uint32_t n, uint32_t m, uint32_t id)
{
    t->ids[place + n - 1] = t->ids[place + n] = BPE_DEAD;
    t->ids[place] = t->ids[place + n + m - 1] = id;
}

#endif
