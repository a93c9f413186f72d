/*
 * processes.c - the ring between two processes, a reader that comes late, a signal during a wait
 */
#include <errno.h>
#include <signal.h>
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
