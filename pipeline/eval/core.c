#include "pipeline/eval/core.h"
#include "formats/json_text.h"
#include "pipeline/eval/mersenne.h"
#include "pipeline/eval/prompt.h"
#include "pipeline/eval/report.h"
#include "pipeline/eval/rows.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/signals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 256,         /* rows that are scored together */
    SHUFFLE_SEED = 1337, /* these two are nanochat's */
    SHOTS_SEED = 1234,   /* plus the row's place after the shuffling */
};

struct item { /* a row */
    json_t *row;
    char *place; /* owned, both */
    size_t options;
    size_t gold;
};

struct items {
    const struct core_task *task;
    struct item *v; /* owned: shuffled */
    size_t n;
};

/* Appends the text of an item with one of its options. whole: with what is to be predicted. */
static void add_text(struct strbuf *b, const struct core_task *t, const struct item *item, size_t option,
                     bool whole)
{
    static const char *const first[] = {
        [CORE_CHOICE] = "{query}", [CORE_SCHEMA] = "{context_options.%zu}", [CORE_TEXT] = "{context|strip}"};
    static const char *const second[] = {
        [CORE_CHOICE] = "{choices.%zu}", [CORE_SCHEMA] = "{continuation}", [CORE_TEXT] = "{continuation}"};
    char before[64], after[64], why[PROMPT_WHY];
    snprintf(before, sizeof before, first[t->kind], option);
    snprintf(after, sizeof after, second[t->kind], option);
    bool good = prompt_fill(b, before, item->row, why);
    strbuf_add(b, t->delimiter, strlen(t->delimiter));
    if (!good || (whole && !prompt_fill(b, after, item->row, why)))
        die("%s: %s: %s", item->place, t->label, why);
}

static struct item make_item(const struct core_task *t, json_t *row, char *place)
{
    const json_t *list = json_object_get(row, t->kind == CORE_CHOICE ? "choices" : "context_options"),
                 *gold = json_object_get(row, "gold");
    struct item item = {row, place, 1, 0};
    struct strbuf b = {0};
    if (t->kind != CORE_TEXT) {
        item.options = json_array_size(list);
        item.gold = (size_t)json_integer_value(gold);
        if (item.options < 1 || !json_is_integer(gold) || item.gold >= item.options)
            die("%s: %s: %s is no list, or gold none of its places", place, t->label,
                t->kind == CORE_CHOICE ? "choices" : "context_options");
    }
    for (size_t k = 0; k < item.options; k++)
        add_text(&b, t, &item, k, true); /* dies where something is missing */
    strbuf_free(&b);
    return item;
}

/* Reads all rows, shuffles them, and keeps the first `limit` of them; 0: all. */
static void items_read(struct items *s, const struct core_task *t, uint64_t limit)
{
    struct items all = {.task = t};
    struct mersenne m;
    char *place;
    struct rows *r = rows_open(t->path);
    for (json_t *row; !stop_signal && (row = rows_next(r, &place));) {
        if ((all.n & (all.n - 1)) == 0) /* room for a power of two */
            all.v = xrealloc(all.v, (all.n ? 2 * all.n : 1) * sizeof *all.v);
        all.v[all.n++] = make_item(t, row, place);
    }
    rows_close(r);
    if (all.n == 0 && !stop_signal)
        die("%s: no rows", t->path);
    size_t *order = xcalloc(all.n + 1, sizeof *order);
    for (size_t i = 0; i < all.n; i++)
        order[i] = i;
    mersenne_seed(&m, SHUFFLE_SEED);
    mersenne_shuffle(&m, order, all.n);
    size_t keep = limit > 0 && limit < all.n ? limit : all.n;
    *s = (struct items){t, xcalloc(keep + 1, sizeof *s->v), keep};
    for (size_t i = 0; i < all.n; i++) {
        if (i < keep) {
            s->v[i] = all.v[order[i]];
        } else {
            json_decref(all.v[order[i]].row);
            free(all.v[order[i]].place);
        }
    }
    free(order);
    free(all.v);
    if (t->shots >= keep && !stop_signal)
        die("%s: %zu rows, too few for %zu examples before each", t->path, keep, t->shots);
}

static void items_free(struct items *s)
{
    for (size_t i = 0; i < s->n; i++) {
        json_decref(s->v[i].row);
        free(s->v[i].place);
    }
    free(s->v);
}

