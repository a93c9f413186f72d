/*
 * ring_test - the shared-memory ring: contents, crashes, hostile peers, bad segments
 *
 *   TORTURE=10000 build/release/tests/ring_test     that many kills instead of 240, as many hostile runs more
 *   SEED=n                                          repeats a run; each run prints its seed
 *
 * Under ThreadSanitizer only the parts in one process run: it is blind across processes. The tests are in
 * ring/.
 */
#include <dirent.h>
#include <string.h>
#include "tests/ring/ring.h"

static uint64_t env_u64(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);
    return s && *s ? strtoull(s, NULL, 10) : otherwise;
}

static void check_no_leaks(void)
{
    char mine[64];
    snprintf(mine, sizeof mine, "tritter-%lu-ringtest.%d.", (unsigned long)geteuid(), (int)getpid());
    DIR *d = opendir(SEGMENT_DIR);
    CHECK(d);
    for (struct dirent *e; (e = readdir(d));)
        CHECK(strncmp(e->d_name, mine, strlen(mine)) != 0, "%s was left behind", e->d_name);
    closedir(d);
}

int main(void)
{
    uint64_t campaign = env_u64("TORTURE", 0);
    test_begin(campaign ? (unsigned)(120 + campaign / 4) : 120);
    seed = rng = env_u64("SEED", (uint64_t)now_us());
    printf("SEED=%llu\n", (unsigned long long)seed);

    test_basic();
    test_copy();
#ifdef __SANITIZE_THREAD__
    test_threads(campaign ? campaign * 1000 : 200000);
#else
    test_threads(100000);
    test_processes(40000);
    test_awake();
    test_late_reader();
    test_signal();
    test_bad_segments();
    test_mutated_open(2000 + campaign);
    test_lies();
    test_hostile(100000 + campaign * 100);
    test_hostile_race(400 + (unsigned)campaign / 2);
    test_torture(campaign ? campaign : 240);
    check_no_leaks();
#endif
    return 0;
}
