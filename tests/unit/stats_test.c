/* A page of counters: what is set together is seen together, a dead writer is told, and a page may hold
 * anything. */
#include "shm/process.h"
#include "shm/stats.h"
#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { PAGE = 8192 };

static char name[STATS_FILE], path[128];

static void name_of(pid_t pid)
{
    snprintf(name, sizeof name, "tritter-stats-%lu-%ld", (unsigned long)geteuid(), (long)pid);
    snprintf(path, sizeof path, "/dev/shm/%s", name);
}

static double value_of(const struct stats_snapshot *s, const char *counter)
{
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->v[i].name, counter) == 0)
            return s->v[i].value;
    CHECK(0, "no counter '%s'", counter);
}

static void a_page_says_what_was_set(void)
{
    struct stats *s;
    struct stats_snapshot got;
    CHECK(stats_create(&s, "tokenize", "books\033[31m.zst") == 0, "%s", strerror(errno));
    name_of(getpid());
    int docs = stats_add(s, "documents", "docs", STATS_COUNTER),
        fill = stats_add(s, "fill", "bytes", STATS_GAUGE);
    stats_begin(s);
    stats_set(s, docs, 12);
    stats_set(s, fill, 0.5);
    stats_end(s);
    CHECK(stats_look(name, &got) == 0, "not readable");
    CHECK(strcmp(got.stage, "tokenize") == 0 && strcmp(got.label, "books?[31m.zst") == 0, "'%s'", got.label);
    CHECK(got.n == 2 && got.alive && got.pid == getpid(), "%d counters, pid %d", got.n, got.pid);
    CHECK(value_of(&got, "documents") == 12 && value_of(&got, "fill") == 0.5, "values");
    CHECK(got.v[0].kind == STATS_COUNTER && got.v[1].kind == STATS_GAUGE, "kinds");
    for (int i = 2; i < STATS_MAX; i++)
        CHECK(stats_add(s, "more", "", STATS_GAUGE) == i, "counter %d", i);
    CHECK(stats_add(s, "one too many", "", STATS_GAUGE) == -1, "full");
    stats_set(s, -1, 1);
    stats_close(s);
    CHECK(stats_look(name, &got) == -1, "the page is still there");
    stats_begin(NULL);
    stats_set(NULL, stats_add(NULL, "x", "", STATS_GAUGE), 1);
    stats_end(NULL);
    stats_close(NULL);
}

static _Noreturn void write_pairs(pid_t parent)
{
    struct stats *s;
    end_with_test(parent);
    if (stats_create(&s, "writer", NULL) != 0)
        _exit(1);
    int a = stats_add(s, "a", "", STATS_COUNTER), b = stats_add(s, "b", "", STATS_COUNTER);
    for (double i = 0;; i++) {
        stats_begin(s);
        stats_set(s, a, i);
        stats_set(s, b, -i);
        stats_end(s);
        for (volatile int rest = 0; rest < 3000; rest++) /* some microseconds, as between documents */
            ;
    }
}

/* The writer hardly rests, so a snapshot that were torn would show a + b != 0. Then it is killed. */
static void snapshots_are_whole_and_death_is_told(void)
{
    struct stats_snapshot got;
    pid_t parent = getpid(), child = fork();
    if (child == 0)
        write_pairs(parent);
    name_of(child);
    while (stats_look(name, &got) != 0 || got.n < 2)
        usleep(1000);
    for (int i = 0; i < 4000; i++) {
        CHECK(stats_look(name, &got) == 0 && got.alive, "look %d", i);
        CHECK(value_of(&got, "a") == -value_of(&got, "b"), "torn: %g and %g", value_of(&got, "a"),
              value_of(&got, "b"));
    }
    CHECK(!stats_remove_dead(name), "removed a living one's page");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK(stats_look(name, &got) == 0 && !got.alive, "a dead writer passes for a living one");
    static char names[4096][STATS_FILE]; /* room for what other programs have left here */
    int n = stats_list(names, 4096), found = 0;
    for (int i = 0; i < n; i++)
        found += strcmp(names[i], name) == 0;
    CHECK(found == 1, "listed %d times", found);
    CHECK(stats_remove_dead(name) && stats_look(name, &got) == -1, "not removed");
}

