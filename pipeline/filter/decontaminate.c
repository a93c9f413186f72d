#include "pipeline/filter/decontaminate.h"

#include "pipeline/filter/simplify.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/random.h"
#include "pipeline/stream/input.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { GRAM = 13, LEAST_GRAM = 8, FIRST_SLOTS = 1 << 16 };

struct evaluation {
    uint64_t *slots; /* hashes of n-grams; 0: free */
    size_t n_slots, n;
    uint64_t memory;
    bool lengths[GRAM + 1]; /* which lengths of n-grams there are */
    uint64_t texts, short_texts;
};

static uint64_t *slot(uint64_t *slots, size_t n_slots, uint64_t hash)
{
    size_t i = hash & (n_slots - 1);
    while (slots[i] && slots[i] != hash)
        i = (i + 1) & (n_slots - 1);
    return &slots[i];
}

static void grow(struct evaluation *e, const char *file)
{
    size_t n = e->n_slots ? 2 * e->n_slots : FIRST_SLOTS;
    if (n * sizeof *e->slots > e->memory)
        die("%s: more evaluation text than --memory has room for", file);
    uint64_t *slots = xcalloc_huge(n, sizeof *slots);
    for (size_t i = 0; i < e->n_slots; i++)
        if (e->slots[i])
            *slot(slots, n, e->slots[i]) = e->slots[i];
    free_huge(e->slots, e->n_slots, sizeof *e->slots);
    e->slots = slots;
    e->n_slots = n;
}

/* The hash of one word more, from that of the words before it. */
static uint64_t add_word(uint64_t hash, const struct word *w)
{
    return (hash ^ w->hash) * RANDOM_GAMMA + (hash >> 29);
}

/* The hash of n words, not 0, from what add_word has made of them. */
static uint64_t finish(uint64_t hash, unsigned n)
{
    hash = mix64(hash + n);
    return hash | (hash == 0);
}

static void add_gram(struct evaluation *e, const struct word *w, unsigned n, const char *file)
{
    uint64_t hash = 0;
    for (unsigned i = 0; i < n; i++)
        hash = add_word(hash, &w[i]);
    hash = finish(hash, n);
    if (2 * (e->n + 1) > e->n_slots)
        grow(e, file);
    uint64_t *at = slot(e->slots, e->n_slots, hash);
    e->n += *at == 0;
    *at = hash;
    e->lengths[n] = true;
}

static void add_text(struct evaluation *e, const struct words *w, const char *file)
{
    e->texts++;
    if (w->n < LEAST_GRAM)
        e->short_texts++;
    else if (w->n < GRAM)
        add_gram(e, w->v, (unsigned)w->n, file);
    for (size_t i = 0; i + GRAM <= w->n; i++)
        add_gram(e, w->v + i, GRAM, file);
}

/* Adds all strings in a JSON value to a text, with spaces between them. */
static void collect(struct strbuf *text, const json_t *v)
{
    const char *key;
    json_t *part;
    size_t i;
    if (json_is_string(v)) {
        strbuf_add(text, json_string_value(v), json_string_length(v));
        strbuf_add(text, " ", 1);
    }
    json_object_foreach((json_t *)v, key, part) collect(text, part);
    json_array_foreach(v, i, part) collect(text, part);
}

/* The text of a document: all strings of a JSON object. */
static struct span evaluation_text(struct strbuf *all, const struct doc *d)
{
    json_error_t error;
    if (d->text[0] != '{')
        return (struct span){d->text, d->len};
    json_t *object =
        doc_too_many_values(d->text, d->len) ? NULL : json_loadb(d->text, d->len, JSON_ALLOW_NUL, &error);
    if (!object)
        die("%s: not a JSON object", d->id);
    strbuf_reset(all);
    collect(all, object);
    json_decref(object);
    return (struct span){all->s ? all->s : "", all->len};
}

struct evaluation *evaluation_read(const struct str_list *files, uint64_t memory)
{
    struct input_opts opts = {.domain = -1, .raw_json = true};
    struct evaluation *e = xcalloc(1, sizeof *e);
    struct strbuf all = {0}, simple = {0};
    struct words w = {0};
    struct doc d;
    e->memory = memory;
    for (size_t i = 0; i < files->n; i++) {
        struct input *in = input_open(&opts, &files->v[i], 1);
        while (input_next(in, &d)) {
            simplify(&simple, evaluation_text(&all, &d));
            words_split(&w, simple.s ? simple.s : "", simple.len);
            add_text(e, &w, files->v[i]);
        }
        input_close(in);
    }
    if (e->short_texts)
        say("%llu of %llu evaluation texts have fewer than %d words, and are not looked for",
            (unsigned long long)e->short_texts, (unsigned long long)e->texts, LEAST_GRAM);
    strbuf_free(&all);
    strbuf_free(&simple);
    words_free(&w);
    return e;
}

bool evaluation_has(const struct evaluation *e, const struct words *w)
{
    for (size_t i = 0; i < w->n && e->n > 0; i++) {
        uint64_t hash = 0;
        for (unsigned n = 1; n <= GRAM && i + n <= w->n; n++) {
            hash = add_word(hash, &w->v[i + n - 1]);
            if (e->lengths[n] && *slot(e->slots, e->n_slots, finish(hash, n)))
                return true;
        }
    }
    return false;
}

void evaluation_free(struct evaluation *e)
{
    if (!e)
        return;
    free_huge(e->slots, e->n_slots, sizeof *e->slots);
    free(e);
}
