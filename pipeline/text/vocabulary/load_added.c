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

struct index {       /* a hash table of places in tokenizer.added, by content or by the string to find */
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

static bool has_key(const struct tokenizer *t, const struct added *a, bool find, bool normalized,
                    const char *s, size_t len)
{
    uint32_t at = find ? a->find_at : a->at, n = find ? a->find_len : a->len;
    return n == len && (!find || a->normalized == normalized) && memcmp(t->bytes + at, s, len) == 0;
}

/* Returns the slot of the entry with this content or, when `find`, of the one that is searched for as s in
 * texts that are normalised, or in those that are not; otherwise the empty slot where such an entry belongs.
 */
static uint32_t *slot_of(const struct tokenizer *t, const struct index *x, bool find, bool normalized,
                         const char *s, size_t len)
{
    size_t i = XXH3_64bits(s, len) & x->mask;
    while (x->slots[i] && !has_key(t, &t->added[x->slots[i] - 1], find, normalized, s, len))
        i = (i + 1) & x->mask;
    return &x->slots[i];
}

static int read_flags(struct loader *l, const json_t *v, const char *name, struct added *flags)
{
    char where[160];
    snprintf(where, sizeof where, "added token \"%.100s\"", name);
    return read_bool(l, v, where, "special", false, &flags->special) < 0 ||
                   read_bool(l, v, where, "single_word", false, &flags->word) < 0 ||
                   read_bool(l, v, where, "lstrip", false, &flags->lstrip) < 0 ||
                   read_bool(l, v, where, "rstrip", false, &flags->rstrip) < 0 ||
                   read_bool(l, v, where, "normalized", false, &flags->normalized) < 0
               ? -1
               : 0;
}

int read_added(struct loader *l, const json_t *v, struct given *g)
{
    const json_t *content = json_object_get(v, "content");
    const char *name = json_string_value(content);
    g->len = json_string_length(content);
    if (!name || g->len == 0)
        return loader_bad(l, "added_tokens[%zu]: no content", l->n_added - 1);
    g->content = memcpy(l->in.out, name, g->len + 1); /* the JSON text of the string was longer */
    l->in.out += g->len + 1;
    return read_id(l, json_object_get(v, "id"), "added_tokens", name, &g->id) < 0 ||
                   read_flags(l, v, name, &g->flags) < 0
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
                          *there = before ? before : names_find(&l->vocab, g->content, g->len);
        g->number = there ? there->id : highest >= count ? highest + 1 : count;
        if (g->number >= VOCABULARY_MAX) {
            rc = loader_bad(l, "added_tokens[%zu]: more than %d ids", i, (int)VOCABULARY_MAX);
            break;
        }
        highest = g->number > highest ? g->number : highest;
        if (!before)
            names_add(&seen, g->content, g->len, g->number);
        rc = use_for_size(l, g->number, g->content, g->len);
    }
    names_free(&seen);
    return rc;
}

static int use_added(struct loader *l, const struct index *contents, const struct index *finds,
                     const struct given *g)
{
    const char *name = g->content, *find = name;
    size_t len = g->len, find_len = len;
    uint32_t id = g->number;
    struct added flags = g->flags;
    if (flags.normalized && l->normaliser) /* the library searches for the normalised form */
        find = normaliser_run(l->normaliser, name, len, &find_len);
    if (find_len == 0)
        return loader_bad(l, "added token \"%.100s\": the normaliser leaves nothing of it", name);
    uint32_t *same = slot_of(l->t, contents, false, false, name, len),
             *found = slot_of(l->t, finds, true, flags.normalized, find, find_len);
    struct added *a = *same ? &l->t->added[*same - 1] : NULL;
    if (*found && *found != *same)
        return loader_bad(l, "added token \"%.100s\": the normaliser makes it the same as another", name);
    if (!a && !names_find(&l->vocab, name, len) && l->t->tokens[id].kind != TOKEN_UNUSED)
        return loader_bad(l, "added token \"%.100s\": id %u belongs to another token", name, id);
    l->t->renumbered += g->id != id;
    if (a && a->normalized != flags.normalized)
        return loader_bad(l, "added token \"%.100s\": given twice, once normalized", name);
    if (a) { /* given again: the last entry counts, but the token stays special */
        l->t->tokens[id].special = a->special |= flags.special;
    } else {
        a = vocabulary_add(l->t, id, name, len, find, find_len, flags.special);
        *same = *found = l->t->n_added;
    }
    a->lstrip = flags.lstrip;
    a->rstrip = flags.rstrip;
    a->normalized = flags.normalized;
    a->word = flags.word;
    return 0;
}

int load_added(struct loader *l)
{
    struct index contents, finds;
    int rc = 0;
    index_new(&contents, l->n_added);
    index_new(&finds, l->n_added);
    for (size_t i = 0; i < l->n_added && rc == 0; i++)
        rc = use_added(l, &contents, &finds, &l->added[i]);
    free(contents.slots);
    free(finds.slots);
    return rc;
}
