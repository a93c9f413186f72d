/*
 * ops_test - every op of the CPU backend, at every level of the instruction set that this machine has
 *
 * One table of shapes; each op runs on each shape in f32 and in bf16:
 *   forward   against the plain double implementation of ops/reference.h
 *   backward  against central differences of that implementation
 * Twice: the second run must give the same bits. Arrays stand at odd offsets between guard bytes, so
 * that writes outside them show (reads do under AddressSanitizer). Elements of large arrays are sampled.
 * The tests of the ops are in ops/, a file a family.
 *
 * Seeds are fixed; a failure names level, type, shape, op, array and element.
 */
#include "tests/levels.h"
#include "tests/ops/ops.h"

static const struct shape shapes[] = {
    {"smallest", 1, 1, 1, 1, 1, 2, 1, 1, 2, 0},
    {"odd", 2, 3, 7, 3, 1, 6, 5, 3, 11, 0},
    {"odd documents", 3, 2, 33, 2, 1, 10, 37, 29, 9001, 5},
    {"blocks", 2, 2, 64, 4, 2, 16, 32, 64, 64, 0},
    {"block + 1", 2, 1, 65, 4, 4, 40, 96, 33, 65, 0},
    {"grouped", 2, 2, 97, 6, 2, 64, 100, 130, 513, 40},
    {"nano", 2, 1, 256, 4, 4, 64, 256, 704, 1024, 0},
    {"nano documents", 3, 1, 250, 4, 2, 64, 256, 704, 515, 90},
    {"100m", 2, 1, 100, 12, 12, 64, 768, 2048, 2048, 0},
};

const struct ops *ops;
struct device *dev;
enum dtype act;
const struct shape *shape;
bool compare;

static void run_all(void)
{
    test_embedding();
    test_rmsnorm();
    test_linear();
    test_qk_norm_rope();
    test_attention();
    test_cached();
    test_swiglu();
    test_cross_entropy();
    test_vectors();
    test_adamw();
    if (shape == shapes)
        test_adamw_bf16();
    test_ema_step();
    test_directions();
}

static void run_level(void)
{
    char err[200];
    ops = ops_cpu();
    for (int type = 0; type < 2; type++) {
        act = type ? DTYPE_BF16 : DTYPE_F32;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            uint64_t first_digest = 0;
            shape = &shapes[i];
            dev = ops->open(act, shape->threads, err, sizeof err);
            CHECK(dev, "%s", err);
            for (int pass = 0; pass < 2; pass++) {
                inputs = choices = 1000 + i;
                digest = DIGEST_START;
                compare = pass == 0;
                run_all();
                CHECK(pass == 0 || digest == first_digest, "%s %s %s: the second run gives other bits",
                      ops->name, act == DTYPE_BF16 ? "bf16" : "f32", shape->name);
                first_digest = digest;
            }
            compare = true;
            if (i == 0) {
                test_extremes();
                test_rounding();
                printf("%s: %s\n", ops->name, ops->describe(dev));
            }
            CHECK(ops->scratch_bytes(dev) > 0, "scratch is counted");
            ops->close(dev);
        }
    }
    printf("%s: %lu values checked\n", ops->name, checked);
}

int main(int argc, char **argv)
{
    test_begin(280);
    at_each_level(argc, argv, run_level);
    return 0;
}
