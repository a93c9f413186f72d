/*
 * torture.c - kill -9 of either side, or of both, at any moment: the survivor loses no record and soon sees
 * the death
 */
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "tests/ring/ring.h"

struct board { /* shared by the three processes of a round */
    _Atomic uint64_t committed, consumed, noticed_us;
    _Atomic int stop; /* the killing is done: who still waits for a first meeting may go */
    _Atomic int damaged;
};

enum { FINISHED = 0, SAW_DEATH = 10, NEVER_MET = 11, WRONG = 12 };

static int torture_produce(struct board *b, const char *name, uint64_t capacity)
{
    struct ring *r;
    int rc;
    if (ring_create(&r, name, capacity))
        return WRONG;
    for (uint64_t n = 0;; n++) {
        do {
            bool stop = b->stop;
            rc = send_record(r, n, 10);
            if (rc == RING_ETIMEDOUT && stop && ring_wait_reader(r, 0) == RING_ETIMEDOUT) {
                ring_close(r);
                return NEVER_MET;
            }
        } while (rc == RING_ETIMEDOUT);
        if (rc)
            break;
        b->committed = n + 1;
        if (n % 512 == 511)
            sleep_us(50); /* let the consumer find it empty at times */
    }
    b->noticed_us = now_us();
    ring_close(r);
    return rc == RING_EPEERDEAD ? SAW_DEATH : WRONG;
}

static int torture_consume(struct board *b, const char *name)
{
    struct ring *r;
    uint32_t len;
    int rc;
    bool stop;
    do {
        stop = b->stop;
        rc = ring_open(&r, name, 5);
    } while ((rc == RING_ENOTREADY || rc == RING_EPEERDEAD) && !stop);
    if (rc)
        return rc == RING_ENOTREADY || rc == RING_EPEERDEAD ? NEVER_MET : WRONG;
    for (uint64_t n = 0;;) {
        const void *p = ring_peek(r, &len);
        if (p) {
            if (!record_is(p, len, n, ring_max_record(r)))
                b->damaged = 1;
            ring_release(r);
            b->consumed = ++n;
        } else if ((rc = ring_wait_data(r, -1)) != RING_OK) {
            break;
        }
    }
    b->noticed_us = now_us();
    ring_close(r);
    return rc == RING_EPEERDEAD ? SAW_DEATH : WRONG;
}

struct torture {
    struct board *board;
    uint64_t kills, met, latency[100000], n_latency;
};

static void check_survivor(struct torture *t, int status, uint64_t killed_us, bool consumer_lives,
                           const char *name)
{
    struct board *b = t->board;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    CHECK(code == SAW_DEATH || code == NEVER_MET, "survivor's status %#x", status);
    CHECK(access(path_of(name), F_OK) != 0, "the survivor left the name behind");
    if (code != SAW_DEATH)
        return;
    t->met++;
    /* The producer died between commit and its note at worst: one record more than it noted. */
    CHECK(!consumer_lives || b->consumed - b->committed <= 1, "committed %llu, consumed %llu",
          (unsigned long long)b->committed, (unsigned long long)b->consumed);
    if (t->n_latency < sizeof t->latency / sizeof *t->latency)
        t->latency[t->n_latency++] = b->noticed_us > killed_us ? b->noticed_us - killed_us : 0;
}

static void torture_round(struct torture *t, const char *name)
{
    struct board *b = t->board;
    int who = (int)(rnd() % 3); /* 0 producer, 1 consumer, 2 both */
    uint64_t delay = rnd() % 4 ? rnd() % 8000 : rnd() % 500, capacity = rnd() % 2 ? 4096 : 65536;
    pid_t p, c;

    memset(b, 0, sizeof *b);
    if ((p = fork()) == 0)
        _exit(torture_produce(b, name, capacity));
    if ((c = fork()) == 0)
        _exit(torture_consume(b, name));
    CHECK(p > 0 && c > 0);
    sleep_us(delay);
    uint64_t killed = now_us();
    if (who != 1)
        kill(p, SIGKILL);
    if (who != 0)
        kill(c, SIGKILL);
    b->stop = 1;
    int ps = exit_of(p), cs = exit_of(c);
    CHECK(who == 1 || WIFSIGNALED(ps), "producer ended by itself: %#x", ps);
    CHECK(who == 0 || WIFSIGNALED(cs), "consumer ended by itself: %#x", cs);
    CHECK(!b->damaged, "a record was lost, doubled or torn");
    t->kills += who == 2 ? 2 : 1;
    if (who == 0)
        check_survivor(t, cs, killed, true, name);
    if (who == 1)
        check_survivor(t, ps, killed, false, name);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void test_torture(uint64_t kills)
{
    static struct torture t;
    struct ring *r;
    const char *name = test_name("torture");

    t.board = mmap(NULL, sizeof *t.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(t.board != MAP_FAILED);
    while (t.kills < kills)
        torture_round(&t, name); /* each creates over what the one before may have left */
    CHECK(ring_create(&r, name, 4096) == RING_OK);
    ring_close(r);
    munmap(t.board, sizeof *t.board);

    CHECK(t.n_latency > 20, "the two hardly ever met");
    qsort(t.latency, t.n_latency, sizeof *t.latency, by_value);
    uint64_t median = t.latency[t.n_latency / 2], worst = t.latency[t.n_latency - 1];
    printf("torture: %llu kills, survivor saw it in %.1f ms (median), %.1f ms (worst of %llu)\n",
           (unsigned long long)t.kills, (double)median / 1e3, (double)worst / 1e3,
           (unsigned long long)t.n_latency);
    CHECK(median <= 100 * 1000 && worst <= 1000 * 1000);
}
