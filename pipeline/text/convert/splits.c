#include "pipeline/text/convert/splits.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "formats/json_text.h"
#include "pipeline/lib/fs.h"

enum { NONE = -1 };

struct ranked {
    const char *bytes;
    uint32_t len;
};

struct part {         /* a part of the token that is being merged */
    uint32_t at, len; /* len 0: it was merged into the part before it */
    int32_t prev, next;
};

struct candidate {
    uint32_t rank; /* rank of the token that the part and the next one would make */
    int32_t part;
};

struct splits {
    enum split_unit unit;
    struct ranked *tokens;
    uint32_t n, mask, *slots; /* hash table of ranks; UINT32_MAX: empty */
    struct part parts[SPLIT_MAX_TOKEN];
    struct candidate heap[3 * SPLIT_MAX_TOKEN]; /* a merge removes one candidate and adds two */
    size_t n_heap;
};

struct splits *splits_new(uint32_t n, enum split_unit unit)
{
    struct splits *s = xcalloc(1, sizeof *s);
    uint32_t size = 16;
    while (size < 2 * (uint64_t)n)
        size *= 2;
    s->unit = unit;
    s->tokens = xcalloc(n ? n : 1, sizeof *s->tokens);
    s->slots = xmalloc(size * sizeof *s->slots);
    s->mask = size - 1;
    memset(s->slots, 0xff, size * sizeof *s->slots);
    return s;
}

void splits_free(struct splits *s)
{
    if (!s)
        return;
    free(s->tokens);
    free(s->slots);
    free(s);
}

/* Returns the token's slot, or the empty one where it would be put. */
static uint32_t *slot_of(const struct splits *s, const char *bytes, size_t len)
{
    uint32_t i = (uint32_t)XXH3_64bits(bytes, len) & s->mask;
    for (; s->slots[i] != UINT32_MAX; i = (i + 1) & s->mask) {
        const struct ranked *t = &s->tokens[s->slots[i]];
        if (t->len == len && memcmp(t->bytes, bytes, len) == 0)
            break;
    }
    return &s->slots[i];
}

bool splits_add(struct splits *s, const char *bytes, size_t len)
{
    uint32_t *slot = slot_of(s, bytes, len);
    if (*slot != UINT32_MAX)
        return false;
    *slot = s->n;
    s->tokens[s->n++] = (struct ranked){bytes, (uint32_t)len};
    return true;
}

uint32_t splits_find(const struct splits *s, const char *bytes, size_t len)
{
    return *slot_of(s, bytes, len);
}

static bool before(struct candidate a, struct candidate b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.part < b.part;
}

static void heap_put(struct splits *s, struct candidate c)
{
    size_t i = s->n_heap++;
    for (; i > 0 && before(c, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = c;
}

static struct candidate heap_take(struct splits *s)
{
    struct candidate top = s->heap[0], last = s->heap[--s->n_heap];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < s->n_heap) {
        child += child + 1 < s->n_heap && before(s->heap[child + 1], s->heap[child]);
        if (!before(s->heap[child], last))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return top;
}

/* Adds a candidate for the part and its next one, if they make a token. */
static void consider(struct splits *s, const char *bytes, int32_t part)
{
    const struct part *p = &s->parts[part];
    if (p->next == NONE)
        return;
    uint32_t rank = splits_find(s, bytes + p->at, (size_t)p->len + s->parts[p->next].len);
    if (rank != UINT32_MAX)
        heap_put(s, (struct candidate){rank, part});
}

static size_t cut(struct splits *s, const struct ranked *t)
{
    size_t n = 0;
    for (uint32_t at = 0; at < t->len; n++) {
        size_t len = s->unit == SPLIT_CHARACTERS ? utf8_char(t->bytes + at, t->len - at) : 1;
        len = len ? len : 1;
        s->parts[n] = (struct part){at, (uint32_t)len, (int32_t)n - 1, (int32_t)n + 1};
        at += (uint32_t)len;
    }
    s->parts[n - 1].next = NONE;
    return n;
}

static void join(struct splits *s, const char *bytes, int32_t part)
{
    struct part *p = &s->parts[part], *gone = &s->parts[p->next];
    p->len += gone->len;
    p->next = gone->next;
    gone->len = 0;
    if (p->next != NONE)
        s->parts[p->next].prev = part;
    if (p->prev != NONE)
        consider(s, bytes, p->prev);
    consider(s, bytes, part);
}

enum split splits_of(struct splits *s, uint32_t rank, uint32_t *left, uint32_t *right)
{
    const struct ranked *t = &s->tokens[rank];
    size_t n = cut(s, t);
    if (n == 1)
        return SPLIT_UNIT;
    s->n_heap = 0;
    for (int32_t i = 0; i < (int32_t)n; i++)
        consider(s, t->bytes, i);
    while (s->n_heap > 0) {
        struct candidate c = heap_take(s);
        const struct part *p = &s->parts[c.part];
        /* The candidate is out of date when the lengths of its parts do not add up to its token any more. */
        if (p->len == 0 || p->next == NONE || p->len + s->parts[p->next].len != s->tokens[c.rank].len)
            continue;
        if (n == 2) {
            *left = splits_find(s, t->bytes, p->len);
            *right = splits_find(s, t->bytes + p->len, t->len - p->len);
            return SPLIT_PAIR;
        }
        join(s, t->bytes, c.part);
        n--;
    }
    return SPLIT_NEVER;
}
