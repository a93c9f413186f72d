/*
 * signal_test - a signal that comes in the midst of a matrix product spoils nothing
 *
 * Compiled products may use the stack pointer for memory of the heap. A signal's frame is written below it,
 * unless the handler has a stack of its own. At each level of the instruction set, the main thread multiplies
 * while it is sent SIGTERM over and over.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "pipeline/lib/log.h"
#include "tests/levels.h"

enum { N = 256, I = 256, O = 1408, ROUNDS = 20 };

static pthread_t multiplier;
static atomic_bool done;
static atomic_int sent;

static void *send_signals(void *arg)
{
    (void)arg;
    while (!done) {
        stop_signal = 0; /* a second one would end us */
        pthread_kill(multiplier, SIGTERM);
        while (!stop_signal && !done)
            ;
        sent++;
        usleep(200);
    }
    return NULL;
}

/* dx, y, dW of one layer */
static void multiply(const struct ops *ops, struct device *dev, float *const a[6])
{
    float *x = a[0], *W = a[1], *y = a[2], *dW = a[3], *dx = a[4], *dy = a[5];
    memset(dW, 0, sizeof(float) * O * I);
    ops->linear_forward(dev, y, x, W, N, I, O);
    ops->linear_backward_input(dev, dx, dy, W, N, I, O, false);
    ops->linear_backward_weight(dev, dW, dy, x, N, I, O, true);
    free(memset(malloc(3000), 1, 3000)); /* finds what is wrong with the heap */
}

static void run_level(void)
{
    static const size_t sizes[6] = {N * I, O * I, N * O, O * I, N * I, N * O};
    char err[200];
    float *a[6], *want[6];
    const struct ops *ops = ops_cpu();
    struct device *dev = ops->open(DTYPE_F32, 1, err, sizeof err);
    CHECK(dev, "%s", err);
    for (int k = 0; k < 6; k++) {
        a[k] = malloc(sizes[k] * sizeof(float));
        want[k] = malloc(sizes[k] * sizeof(float));
        for (size_t i = 0; i < sizes[k]; i++)
            a[k][i] = (float)((int)(i * 2654435761u >> 16 & 0xff) - 128) / 256;
    }
    multiply(ops, dev, a);
    for (int k = 0; k < 6; k++)
        memcpy(want[k], a[k], sizes[k] * sizeof(float));
    pthread_t sender;
    signals_install();
    multiplier = pthread_self();
    CHECK(pthread_create(&sender, NULL, send_signals, NULL) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        multiply(ops, dev, a);
        for (int k = 0; k < 6; k++)
            CHECK(memcmp(want[k], a[k], sizes[k] * sizeof(float)) == 0, "round %d, array %d", round, k);
    }
    done = true;
    pthread_join(sender, NULL);
    CHECK(sent > 5, "only %d signals", (int)sent);
    printf("%s: %d signals, %d rounds\n", ops->name, (int)sent, ROUNDS);
    for (int k = 0; k < 6; k++) {
        free(a[k]);
        free(want[k]);
    }
    ops->close(dev);
}

int main(int argc, char **argv)
{
    test_begin(60);
    at_each_level(argc, argv, run_level);
    return 0;
}
