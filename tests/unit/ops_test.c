/*
 * ops_test - every op of the reference backend and of the CPU's, at every level of the instruction set that
 * this machine has
 *
 * One table of shapes; each op runs on each shape in f32 and in bf16:
 *   the reference   forward against the doubles of ops/formulas.h, backward against their central
 *                   differences; elements of large arrays are sampled
 *   the CPU         every value against the reference's; then once more, for the same bits
 *
 * Arrays stand at odd offsets between guard bytes, so that writes outside them show (reads do under
 * AddressSanitizer). The tests of the ops are in ops/, a file a family. Each level runs in a process of its
 * own, since oneDNN's level can be set only once.
 *
 * Seeds are fixed; a failure names backend, type, shape, op, array and element.
 */
#include <omp.h>
#include <sys/wait.h>
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
    {"100m", 2, 1, 40, 12, 12, 64, 768, 2048, 2048, 0},
};

const struct ops *ops;
struct device *dev;
enum dtype act;
const struct shape *shape;
enum against against;

static void run_all(void)
{
    test_embedding();
    test_rmsnorm();
    test_linear();
    test_int8();
    test_bias();
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

static void run(enum against what)
{
    against = what;
    inputs = choices = 1000 + (uint64_t)(shape - shapes);
    digest = DIGEST_START;
    record_start();
    run_all();
}

static void open_backend(const struct ops *backend)
{
    char err[200];
    ops = backend;
    dev = ops->open(act, shape->threads, err, sizeof err);
    CHECK(dev, "%s", err);
}

/* Those that no other backend's values are needed for. */
static void run_alone(void)
{
    if (shape != shapes)
        return;
    test_extremes();
    test_int8_extremes();
    test_rounding();
    printf("%s: %s\n", ops->name, ops->describe(dev));
}

static void run_reference(void)
{
    open_backend(ops_reference());
    run(FORMULAS);
    run_alone();
    ops->close(dev);
}

/* Where OpenMP gives fewer threads than are asked for, a device has those that it gives, or there is none. */
static void fewer_threads(void)
{
    char err[200] = "";
    if (shape != shapes)
        return;
    omp_set_max_active_levels(0);
    CHECK(!ops->open(act, 3, err, sizeof err) && strstr(err, "3 threads were asked for"), "%s", err);
    struct device *one = ops->open(act, 0, err, sizeof err);
    CHECK(one && strncmp(ops->describe(one), "1 thread,", 9) == 0, "%s", err);
    ops->close(one);
    omp_set_max_active_levels(1);
}

static void run_cpu(void)
{
    open_backend(ops_cpu());
    run(REFERENCE);
    uint64_t first_digest = digest;
    run(BITS);
    CHECK(digest == first_digest, "%s %s %s: the second run gives other bits", ops->name,
          act == DTYPE_BF16 ? "bf16" : "f32", shape->name);
    run_alone();
    fewer_threads();
    CHECK(ops->scratch_bytes(dev) > 0, "scratch is counted");
    ops->close(dev);
}

/* False: the machine does not have the level. */
static bool has_level(const char *level)
{
    setenv("TRITTER_ISA", level, 1);
    const char *name = ops_cpu()->name;
    return strcmp(name + strlen(name) - 2, level) == 0;
}

static void run_level(const char *level)
{
    int status;
    if (!has_level(level))
        return;
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0, "fork");
    if (child == 0) {
        run_cpu();
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "level %s",
          level);
}

/* `ops_test v3` runs one level. Threads that wait do not spin, for the machine may be busy; OpenMP reads that
 * when a program starts. */
int main(int argc, char **argv)
{
    static const char *const levels[] = {"v4", "v3", "v2"};
    test_begin(280);
    if (!getenv("OMP_WAIT_POLICY")) {
        setenv("OMP_WAIT_POLICY", "passive", 1);
        execv("/proc/self/exe", argv);
    }
    for (int type = 0; type < 2; type++) {
        act = type ? DTYPE_BF16 : DTYPE_F32;
        for (shape = shapes; shape < shapes + sizeof shapes / sizeof *shapes; shape++) {
            run_reference();
            for (int i = 0; i < 3; i++)
                if (argc < 2 || strcmp(argv[1], levels[i]) == 0)
                    run_level(levels[i]);
        }
    }
    printf("reference: %lu values checked; each was compared with the CPU's\n", checked);
    return 0;
}
