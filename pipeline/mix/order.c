#include "pipeline/mix/order.h"

#include <assert.h>

#include "pipeline/lib/random.h"

#define NONE UINT64_MAX

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

void order_init(struct order *o, uint64_t windows, uint64_t window_bytes, uint64_t seed, uint64_t source_key)
{
    uint64_t run = window_bytes < ORDER_RUN_BYTES ? ORDER_RUN_BYTES / window_bytes : 1;
    *o = (struct order){.windows = windows,
                        .run = run,
                        .n_runs = windows / run,
                        .seed = seed,
                        .source_key = source_key,
                        .epoch = NONE,
                        .chapter = NONE};
    o->n_chapters =
        o->n_runs <= ORDER_WHOLE_RUNS ? 1 : (o->n_runs + ORDER_CHAPTER_RUNS - 1) / ORDER_CHAPTER_RUNS;
}

/* Chapters are of the same number of runs, give or take one. */
static uint64_t first_run(const struct order *o, uint64_t chapter)
{
    return (uint64_t)((unsigned __int128)chapter * o->n_runs / o->n_chapters);
}

static uint64_t chapter_of_run(const struct order *o, uint64_t run)
{
    return (uint64_t)((((unsigned __int128)run + 1) * o->n_chapters - 1) / o->n_runs);
}

/* The one chapter of a small source needs no runs. */
static void open_chapter(struct order *o, uint64_t epoch, uint64_t chapter)
{
    uint64_t end = first_run(o, chapter + 1) * o->run;
    if (chapter + 1 == o->n_chapters)
        end = o->windows;
    if (o->n_chapters > 1 && o->epoch != epoch)
        permutation_init(&o->runs, o->n_runs, o->seed, ~o->source_key, epoch);
    permutation_init(&o->inside, end - first_run(o, chapter) * o->run, o->seed,
                     o->source_key + chapter * RANDOM_GAMMA, epoch);
    o->epoch = epoch;
    o->chapter = chapter;
}

uint64_t order_at(struct order *o, uint64_t k)
{
    uint64_t epoch = k / o->windows, place = k % o->windows, run = place / o->run;
    uint64_t chapter = run < o->n_runs ? chapter_of_run(o, run) : o->n_chapters - 1;
    if (epoch != o->epoch || chapter != o->chapter)
        open_chapter(o, epoch, chapter);
    uint64_t first = o->n_chapters == 1 ? 0 : first_run(o, chapter);
    uint64_t at = permutation_at(&o->inside, place - first * o->run);
    run = first + at / o->run;
    if (o->n_chapters == 1 || run >= o->n_runs)
        return first * o->run + at;
    return permutation_at(&o->runs, run) * o->run + at % o->run;
}
