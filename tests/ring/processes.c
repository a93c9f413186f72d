/*
 * processes.c - the ring between two processes, each on its own processor, a reader that comes late, a signal
 * during a wait
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include "tests/ring/ring.h"

void test_processes(uint64_t records)
{
    const char *name = test_name("wrap");
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct ring *p;
        CHECK(ring_create(&p, name, 65536) == RING_OK);
        for (uint64_t n = 0; n < records; n++)
            CHECK(send_record(p, n, -1) == RING_OK);
        CHECK(ring_wait_reader(p, 5000) == RING_OK);
        ring_close(p);
        exit(0);
    }
    struct ring *c;
    CHECK(ring_open(&c, name, 5000) == RING_OK);
    CHECK(access(path_of(name), F_OK) != 0, "the name goes once attached");
    consume(c, records);
    ring_close(c);
    CHECK(exit_of(child) == 0);
}

/* Binds this process to the nth of the processors it had; false: there is none. */
static bool bind_to(const cpu_set_t *all, int nth)
{
    for (int c = 0; c < CPU_SETSIZE; c++)
        if (CPU_ISSET(c, all) && nth-- == 0) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(c, &one);
            return sched_setaffinity(0, sizeof one, &one) == 0;
        }
    return false;
}

static void answer(const char *there, const char *back)
{
    struct ring *in, *out;
    uint32_t len;
    CHECK(ring_create(&out, back, 4096) == RING_OK && ring_open(&in, there, 5000) == RING_OK);
    while (ring_wait_data(in, -1) == RING_OK) {
        CHECK(ring_peek(in, &len) && ring_claim(out, 0));
        ring_release(in);
        ring_commit(out);
    }
    ring_close(in);
    ring_close(out);
    exit(0);
}

static long sleeps(void)
{
    struct rusage used;
    CHECK(getrusage(RUSAGE_SELF, &used) == 0);
    return used.ru_nvcsw;
}

/* Two processes that are both awake, each bound to a processor, find each other's records without sleeping. A
 * round in which another program has one of the processors proves nothing, so the best of many counts. */
void test_awake(void)
{
    enum { ROUNDS = 50, HOPS = 200 };
    cpu_set_t all;
    struct ring *in, *out;
    char there[64], back[64];
    uint32_t len;
    long least = HOPS;
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    if (CPU_COUNT(&all) < 2)
        return;
    snprintf(there, sizeof there, "%s", test_name("there"));
    snprintf(back, sizeof back, "%s", test_name("back"));
    pid_t child = fork();
    CHECK(child >= 0 && bind_to(&all, child != 0));
    if (child == 0)
        answer(there, back);
    CHECK(ring_create(&out, there, 4096) == RING_OK && ring_open(&in, back, 5000) == RING_OK);
    for (int round = 0; round < ROUNDS && least > HOPS / 4; round++) {
        long before = sleeps();
        for (int n = 0; n < HOPS; n++) {
            CHECK(ring_claim(out, 0));
            ring_commit(out);
            CHECK(ring_wait_data(in, -1) == RING_OK && ring_peek(in, &len));
            ring_release(in);
        }
        long slept = sleeps() - before;
        least = slept < least ? slept : least;
    }
    CHECK(least <= HOPS / 4, "at least %ld sleeps in %d hops", least, HOPS);
    ring_close(out);
    CHECK(exit_of(child) == 0);
    ring_close(in);
    CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
}

/* Records that were committed before the consumer came are there, though the producer has closed and gone. */
void test_late_reader(void)
{
    struct ring *p, *c;
    uint32_t len;
    const char *name = test_name("late");
    CHECK(ring_open(&c, name, 0) == RING_ENOTREADY);
    CHECK(ring_create(&p, name, 4096) == RING_OK);
    CHECK(send_record(p, 0, 0) == RING_OK);
    CHECK(ring_wait_reader(p, 30) == RING_ETIMEDOUT);
    CHECK(ring_open(&c, name, 0) == RING_OK);
    CHECK(ring_wait_reader(p, 0) == RING_OK);
    ring_close(p);
    CHECK(ring_peek(c, &len) && (ring_release(c), ring_wait_data(c, -1) == RING_ECLOSED));
    ring_close(c);

    CHECK(ring_create(&p, name, 4096) == RING_OK && access(path_of(name), F_OK) == 0);
    ring_close(p);
    CHECK(access(path_of(name), F_OK) != 0, "close removes a name that nobody attached to");
}

static void on_alarm(int sig)
{
    (void)sig;
}

void test_signal(void)
{
    struct ring *p, *c;
    struct sigaction old, sa = {.sa_handler = on_alarm};
    CHECK(ring_pair(&p, &c, 4096) == RING_OK);
    CHECK(sigaction(SIGUSR1, &sa, &old) == 0);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        for (;;) { /* once might come before the sleep */
            sleep_us(5000);
            kill(parent, SIGUSR1);
        }
    }
    errno = 0;
    CHECK(ring_wait_data(c, -1) == RING_ESYS && errno == EINTR);
    kill(child, SIGKILL);
    exit_of(child);
    sigaction(SIGUSR1, &old, NULL);
    ring_close(p);
    ring_close(c);
}