/* Pages that killed processes have left do not keep a living one out of a list that is full. */
static void the_living_are_listed_first(void)
{
    enum { DEAD = 200, CAP = 64, NO_PID = 4200000 }; /* more than any pid */
    static char names[CAP][STATS_FILE];
    struct stats *s;
    int found = 0;
    for (int i = 0; i < DEAD; i++) {
        if (i == DEAD / 2)
            CHECK(stats_create(&s, "living", NULL) == 0, "%s", strerror(errno));
        name_of(NO_PID + i);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        CHECK(fd >= 0 && close(fd) == 0, "%s", path);
    }
    int n = stats_list(names, CAP);
    for (int i = 0; i < DEAD; i++) {
        name_of(NO_PID + i);
        unlink(path);
    }
    name_of(getpid());
    for (int i = 0; i < n; i++)
        found += strcmp(names[i], name) == 0;
    CHECK(n == CAP && found == 1, "%d names, and the living one %d times", n, found);
    stats_close(s);
}

static void check_clean(const struct stats_snapshot *s)
{
    CHECK(s->n >= 0 && s->n <= STATS_MAX, "%d counters", s->n);
    for (const char *p = s->stage; *p; p++)
        CHECK(*p >= ' ' && *p < 0x7f, "a byte %02x", (unsigned char)*p);
    for (int i = 0; i < s->n; i++) {
        CHECK(memchr(s->v[i].name, 0, STATS_NAME) && memchr(s->v[i].unit, 0, STATS_UNIT), "no end");
        for (const char *p = s->v[i].name; *p; p++)
            CHECK(*p >= ' ' && *p < 0x7f, "a byte %02x", (unsigned char)*p);
    }
}

/* Files of that name with random changes, wrong sizes and modes: refused, or read as printable text. */
static void hostile_pages_do_no_harm(void)
{
    struct stats *s;
    struct stats_snapshot got;
    static unsigned char good[PAGE], page[PAGE];
    CHECK(stats_create(&s, "tokenize", "x") == 0, "%s", strerror(errno));
    name_of(getpid());
    stats_add(s, "documents", "docs", STATS_COUNTER);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0 && pread(fd, good, PAGE, 0) == PAGE, "%s", path);
    srand(7);
    for (int i = 0; i < 4000; i++) {
        memcpy(page, good, PAGE);
        for (int k = rand() % 8; k >= 0; k--)
            page[rand() % (i % 2 ? 256 : PAGE)] = (unsigned char)rand();
        CHECK(pwrite(fd, page, PAGE, 0) == PAGE, "write");
        if (stats_look(name, &got) == 0)
            check_clean(&got);
    }
    CHECK(pwrite(fd, good, PAGE, 0) == PAGE && stats_look(name, &got) == 0, "as it was");
    CHECK(fchmod(fd, 0644) == 0 && stats_look(name, &got) == -1, "a page that others may read");
    CHECK(fchmod(fd, 0600) == 0 && ftruncate(fd, PAGE / 2) == 0 && stats_look(name, &got) == -1,
          "half a page");
    CHECK(ftruncate(fd, PAGE) == 0 && stats_look(name, &got) == -1, "a page with a hole");
    close(fd);
    stats_close(s);
    CHECK(symlink("/dev/zero", path) == 0 && stats_look(name, &got) == -1, "a link");
    unlink(path);
}

int main(void)
{
    test_begin(60);
    a_page_says_what_was_set();
    snapshots_are_whole_and_death_is_told();
    the_living_are_listed_first();
    hostile_pages_do_no_harm();
    return 0;
}
