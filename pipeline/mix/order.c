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
    uint64_t stretch = window_bytes < ORDER_STRETCH_BYTES ? ORDER_STRETCH_BYTES / window_bytes : 1;
    *o = (struct order){.windows = windows,
                        .stretch = stretch,
                        .n_stretches = windows / stretch,
                        .seed = seed,
                        .source_key = source_key,
                        .epoch = NONE,
                        .chapter = NONE};
    o->n_chapters = o->n_stretches <= ORDER_WHOLE_STRETCHES
                        ? 1
                        : (o->n_stretches + ORDER_CHAPTER_STRETCHES - 1) / ORDER_CHAPTER_STRETCHES;
}

/* Chapters have equal numbers of stretches, give or take one. */
static uint64_t first_stretch(const struct order *o, uint64_t chapter)
{
    return (uint64_t)((unsigned __int128)chapter * o->n_stretches / o->n_chapters);
}

static uint64_t chapter_of_stretch(const struct order *o, uint64_t stretch)
{
    return (uint64_t)((((unsigned __int128)stretch + 1) * o->n_chapters - 1) / o->n_stretches);
}

/* Sets up the permutations of a chapter. The only chapter of a small source needs no order of stretches. */
static void open_chapter(struct order *o, uint64_t epoch, uint64_t chapter)
{
    uint64_t end = first_stretch(o, chapter + 1) * o->stretch;
    if (chapter + 1 == o->n_chapters)
        end = o->windows;
    if (o->n_chapters > 1 && o->epoch != epoch)
        permutation_init(&o->stretches, o->n_stretches, o->seed, ~o->source_key, epoch);
    permutation_init(&o->inside, end - first_stretch(o, chapter) * o->stretch, o->seed,
                     o->source_key + chapter * RANDOM_GAMMA, epoch);
    o->epoch = epoch;
    o->chapter = chapter;
}

uint64_t order_at(struct order *o, uint64_t k)
{
    uint64_t epoch = k / o->windows, place = k % o->windows, stretch = place / o->stretch;
    uint64_t chapter = stretch < o->n_stretches ? chapter_of_stretch(o, stretch) : o->n_chapters - 1;
    if (epoch != o->epoch || chapter != o->chapter)
        open_chapter(o, epoch, chapter);
    uint64_t first = o->n_chapters == 1 ? 0 : first_stretch(o, chapter);
    uint64_t at = permutation_at(&o->inside, place - first * o->stretch);
    stretch = first + at / o->stretch;
    if (o->n_chapters == 1 || stretch >= o->n_stretches)
        return first * o->stretch + at;
    return permutation_at(&o->stretches, stretch) * o->stretch + at % o->stretch;
}
