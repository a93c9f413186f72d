/*
 * cluster_test - one tree for any number of ranks, and who owns which elements
 *
 * Messages between processes are in tests/cli/train_ranks.sh.
 */
#include "kernels/place.h"
#include "pipeline/cluster/tree.h"
#include "pipeline/train/parallel.h"

#include <stdlib.h>

#include "tests/check.h"

enum { LEAVES = 32 };
static float value[LEAVES];

static void add(struct tree *t, struct tree_node node)
{
    tree_push(t, node);
    while (tree_siblings(t)) {
        *t->v[t->n - 2].p += *t->v[t->n - 1].p;
        tree_join(t);
    }
}

/* The sum of the leaves [first, first + n), by its definition. */
static float by_halves(int first, int n)
{
    return n == 1 ? value[first] : by_halves(first, n / 2) + by_halves(first + n / 2, n / 2);
}

/* Returns the sum that `size` ranks make: each sums its own leaves, then one of them the nodes of all. */
static float by_ranks(uint32_t leaves, int size)
{
    struct tree all = {.n = 0};
    static float at[LEAVES];
    for (int r = 0; r < size; r++) {
        struct tree own = {.n = 0}, expected;
        uint32_t first, end;
        tree_share(leaves, r, size, &first, &end);
        expected = tree_of(first, end);
        for (uint32_t i = first; i < end; i++) {
            at[i] = value[i];
            add(&own, (struct tree_node){.first = i, .leaves = 1, .p = &at[i]});
        }
        CHECK(own.n == expected.n && own.n <= tree_depth(first, end));
        for (int k = 0; k < own.n; k++) {
            CHECK(own.v[k].first == expected.v[k].first && own.v[k].leaves == expected.v[k].leaves);
            add(&all, own.v[k]);
        }
    }
    CHECK(all.n == 1 && all.v[0].first == 0 && all.v[0].leaves == leaves);
    return *all.v[0].p;
}

/* Numbers of very different sizes, so that another order shows. */
static void any_number_of_ranks_makes_equal_sums(void)
{
    int differ = 0;
    for (int i = 0; i < LEAVES; i++)
        value[i] = (float)((i * 37 % 23 - 11) * (i % 5 ? 1e-3 : 1e3)) / 7;
    for (uint32_t leaves = 1; leaves <= LEAVES; leaves *= 2) {
        float want = by_halves(0, (int)leaves), in_order = 0;
        for (uint32_t i = 0; i < leaves; i++)
            in_order += value[i];
        differ += in_order != want;
        for (int size = 1; size <= LEAVES + 3; size++)
            CHECK(by_ranks(leaves, size) == want, "%u leaves on %d ranks", leaves, size);
    }
    CHECK(differ > 0); /* or the values show nothing */
}

static void parts_are_a_power_of_two_and_not_more_than_rows(void)
{
    CHECK(tree_leaves(8, 32) == 8 && tree_leaves(8, 8) == 8 && tree_leaves(8, 7) == 4);
    CHECK(tree_leaves(8, 1) == 1 && tree_leaves(1, 32) == 1);
    for (uint32_t rows = 1; rows < 40; rows++) {
        uint32_t leaves = tree_leaves(8, rows);
        CHECK(parallel_first_row(leaves, 0, rows) == 0 && parallel_first_row(leaves, leaves, rows) == rows);
        for (uint32_t i = 0; i < leaves; i++)
            CHECK(parallel_first_row(leaves, i, rows) < parallel_first_row(leaves, i + 1, rows));
    }
}

static void check_bucket(const struct shares *s, const struct params *layout, size_t b, bool muon)
{
    for (int r = 0; r < s->size; r++) {
        const size_t *cut = shares_of(s, b, r);
        CHECK(cut[0] <= cut[1] && cut[0] % 16 == 0);
        for (size_t i = 0; muon && i < layout->count; i++)
            CHECK(!muon_takes(&layout->v[i]) || cut[0] <= layout->v[i].offset ||
                  cut[0] >= layout->v[i].offset + layout->v[i].n);
    }
}

/* The buckets cover the flat array, and begin where a layer does. Every matrix of Muon lies with one rank,
 * and no rank has much more than its share. */
static void shares_are_whole_matrices_and_even(void)
{
    struct model_config c;
    struct params layout;
    struct shares s;
    CHECK(model_preset("tiny", &c) == 0 && params_layout(&layout, &c) == 0);
    for (int muon = 0; muon < 2; muon++) {
        for (int size = 1; size <= 64; size++) {
            size_t owned = 0;
            for (int rank = 0; rank < size; rank++) {
                shares_make(&s, &layout, size, rank, muon, size % 2 ? 0 : 1 << 20);
                CHECK(s.owned == shares_owned_by(&s, rank) && s.own[0].at == 0);
                owned += s.owned;
                if (!muon && size <= 8)
                    CHECK((double)s.owned < (double)layout.total / size + 1.01 * SHARES_PIECE,
                          "rank %d of %d has %zu", rank, size, s.owned);
                CHECK(s.cut[0] == 0 && s.cut[s.buckets * (size_t)size] == layout.total);
                CHECK(s.buckets == (size % 2 ? (size_t)c.L + 2 : s.buckets) && s.buckets > 2);
                for (size_t b = 0; b < s.buckets; b++)
                    check_bucket(&s, &layout, b, muon);
                shares_free(&s);
            }
            CHECK(owned == layout.total);
        }
    }
    params_free(&layout);
}

/* Each process of a machine has a GPU of its own, if there are enough. */
static void processes_take_different_gpus(void)
{
    unsetenv("OMPI_COMM_WORLD_LOCAL_RANK");
    unsetenv("SLURM_LOCALID");
    unsetenv("MPI_LOCALRANKID");
    CHECK(place_device(4) == 0);
    setenv("SLURM_LOCALID", "3", 1);
    CHECK(place_device(4) == 3 && place_device(8) == 3 && place_device(1) == 0 && place_device(2) == 1);
    setenv("OMPI_COMM_WORLD_LOCAL_RANK", "2", 1);
    CHECK(place_device(4) == 2);
}

int main(void)
{
    test_begin(60);
    any_number_of_ranks_makes_equal_sums();
    parts_are_a_power_of_two_and_not_more_than_rows();
    shares_are_whole_matrices_and_even();
    processes_take_different_gpus();
    return 0;
}
