/*
 * split_test.c - into how many updates batches are cut
 */
#include "pipeline/train/split.h"
#include "tests/check.h"

static const struct split nano = {.rows = 32, .row_tokens = 256, .update_tokens = 64, .least_tokens = 512};

/* Parts have equally many rows, there are fewer of them as tokens go by, and in the end batches are whole. */
static void fewer_and_fewer(void)
{
    uint64_t last = split_parts(&nano, 0);
    CHECK(last == 16, "%d", (int)last);
    for (uint64_t seen = 0; seen < 1000000000; seen += 1 + seen / 50) {
        uint64_t k = split_parts(&nano, seen);
        CHECK(k >= 1 && k <= last && nano.rows % k == 0, "%d after %d", (int)k, (int)last);
        last = k;
    }
    CHECK(last == 1, "%d", (int)last);
}

/* The cost of an update sets a least size, and rows are not cut. */
static void limits(void)
{
    struct split dear = nano, odd = nano,
                 single = {.rows = 1, .row_tokens = 256, .update_tokens = 64, .least_tokens = 512};
    dear.update_tokens = 1024;
    CHECK(split_parts(&dear, 0) == 2, "%d", (int)split_parts(&dear, 0));
    odd.rows = 31;
    CHECK(split_parts(&odd, 0) == 1, "%d", (int)split_parts(&odd, 0));
    odd.rows = 33;
    CHECK(split_parts(&odd, 0) == 11, "%d", (int)split_parts(&odd, 0));
    CHECK(split_parts(&single, 0) == 1, "%d", (int)split_parts(&single, 0));
}

static void as_asked(void)
{
    struct split s = nano;
    for (s.fixed = 1; s.fixed < 100; s.fixed++) {
        uint64_t k = split_parts(&s, 12345), want = s.fixed < 32 ? s.fixed : 32;
        CHECK(k <= want && 2 * k > want / 2 && nano.rows % k == 0 && split_parts(&s, 1 << 30) == k, "%d: %d",
              (int)s.fixed, (int)k);
    }
    s.fixed = 4;
    CHECK(split_parts(&s, 0) == 4, "%d", (int)split_parts(&s, 0));
}

int main(void)
{
    test_begin(10);
    fewer_and_fewer();
    limits();
    as_asked();
    return 0;
}
