/*
 * ring.h - what the tests of the shared-memory ring share
 */
#ifndef TESTS_RING_RING_H
#define TESTS_RING_RING_H

#include <stdbool.h>
#include "shm/ring.h"
#include "shm/segment.h"
#include "tests/check.h"

/* ---- common.c ---- */

extern uint64_t seed, rng; /* seed of the run; state of rnd() */

uint64_t rnd(void);
uint64_t now_us(void);
void sleep_us(uint64_t us);
const char *test_name(const char *what); /* name of a ring of this process, in a static buffer */
const char *path_of(const char *name);   /* where that ring's name is, in a static buffer */
int exit_of(pid_t pid);                  /* waits; its status */

/* ---- records.c: records whose length and every byte follow from their number ---- */

uint32_t record_len(uint64_t n, uint32_t max);
bool record_is(const unsigned char *p, uint32_t len, uint64_t n, uint32_t max);
int send_record(struct ring *r, uint64_t n, int timeout_ms); /* record n; returns RING_OK or why not */
void consume(struct ring *r, uint64_t records);              /* checks that these come, then the close */

/* ---- mutate.c: nonsense in a segment ---- */

void mutate(unsigned char *base, uint64_t capacity);
void touch(const unsigned char *p, uint32_t len); /* reads every byte */

/* ---- the tests ---- */

void test_basic(void); /* basic.c: one process */
void test_copy(void);
void test_threads(uint64_t records);
void test_processes(uint64_t records); /* processes.c */
void test_awake(void);
void test_late_reader(void);
void test_signal(void);
void test_bad_segments(void); /* segments.c: what may lie at the name */
void test_mutated_open(uint64_t rounds);
void test_lies(void); /* lies.c, hostile.c: a hostile peer */
void test_hostile(uint64_t mutations);
void test_hostile_race(unsigned ms);
void test_torture(uint64_t kills); /* torture.c: kill -9 at any moment */

#endif
