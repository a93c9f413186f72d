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

/* The library numbers added tokens in the order of the list: a token that is in the vocabulary, or that came
 * before, keeps its id; another gets the next id after all others. The id that the file gives is ignored. */
int number_added(struct loader *l)
{
    uint32_t count = (uint32_t)json_object_size(l->vocab), highest = 0;
    json_t *seen = json_object(), *v;
    size_t i;
    int rc = 0;
    l->added_ids = xcalloc(json_array_size(l->added) + 1, sizeof *l->added_ids);
    json_array_foreach(l->added, i, v)
    {
        const json_t *content = json_object_get(v, "content"), *there;
        const char *name = json_string_value(content);
        uint32_t id;
        if (!name || json_string_length(content) == 0 || strlen(name) != json_string_length(content)) {
            rc = loader_bad(l, "added_tokens[%zu]: no content", i);
            break;
        }
        if ((rc = read_id(l, json_object_get(v, "id"), "added_tokens", name, &id)) < 0)
            break;
        there = json_object_get(seen, name);
        there = there ? there : json_object_get(l->vocab, name);
        if (there && (rc = read_id(l, there, "added_tokens", name, &id)) < 0)
            break;
        if (!there)
            id = highest >= count ? highest + 1 : count;
        if (id >= VOCABULARY_MAX &&
            (rc = loader_bad(l, "added_tokens[%zu]: more than %d ids", i, (int)VOCABULARY_MAX)) < 0)
            break;
        l->added_ids[i] = id;
        highest = id > highest ? id : highest;
        json_object_set_new(seen, name, json_integer(id));
        if ((rc = use_for_size(l, id, name, strlen(name))) < 0)
            break;
    }
    json_decref(seen);
    return rc;
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

static int use_added(struct loader *l, const struct index *contents, const struct index *finds, size_t i,
                     const json_t *v)
{
    const char *name = json_string_value(json_object_get(v, "content")), *find = name;
    size_t len = strlen(name), find_len = len;
    uint32_t id = l->added_ids[i];
    struct added flags = {0};
    if (read_flags(l, v, name, &flags) < 0)
        return -1;
    if (flags.normalized && l->normaliser) /* the library searches for the normalised form */
        find = normaliser_run(l->normaliser, name, len, &find_len);
    if (find_len == 0)
        return loader_bad(l, "added token \"%.100s\": the normaliser leaves nothing of it", name);
    uint32_t *same = slot_of(l->t, contents, false, false, name, len),
             *found = slot_of(l->t, finds, true, flags.normalized, find, find_len);
    struct added *a = *same ? &l->t->added[*same - 1] : NULL;
    if (*found && *found != *same)
        return loader_bad(l, "added token \"%.100s\": the normaliser makes it the same as another", name);
    const json_t *in_vocab = json_object_get(l->vocab, name);
    if (!a && !in_vocab && l->t->tokens[id].kind != TOKEN_UNUSED)
        return loader_bad(l, "added token \"%.100s\": id %u belongs to another token", name, id);
    l->t->renumbered += json_integer_value(json_object_get(v, "id")) != id;
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
    size_t i;
    json_t *v;
    int rc = 0;
    index_new(&contents, json_array_size(l->added));
    index_new(&finds, json_array_size(l->added));
    json_array_foreach(l->added, i, v) if ((rc = use_added(l, &contents, &finds, i, v)) < 0) break;
    free(contents.slots);
    free(finds.slots);
    return rc;
}