/* Appends the solved items that come before item i. */
static void add_shots(struct strbuf *b, const struct items *s, size_t i)
{
    struct mersenne m;
    size_t shots = s->task->shots, *drawn = xcalloc(shots + 1, sizeof *drawn);
    mersenne_seed(&m, SHOTS_SEED + i);
    if (shots > 0)
        mersenne_sample(&m, s->n - 1, shots, drawn);
    for (size_t k = 0; k < shots; k++) {
        const struct item *example = &s->v[drawn[k] < i ? drawn[k] : drawn[k] + 1];
        add_text(b, s->task, example, example->gold, true);
        strbuf_add(b, "\n\n", 2);
    }
    free(drawn);
}

/* How many texts an item has: one for each option; a text without its continuation and one with it. */
static size_t count_texts(const struct items *s, size_t i)
{
    return s->task->kind == CORE_TEXT ? 2 : s->v[i].options;
}

/* The k-th text of item i. Malloced. */
static char *text_of(const struct items *s, size_t i, size_t k)
{
    struct strbuf b = {0};
    bool text = s->task->kind == CORE_TEXT;
    strbuf_add(&b, "", 0);
    add_shots(&b, s, i);
    add_text(&b, s->task, &s->v[i], text ? 0 : k, !text || k == 1);
    if (text && k == 0)
        prompt_strip(b.s);
    return b.s;
}

static struct request encode_text(const struct loaded *m, struct encoder *e, const char *text)
{
    size_t n;
    const uint32_t *ids = encode(e, text, strlen(text), false, &n);
    /* our models have learnt that a document begins after the end of another */
    uint32_t first = m->foreign ? tokenizer_bos(m->tok) : UINT32_MAX;
    first = first != UINT32_MAX ? first : tokenizer_eos(m->tok);
    bool begun = first != UINT32_MAX;
    struct request r = {.tokens = xcalloc(n + 1, sizeof *r.tokens), .n = (int)n + begun};
    r.tokens[0] = (int32_t)first;
    for (size_t i = 0; i < n; i++)
        r.tokens[i + begun] = (int32_t)ids[i];
    return r;
}

/* How many tokens all rows begin with, or (at_end) end with. */
static int common(const struct request *r, size_t n, bool at_end)
{
    int length = 0, least = r[0].n;
    for (size_t k = 1; k < n; k++)
        least = r[k].n < least ? r[k].n : least;
    for (; length < least; length++)
        for (size_t k = 1; k < n; k++)
            if (r[k].tokens[at_end ? r[k].n - 1 - length : length] !=
                r[0].tokens[at_end ? r[0].n - 1 - length : length])
                return length;
    return length;
}

/* Cuts what the model cannot see off a row's beginning. Returns false when nothing stands before what is
 * scored. */
static bool fit(struct request *r, int T)
{
    int cut = r->n > T ? r->n - T : 0;
    memmove(r->tokens, r->tokens + cut, (size_t)(r->n - cut) * sizeof *r->tokens);
    r->n -= cut;
    r->begin -= cut;
    return r->begin >= 1 && r->n > 1;
}

struct block { /* rows of tokens of some items */
    struct request *r;
    double *score; /* both owned: each item's stand together */
    int *length;   /* owned: the tokens that a score is over */
    size_t *first; /* owned: (items + 1) the first row of each item; equal to the next one: refused */
    bool *greedy;  /* owned: by item */
    size_t n;
};

/* Adds the rows of item i, the at-th of the block, unless its texts cannot be scored: what is scored does not
 * fit the model's context, or a text without its continuation is not the beginning of the text with it. */
static void block_add(struct block *b, const struct loaded *m, struct encoder *e, const struct items *s,
                      size_t i, size_t at, int T)
{
    size_t n = count_texts(s, i);
    struct request *r = xcalloc(n, sizeof *r);
    bool good = true;
    for (size_t k = 0; k < n; k++) {
        char *text = text_of(s, i, k);
        r[k] = encode_text(m, e, text);
        free(text);
    }
    int length = common(r, n, s->task->kind == CORE_SCHEMA);
    if (s->task->kind == CORE_TEXT) { /* the second row alone is scored, from where the first one ends */
        good = length == r[0].n && r[0].n < r[1].n;
        free(r[0].tokens);
        r[0] = r[1];
        n = 1;
    }
    for (size_t k = 0; k < n; k++) {
        r[k].begin = s->task->kind == CORE_SCHEMA ? r[k].n - length : length;
        good &= fit(&r[k], T);
    }
    b->first[at] = b->n;
    if (good) {
        b->r = xrealloc(b->r, (b->n + n) * sizeof *b->r);
        b->length = xrealloc(b->length, (b->n + n) * sizeof *b->length);
        for (size_t k = 0; k < n; k++, b->n++) {
            b->r[b->n] = r[k];
            b->r[b->n].greedy = s->task->kind == CORE_TEXT ? &b->greedy[at] : NULL;
            b->length[b->n] = r[k].n - r[k].begin;
        }
    }
    for (size_t k = 0; k < n && !good; k++)
        free(r[k].tokens);
    free(r);
}

