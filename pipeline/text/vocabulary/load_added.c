/*
 * load_added.c - reads added_tokens: strings that are searched for in a text before it is cut
 *
 * Our own vocabularies have thousands of them, one for each code of a picture, so that duplicates are found
 * by hash.
 */
#include "pipeline/text/vocabulary/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct index {       /* a hash table of places in tokenizer.added, by the string to find */
    uint32_t *slots; /* place + 1; 0: empty; owned */
    size_t mask;
};

static void index_new(struct index *x, size_t entries)
{
    size_t n = 16;
    while (n < 2 * entries)
        n *= 2;
    x->slots = xcalloc(n, sizeof *x->slots);
    x->mask = n - 1;
}

static bool is_found_as(const struct tokenizer *t, const struct added *a, bool normalized, const char *s,
                        size_t len)
{
    return a->find_len == len && a->normalized == normalized && memcmp(t->bytes + a->find_at, s, len) == 0;
}

/* Returns the slot of the entry that is searched for as s in texts that are normalised, or in those that are
 * not; otherwise the empty slot where such an entry belongs. */
static uint32_t *slot_of(const struct tokenizer *t, const struct index *x, bool normalized, const char *s,
                         size_t len)
{
    size_t i = XXH3_64bits(s, len) & x->mask;
    while (x->slots[i] && !is_found_as(t, &t->added[x->slots[i] - 1], normalized, s, len))
        i = (i + 1) & x->mask;
    return &x->slots[i];
}

static int read_flags(struct loader *l, const json_t *v, const char *name, struct given *g)
{
    char where[160];
    snprintf(where, sizeof where, "added token \"%.100s\"", name);
    return read_bool(l, v, where, "special", false, &g->special) < 0 ||
                   read_bool(l, v, where, "single_word", false, &g->word) < 0 ||
                   read_bool(l, v, where, "lstrip", false, &g->lstrip) < 0 ||
                   read_bool(l, v, where, "rstrip", false, &g->rstrip) < 0 ||
                   read_bool(l, v, where, "normalized", false, &g->normalized) < 0
               ? -1
               : 0;
}

int read_added(struct loader *l, const json_t *v, struct given *g)
{
    const json_t *content = json_object_get(v, "content");
    const char *name = json_string_value(content);
    g->len = (uint32_t)json_string_length(content);
    if (!name || g->len == 0)
        return loader_bad(l, "added_tokens[%zu]: no content", l->n_added - 1);
    g->content = memcpy(l->in.out, name, g->len + 1); /* the JSON text of the string was longer */
    l->in.out += g->len + 1;
    return read_id(l, json_object_get(v, "id"), "added_tokens", name, &g->id) < 0 ||
                   read_flags(l, v, name, g) < 0
               ? -1
               : 0;
}

/* The library numbers added tokens in the order of the list: a token that is in the vocabulary, or that came
 * before, keeps its id; another gets the next id after all others. The id that the file gives is ignored. */
int number_added(struct loader *l)
{
    uint32_t count = l->vocab.n, highest = 0;
    struct names seen = {0};
    int rc = 0;
    for (size_t i = 0; i < l->n_added && rc == 0; i++) {
        struct given *g = &l->added[i];
        const struct name *before = names_find(&seen, g->content, g->len),
                          *there = before ? NULL : names_find(&l->vocab, g->content, g->len);
        g->first = before ? before->id : (uint32_t)i;
        g->number = before               ? l->added[before->id].number
                    : there              ? there->id
                    : (highest >= count) ? highest + 1
                                         : count;
        if (g->number >= VOCABULARY_MAX) {
            rc = loader_bad(l, "added_tokens[%zu]: more than %d ids", i, (int)VOCABULARY_MAX);
            break;
        }
        highest = g->number > highest ? g->number : highest;
        if (!before)
            names_add(&seen, g->content, g->len, (uint32_t)i);
        rc = use_for_size(l, g->number, g->content, g->len);
    }
    names_free(&seen);
    return rc;
}

static int use_added(struct loader *l, const struct index *finds, struct given *g)
{
    const char *name = g->content, *find = name;
    size_t find_len = g->len;
    struct given *first = &l->added[g->first];
    if (g->normalized && l->normaliser) /* the library searches for the normalised form */
        find = normaliser_run(l->normaliser, name, g->len, &find_len);
    if (find_len == 0)
        return loader_bad(l, "added token \"%.100s\": the normaliser leaves nothing of it", name);
    uint32_t *found = slot_of(l->t, finds, g->normalized, find, find_len);
    struct added *a = first != g ? &l->t->added[first->place] : NULL;
    if (*found && (!a || *found - 1 != first->place))
        return loader_bad(l, "added token \"%.100s\": the normaliser makes it the same as another", name);
    if (!a && !names_find(&l->vocab, name, g->len) && l->t->tokens[g->number].kind != TOKEN_UNUSED)
        return loader_bad(l, "added token \"%.100s\": id %u belongs to another token", name, g->number);
    l->t->renumbered += g->id != g->number;
    if (a && a->normalized != g->normalized)
        return loader_bad(l, "added token \"%.100s\": given twice, once normalized", name);
    if (a) { /* given again: the last entry counts, but the token stays special */
        l->t->tokens[g->number].special = a->special |= g->special;
    } else {
        a = vocabulary_add(l->t, g->number, name, g->len, find, find_len, g->special);
        *found = l->t->n_added;
        g->place = l->t->n_added - 1;
    }
    a->lstrip = g->lstrip;
    a->rstrip = g->rstrip;
    a->normalized = g->normalized;
    a->word = g->word;
    return 0;
}

int load_added(struct loader *l)
{
    struct index finds;
    int rc = 0;
    index_new(&finds, l->n_added);
    for (size_t i = 0; i < l->n_added && rc == 0; i++)
        rc = use_added(l, &finds, &l->added[i]);
    free(finds.slots);
    return rc;
}
