#include "pipeline/mix/shares.h"

#include <assert.h>
#include <stdbool.h>

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* Sets source x to the state after it has drawn j rows. */
static void place(const struct shares *s, struct shares_source *x, uint64_t j)
{
    unsigned __int128 owed = (unsigned __int128)j * s->total, next = owed + s->total;
    x->drawn = j;
    x->first = (uint64_t)(owed / x->weight);
    x->next = (uint64_t)(next / x->weight);
    x->rest = (uint64_t)(next % x->weight);
}

void shares_init(struct shares *s, const uint64_t *weights, size_t n)
{
    uint64_t g = 0;
    assert(n >= 1 && n <= SHARES_MAX);
    *s = (struct shares){.n = n};
    for (size_t i = 0; i < n; i++)
        g = gcd(g, weights[i]);
    for (size_t i = 0; i < n; i++)
        s->total += s->s[i].weight = weights[i] / g;
    for (size_t i = 0; i < n; i++) {
        s->s[i].step = s->total / s->s[i].weight;
        s->s[i].step_rest = s->total % s->s[i].weight;
    }
    shares_seek(s, 0);
}

static void advance(struct shares_source *x)
{
    x->drawn++;
    x->first = x->next;
    x->next += x->step;
    x->rest += x->step_rest;
    if (x->rest >= x->weight) {
        x->rest -= x->weight;
        x->next++;
    }
}

/* Returns the source with the earliest deadline among those that may be drawn now. */
static size_t most_urgent(const struct shares *s, uint64_t *deadline)
{
    size_t best = s->n;
    *deadline = UINT64_MAX;
    for (size_t i = 0; i < s->n; i++) {
        const struct shares_source *x = &s->s[i];
        uint64_t d = x->next + (x->rest > 0);
        if (x->first <= s->row && d < *deadline) {
            *deadline = d;
            best = i;
        }
    }
    assert(best < s->n);
    return best;
}

size_t shares_next(struct shares *s)
{
    uint64_t deadline;
    size_t i = most_urgent(s, &deadline);
    assert(deadline > s->row);
    advance(&s->s[i]);
    s->row++;
    return i;
}

/* Returns floor(row * w / S), and whether the division is exact. */
static uint64_t owed_whole(const struct shares *s, const struct shares_source *x, uint64_t row, bool *exact)
{
    unsigned __int128 owed = (unsigned __int128)row * x->weight;
    *exact = owed % s->total == 0;
    return (uint64_t)(owed / s->total);
}

/*
 * After `row` rows every source has drawn what it is owed, rounded down or up. Rounding up means that it has
 * made its next draw early, although the deadline of that draw lies beyond `row`. Let `from` be the first row
 * at which any source may make such an early draw. All draws that may be made before `from` have deadlines up
 * to `row`, so they are done by `row` in any case, and their order does not matter. Therefore the simulation
 * starts at `from`, with any choice of these draws done, as long as they are `from` in all. It is short,
 * because no draw may be made more than S / w rows before its deadline.
 */
void shares_seek(struct shares *s, uint64_t row)
{
    uint64_t from = row, done = 0, deadline;
    bool exact;
    for (size_t i = 0; i < s->n; i++) {
        place(s, &s->s[i], owed_whole(s, &s->s[i], row, &exact));
        from = s->s[i].first < from ? s->s[i].first : from;
    }
    for (size_t i = 0; i < s->n; i++)
        done += owed_whole(s, &s->s[i], from, &exact);
    for (size_t i = 0; i < s->n; i++) {
        uint64_t j = owed_whole(s, &s->s[i], from, &exact);
        if (!exact && done < from) {
            j++;
            done++;
        }
        place(s, &s->s[i], j);
    }
    for (s->row = from; s->row < row; s->row++)
        advance(&s->s[most_urgent(s, &deadline)]);
}

int weight_parse(const char *s, size_t len, uint64_t *out)
{
    uint64_t v = 0;
    size_t whole = 0, fraction = 0;
    bool point = false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '.' && !point && whole > 0) {
            point = true;
            continue;
        }
        if (s[i] < '0' || s[i] > '9' || whole > 6 || fraction == 9)
            return -1;
        v = 10 * v + (uint64_t)(s[i] - '0');
        if (point)
            fraction++;
        else
            whole++;
    }
    if (whole == 0 || whole > 6 || (point && fraction == 0))
        return -1;
    for (; fraction < 9; fraction++)
        v *= 10;
    *out = v;
    return v > 0 ? 0 : -1;
}