/* Whether the at-th item of a block, which is scored, is answered right. A row whose option has no token of
 * its own has a mean that is not a number, which no other is larger than: the comparison is nanochat's. */
static bool is_right(const struct block *b, const struct core_task *t, const struct item *item, size_t at)
{
    size_t from = b->first[at], best = 0;
    double least = 0;
    if (t->kind == CORE_TEXT)
        return b->greedy[at];
    for (size_t k = 0; k < item->options; k++) {
        double mean = -b->score[from + k] / b->length[from + k];
        if (k == 0 || mean < least) {
            best = k;
            least = mean;
        }
    }
    return best == item->gold;
}

static void run_block(struct core_task *t, const struct loaded *m, struct encoder *e, const struct items *s,
                      size_t from, size_t n, int T, enum scoring_way way)
{
    struct block b = {.first = xcalloc(n + 1, sizeof *b.first), .greedy = xcalloc(n, sizeof *b.greedy)};
    for (size_t i = 0; i < n; i++)
        block_add(&b, m, e, s, from + i, i, T);
    b.first[n] = b.n;
    b.score = xcalloc(b.n + 1, sizeof *b.score);
    for (size_t k = 0; k < b.n; k++)
        b.r[k].score = &b.score[k];
    if (b.n > 0)
        requests_run(m, b.r, b.n, T, t->kind == CORE_TEXT ? SCORE_CACHED : way);
    for (size_t i = 0; i < n && !stop_signal; i++) {
        bool scored = b.first[i] < b.first[i + 1];
        t->refused += !scored;
        t->right += scored && is_right(&b, t, &s->v[from + i], i);
    }
    for (size_t k = 0; k < b.n; k++)
        free(b.r[k].tokens);
    free(b.r);
    free(b.score);
    free(b.length);
    free(b.first);
    free(b.greedy);
}

void core_measure(struct core *c, const struct loaded *m, int T, uint64_t limit, enum scoring_way way)
{
    struct encoder *e = encoder_new(m->tok, NULL);
    for (size_t k = 0; k < c->n && !stop_signal; k++) {
        struct core_task *t = &c->v[k];
        struct items s;
        items_read(&s, t, limit);
        t->n = s.n;
        t->right = t->refused = 0;
        for (size_t i = 0; i < s.n && !stop_signal; i += BLOCK)
            run_block(t, m, e, &s, i, s.n - i < BLOCK ? s.n - i : BLOCK, T, way);
        if (t->refused > 0)
            warn("%s: %s: %zu of %zu rows cannot be scored with this tokenizer and a context of %d: "
                 "counted as wrong",
                 t->path, t->label, t->refused, t->n, T);
        items_free(&s);
    }
    encoder_free(e);
}

void core_show(FILE *f, struct core *c, uint64_t n)
{
    for (size_t k = 0; k < c->n; k++) {
        struct items s;
        items_read(&s, &c->v[k], 0);
        for (size_t i = 0; i < s.n && i < n; i++) {
            json_t *texts = json_array();
            for (size_t t = 0; t < count_texts(&s, i); t++) {
                char *text = text_of(&s, i, t);
                json_array_append_new(texts, json_text(text, strlen(text)));
                free(text);
            }
            json_t *row =
                json_pack("{s:o, s:o, s:o, s:I}", "task", json_text(c->v[k].label, strlen(c->v[k].label)),
                          "place", json_text(s.v[i].place, strlen(s.v[i].place)), "texts", texts, "answer",
                          (json_int_t)s.v[i].gold);
            if (!row || json_dumpf(row, f, JSON_COMPACT) != 0)
                die("out of memory");
            fputc('\n', f);
            json_decref(row);
        }
        items_free(&s);
    }
}
