/*
 * bpe_train.c - byte-pair training with counts kept up to date
 *
 * Merging (a, b) visits the places where the pair occurs, and changes the counts of the pairs there: (x, a)
 * becomes (x, ab), (b, y) becomes (ab, y). Meanwhile left[x] and right[y] remember these pairs, so that each
 * is looked up once per merge and not once per place.
 *
 * Symbols are numbered in the order of ties (bpe_train.h): bytes by spelling, then
 * merges. Byte b is token id b in the result, merges have the same numbers in both.
 *
 * A pair consists of two bytes or contains a symbol of the current step. So it arises in a single step, at
 * all its places, in their order, and its count only falls from then on. No token is made in two ways (a+bc,
 * ab+c): as long as no merge crosses its ends, equal bytes go through equal merges everywhere, even runs of
 * one symbol, since a run is merged two by two from its left end. So tokens need no look-up by spelling; the
 * tests compare with a trainer that does look.
 */
#include "pipeline/text/learn/bpe_train.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/learn/bpe_pairs.h"
#include "pipeline/text/learn/bpe_text.h"
#include "pipeline/text/vocabulary/vocabulary.h"

struct side {      /* for a neighbour of the pair being merged: its pairs before and after the merge */
    uint32_t step; /* the step that filled this entry; 0 or another step: it is empty */
    uint32_t before, after;
};

struct bpe {
    uint8_t symbol_of_byte[256], byte_of_symbol[256];
    struct bpe_text text;
    struct pairs pairs;
    uint32_t *lengths;         /* lengths of symbols in bytes */
    struct side *left, *right; /* indexed by neighbour symbol */
    uint32_t step;
    uint32_t *arisen, n_arisen, arisen_cap; /* pairs that arose in this step */
    struct tokenizer *t;
    size_t bytes_left; /* room for the spellings of further tokens */
};

/* ---- symbols ---- */

struct bpe *bpe_new(void)
{
    struct bpe *b = xcalloc(1, sizeof *b);
    uint8_t next = 0;
    for (int printable = 1; printable >= 0; printable--) /* printable bytes first, the order of bytelevel.h */
        for (int c = 0; c < 256; c++)
            if (printable == ((c >= 33 && c <= 126) || (c >= 161 && c <= 172) || c >= 174)) {
                b->symbol_of_byte[c] = next;
                b->byte_of_symbol[next++] = (uint8_t)c;
            }
    return b;
}

void bpe_add(struct bpe *b, const char *word, size_t len, uint64_t count)
{
    bpe_text_add(&b->text, word, len, count, b->symbol_of_byte);
}

static uint32_t id_of_symbol(const struct bpe *b, uint32_t symbol)
{
    return symbol < 256 ? b->byte_of_symbol[symbol] : symbol;
}

/* ---- merging in the text ---- */

static void has_arisen(struct bpe *b, uint32_t pair)
{
    if (b->n_arisen == b->arisen_cap) {
        b->arisen_cap = b->arisen_cap * 2 + 1024;
        b->arisen = xrealloc(b->arisen, b->arisen_cap * sizeof *b->arisen);
    }
    b->arisen[b->n_arisen++] = pair;
}

/* At `place`, one pair becomes another because of the merge. */
static void replace_pair(struct bpe *b, struct side *s, uint32_t before[2], uint32_t after[2], uint32_t place,
                         uint64_t count)
{
    if (s->step != b->step) {
        s->step = b->step;
        s->before = pairs_index(&b->pairs, before[0], before[1]);
        s->after = pairs_index(&b->pairs, after[0], after[1]);
        has_arisen(b, s->after);
    }
    b->pairs.v[s->before].count -= count;
    b->pairs.v[s->after].count += count;
    pairs_add_position(&b->pairs, s->after, place);
}

