#include "pipeline/text/learn/bpe_pairs.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/vocabulary/vocabulary.h"

enum { FIRST_SLOTS = 1 << 17 };

void pairs_init(struct pairs *p, uint64_t min_count)
{
    *p = (struct pairs){.n_slots = FIRST_SLOTS, .min_count = min_count};
    p->slots = xcalloc(p->n_slots, sizeof *p->slots);
}

void pairs_free(struct pairs *p)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (p->v[i].n > FEW_POSITIONS)
            free(p->v[i].at.many);
    free(p->v);
    free(p->slots);
    free(p->heap);
}

static uint32_t find_slot(const struct pairs *p, uint32_t a, uint32_t b)
{
    uint32_t i = (uint32_t)((merge_pair(a, b) * 0x9e3779b97f4a7c15u) >> 32) & (p->n_slots - 1);
    while (p->slots[i] && (p->v[p->slots[i] - 1].a != a || p->v[p->slots[i] - 1].b != b))
        i = (i + 1) & (p->n_slots - 1);
    return i;
}

static void grow_slots(struct pairs *p)
{
    if (p->n_slots >= 1u << 31)
        die("more than a billion pairs");
    free(p->slots);
    p->n_slots *= 2;
    p->slots = xcalloc(p->n_slots, sizeof *p->slots);
    for (uint32_t i = 0; i < p->n; i++)
        p->slots[find_slot(p, p->v[i].a, p->v[i].b)] = i + 1;
}

uint32_t pairs_index(struct pairs *p, uint32_t a, uint32_t b)
{
    uint32_t slot = find_slot(p, a, b);
    if (p->slots[slot])
        return p->slots[slot] - 1;
    if (p->n == p->cap) {
        p->cap = p->cap + p->cap / 2 + 4096;
        p->v = xrealloc(p->v, p->cap * sizeof *p->v);
    }
    p->v[p->n] = (struct pair){.a = a, .b = b};
    p->slots[slot] = ++p->n;
    if (p->n > p->n_slots / 4 * 3)
        grow_slots(p);
    return p->n - 1;
}

/* ---- positions ---- */

static bool power_of_two(uint32_t n)
{
    return (n & (n - 1)) == 0;
}

void pairs_add_position(struct pairs *p, uint32_t pair, uint32_t position)
{
    struct pair *v = &p->v[pair];
    if (v->n < FEW_POSITIONS) {
        v->at.few[v->n++] = position;
        return;
    }
    if (v->n == FEW_POSITIONS) {
        uint32_t *many = xmalloc(2 * FEW_POSITIONS * sizeof *many);
        memcpy(many, v->at.few, sizeof v->at.few);
        v->at.many = many;
    } else if (power_of_two(v->n)) {
        v->at.many = xrealloc(v->at.many, 2 * (size_t)v->n * sizeof *v->at.many);
    }
    v->at.many[v->n++] = position;
}

uint32_t *pairs_take(struct pairs *p, uint32_t pair, uint32_t few[FEW_POSITIONS], uint32_t *n)
{
    struct pair *v = &p->v[pair];
    *n = v->n;
    v->n = 0;
    if (*n > FEW_POSITIONS)
        return v->at.many;
    memcpy(few, v->at.few, sizeof v->at.few);
    return few;
}

void pairs_give_back(uint32_t *positions, const uint32_t few[FEW_POSITIONS])
{
    if (positions != few)
        free(positions);
}

/* ---- candidates ---- */

static bool before(const struct candidate *x, const struct candidate *y)
{
    return x->count != y->count ? x->count > y->count : x->ab < y->ab;
}

void pairs_push(struct pairs *p, uint32_t pair)
{
    if (p->v[pair].count < p->min_count)
        return;
    struct candidate c = {p->v[pair].count, merge_pair(p->v[pair].a, p->v[pair].b), pair};
    if (p->heap_n == p->heap_cap) {
        p->heap_cap = p->heap_cap + p->heap_cap / 2 + 4096;
        p->heap = xrealloc(p->heap, p->heap_cap * sizeof *p->heap);
    }
    size_t i = p->heap_n++;
    for (; i > 0 && before(&c, &p->heap[(i - 1) / 2]); i = (i - 1) / 2)
        p->heap[i] = p->heap[(i - 1) / 2];
    p->heap[i] = c;
}

static struct candidate pop(struct pairs *p)
{
    struct candidate top = p->heap[0], last = p->heap[--p->heap_n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= p->heap_n)
            break;
        if (child + 1 < p->heap_n && before(&p->heap[child + 1], &p->heap[child]))
            child++;
        if (!before(&p->heap[child], &last))
            break;
        p->heap[i] = p->heap[child];
        i = child;
    }
    p->heap[i] = last;
    return top;
}

bool pairs_best(struct pairs *p, uint32_t *pair)
{
    while (p->heap_n > 0) {
        struct candidate c = pop(p);
        uint64_t now = p->v[c.pair].count;
        if (now == c.count) {
            *pair = c.pair;
            return true;
        }
        if (now < c.count)
            pairs_push(
                p,
                c.pair); /* the count fell; if it had risen, a higher candidate would have been pushed then */
    }
    return false;
}
