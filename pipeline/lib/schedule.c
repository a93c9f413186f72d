#include "pipeline/lib/schedule.h"

#include <assert.h>
#include <stdbool.h>

#include "pipeline/lib/random.h"

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* No rows done, `rounds` whole periods ago: then every source has drawn exactly what it was owed. */
static void reset(struct schedule *s, uint64_t rounds)
{
    s->row = rounds * s->total;
    for (size_t i = 0; i < s->n; i++) {
        struct schedule_source *x = &s->s[i];
        x->drawn = rounds * x->weight;
        x->first = s->row;
        x->next = s->row + x->step;
        x->rest = x->step_rest;
    }
}

void schedule_init(struct schedule *s, const uint64_t *weights, size_t n)
{
    uint64_t g = 0;
    assert(n >= 1 && n <= SCHEDULE_MAX);
    *s = (struct schedule){.n = n};
    for (size_t i = 0; i < n; i++)
        g = gcd(g, weights[i]);
    for (size_t i = 0; i < n; i++)
        s->total += s->s[i].weight = weights[i] / g;
    for (size_t i = 0; i < n; i++) {
        s->s[i].step = s->total / s->s[i].weight;
        s->s[i].step_rest = s->total % s->s[i].weight;
    }
    reset(s, 0);
}

static void advance(struct schedule_source *x)
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

size_t schedule_next(struct schedule *s)
{
    size_t best = s->n;
    uint64_t earliest = UINT64_MAX;
    for (size_t i = 0; i < s->n; i++) {
        const struct schedule_source *x = &s->s[i];
        uint64_t deadline = x->next + (x->rest > 0);
        if (x->first <= s->row && deadline < earliest) {
            earliest = deadline;
            best = i;
        }
    }
    assert(best < s->n && earliest > s->row);
    advance(&s->s[best]);
    s->row++;
    return best;
}

void schedule_seek(struct schedule *s, uint64_t row)
{
    reset(s, row / s->total);
    while (s->row < row)
        schedule_next(s);
}

void permutation_init(struct permutation *p, uint64_t n, uint64_t seed, uint64_t source_key, uint64_t epoch)
{
    unsigned bits = 2;
    assert(n >= 1 && n <= 1ull << 62);
    while (bits < 62 && 1ull << bits < n)
        bits++;
    *p = (struct permutation){.n = n, .left_bits = (bits + 1) / 2, .right_bits = bits / 2};
    uint64_t key = mix64(seed + RANDOM_GAMMA);
    key = mix64(key ^ source_key) + RANDOM_GAMMA;
    key = mix64(key ^ epoch);
    for (int i = 0; i < PERMUTATION_ROUNDS; i++)
        p->keys[i] = random_next(&key);
}

static uint64_t encipher(const struct permutation *p, uint64_t x)
{
    uint64_t right_mask = (1ull << p->right_bits) - 1, left_mask = (1ull << p->left_bits) - 1;
    uint64_t left = x >> p->right_bits, right = x & right_mask;
    for (int i = 0; i < PERMUTATION_ROUNDS; i += 2) {
        left ^= mix64(right ^ p->keys[i]) & left_mask;
        right ^= mix64(left ^ p->keys[i + 1]) & right_mask;
    }
    return left << p->right_bits | right;
}

uint64_t permutation_at(const struct permutation *p, uint64_t i)
{
    assert(i < p->n);
    do
        i = encipher(p, i);
    while (i >= p->n);
    return i;
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