static void apply_merge(struct bpe *b, uint32_t pair, uint32_t id)
{
    uint32_t l = b->pairs.v[pair].a, r = b->pairs.v[pair].b, few[FEW_POSITIONS], n;
    uint32_t l_len = b->lengths[l], r_len = b->lengths[r];
    uint32_t *ids = b->text.ids, *places = pairs_take(&b->pairs, pair, few, &n);
    b->step++;
    b->n_arisen = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t p = places[i];
        if (ids[p] != l || ids[p + l_len] != r)
            continue; /* merged with another symbol since */
        uint32_t x = ids[p - 1], y = ids[p + l_len + r_len];
        uint64_t count = bpe_text_count(&b->text, p);
        if (x != BPE_SEPARATOR)
            replace_pair(b, &b->left[x], (uint32_t[]){x, l}, (uint32_t[]){x, id}, p - b->lengths[x], count);
        if (y != BPE_SEPARATOR)
            replace_pair(b, &b->right[y], (uint32_t[]){r, y}, (uint32_t[]){id, y}, p, count);
        bpe_text_merge(&b->text, p, l_len, r_len, id);
    }
    pairs_give_back(places, few);
    b->pairs.v[pair].count = 0;
    for (uint32_t i = 0; i < b->n_arisen; i++)
        pairs_push(&b->pairs, b->arisen[i]);
}

/* ---- tokens ---- */

/* Returns false when there is no room for the token's bytes. */
static bool add_token(struct bpe *b, const struct pair *p, uint32_t id)
{
    char bytes[WORD_MAX];
    uint32_t l = id_of_symbol(b, p->a), r = id_of_symbol(b, p->b);
    size_t l_len = b->t->tokens[l].len, len = l_len + b->t->tokens[r].len;
    if (len > b->bytes_left)
        return false;
    memcpy(bytes, token_bytes(b->t, l), l_len);
    memcpy(bytes + l_len, token_bytes(b->t, r), len - l_len);
    vocabulary_set(b->t, id, bytes, len, TOKEN_TEXT);
    vocabulary_merge(b->t, l, r, id);
    b->lengths[id] = (uint32_t)len;
    b->bytes_left -= len;
    return true;
}

/* ---- set-up ---- */

static void begin_tokens(struct bpe *b, uint32_t vocab_size)
{
    b->t = vocabulary_new(vocab_size);
    b->lengths = xcalloc(vocab_size, sizeof *b->lengths);
    b->left = xcalloc(vocab_size, sizeof *b->left);
    b->right = xcalloc(vocab_size, sizeof *b->right);
    b->bytes_left = (size_t)BPE_TOKEN_BYTES * vocab_size;
    for (uint32_t c = 0; c < 256; c++) {
        vocabulary_set(b->t, c, &(char){(char)c}, 1, TOKEN_TEXT);
        b->lengths[c] = 1;
    }
}

static void begin_pairs(struct bpe *b, uint64_t min_count)
{
    const struct bpe_text *x = &b->text;
    pairs_init(&b->pairs, min_count);
    for (size_t w = 0; w + 1 < x->n_words; w++)
        for (uint32_t p = x->words[w].at + 1; p + 1 < x->words[w + 1].at; p++) {
            uint32_t pair = pairs_index(&b->pairs, x->ids[p], x->ids[p + 1]);
            b->pairs.v[pair].count += x->words[w].count;
            pairs_add_position(&b->pairs, pair, p);
        }
    for (uint32_t i = 0; i < b->pairs.n; i++)
        pairs_push(&b->pairs, i);
}

static void bpe_free(struct bpe *b)
{
    bpe_text_free(&b->text);
    pairs_free(&b->pairs);
    free(b->lengths);
    free(b->left);
    free(b->right);
    free(b->arisen);
    free(b);
}

size_t bpe_memory(size_t len)
{
    return 32 * (len + 1);
}

struct tokenizer *bpe_learn(struct bpe *b, const struct bpe_opts *opts, uint32_t *n_merges)
{
    struct layout layout = vocabulary_layout(opts->vocab_size);
    begin_tokens(b, opts->vocab_size);
    bpe_text_finish(&b->text);
    begin_pairs(b, opts->min_count);
    uint32_t id = 256, pair;
    while (id < layout.n_text && !stop_signal && pairs_best(&b->pairs, &pair)) {
        if (!add_token(b, &b->pairs.v[pair], id))
            continue; /* the pair is no candidate any more */
        apply_merge(b, pair, id++);
        opts->progress(id, layout.n_text);
    }
    struct tokenizer *t = b->t;
    bpe_free(b);
    *n_merges = t->n_merges;
    vocabulary_add_rest(t, &layout, id);
    char why[200];
    if (vocabulary_finish(t, why, sizeof why) < 0)
        die("trained vocabulary: %s", why);
    if (!stop_signal)
        return t;
    tokenizer_free(t);
    return NULL;
}
