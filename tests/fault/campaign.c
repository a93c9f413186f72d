/*
 * campaign.c - every system call of a program fails once, in every way; what the program makes of it is
 * judged
 *
 *   fault_campaign [-j WORKERS] [-m MOST] [-s STRIDE] [-k | -t] LIBRARY CASE...
 *
 * CASE is a directory (tests/fault/cases makes them):
 *   argv       a word a line
 *   files      names in out/ whose content counts; ~NAME only once the program has ended well: logs, and
 * links to the newest checkpoint in/        is read old/       perhaps: what out/ holds before may-crash
 * perhaps: calls whose failure makes oneDNN end the program by a signal; counted by itself The program runs
 * in it once without a fault, for ref/, and once to count its calls. Then call n of each kind fails with EIO,
 * ENOSPC, EINTR, EMFILE, ENOMEM or a half result (or the program gets there, with -k, SIGKILL, with -t,
 * SIGTERM), n up to MOST, every STRIDE-th of all.
 *
 * Right is: exit 0 and the outputs of ref/; or exit 1 or 2 with a message, and each output as in ref/ or as
 * in old/; and that the next run, without a fault, ends with the outputs of ref/ and no temporary file (tried
 * after every kill, and after every fifth failure). After SIGTERM, which a program may not ignore: all
 * outputs as in old/, or all as in ref/, and no temporary file at once. A crash, a minute, or anything
 * else is wrong, and printed with what repeats it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fault/calls.h"

enum { WORDS = 64, LIMIT_S = 60, MAX_FILE = 64 << 20, COUNTS = 512 };

static const char *const errors[] = {"EIO", "ENOSPC", "EINTR", "EMFILE", "ENOMEM", "short"};
static const char *const kill_errors[] = {"KILL"}, *const term_errors[] = {"TERM"};

struct tally {
    uint64_t tried, exit0, refused, killed, crashed, again, wrong;
};

static char *library;
static char *argv_words[WORDS], *files[WORDS], *may_crash[WORDS];
static size_t n_files;
static struct tally *totals; /* shared by the workers */
static bool kills, terms;

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "campaign: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* The file's bytes; NULL: there is none. */
static char *slurp(const char *path, size_t *n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_FILE) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    char *s = malloc((size_t)st.st_size + 1);
    *n = 0;
    for (ssize_t k; s && (k = read(fd, s + *n, (size_t)st.st_size - *n)) > 0;)
        *n += (size_t)k;
    close(fd);
    if (s)
        s[*n] = 0;
    return s;
}

static size_t read_words(const char *path, char **words)
{
    size_t len, n = 0;
    char *s = slurp(path, &len);
    if (!s)
        stop(path);
    for (char *w = strtok(s, "\n"); w && n + 1 < WORDS; w = strtok(NULL, "\n"))
        words[n++] = w;
    words[n] = NULL;
    return n;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
    (void)st;
    (void)kind;
    (void)f;
    return remove(path);
}

static void shell(const char *command)
{
    if (system(command) != 0)
        stop(command);
}

/* out/ as it was before the program ran. */
static void reset(void)
{
    nftw("out", remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (access("old", F_OK) == 0)
        shell("cp -a old out");
    else if (mkdir("out", 0755) != 0)
        stop("out");
    if (access("before", F_OK) == 0)
        shell("bash before");
}

static int exit_code(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            stop("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t start_client(pid_t server)
{
    char number[32];
    snprintf(number, sizeof number, "%ld", (long)server);
    pid_t pid = fork();
    if (pid < 0)
        stop("fork");
    if (pid > 0)
        return pid;
    alarm(LIMIT_S);
    execl("/bin/bash", "bash", "client", number, (char *)NULL);
    _exit(98);
}

static _Noreturn void become_program(const char *fault, const char *counts)
{
    int o = open("out/stdout", O_WRONLY | O_CREAT | O_TRUNC, 0644),
        e = open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0644), i = open("/dev/null", O_RDONLY);
    if (o < 0 || e < 0 || dup2(i, 0) < 0 || dup2(o, 1) < 0 || dup2(e, 2) < 0)
        _exit(99);
    if (fault)
        setenv("FAULT", fault, 1);
    if (counts)
        setenv("FAULT_COUNTS", counts, 1);
    if (fault || counts)
        setenv("LD_PRELOAD", library, 1);
    alarm(LIMIT_S); /* stays through exec: SIGALRM ends what hangs */
    execv(argv_words[0], argv_words);
    _exit(98);
}

/* Runs the program; its exit code, or 128 + the signal that ended it: SIGALRM after LIMIT_S. */
static int run(const char *fault, const char *counts)
{
    bool serves = access("client", F_OK) == 0;
    unlink("out/stdout"); /* the client looks there for this run's address */
    unlink("stderr");
    pid_t pid = fork();
    if (pid < 0)
        stop("fork");
    if (pid == 0)
        become_program(fault, counts);
    pid_t client = serves ? start_client(pid) : 0;
    int code = exit_code(pid);
    if (serves)
        exit_code(client);
    if (access("after", F_OK) == 0)
        shell("bash after");
    return serves && code == 128 + SIGTERM ? 0 : code;
}

static bool same_in(const char *dir, const char *name)
{
    char a[4096], b[4096];
    size_t na = 0, nb = 0;
    snprintf(a, sizeof a, "out/%s", name);
    snprintf(b, sizeof b, "%s/%s", dir, name);
    char *x = slurp(a, &na), *y = slurp(b, &nb);
    bool same = (!x && !y) || (x && y && na == nb && memcmp(x, y, na) == 0);
    free(x);
    free(y);
    return same;
}

/* Which file is neither as in ref/ nor, where that may be, as in old/; NULL: none. */
static const char *torn(bool or_old)
{
    for (size_t i = 0; i < n_files; i++) {
        bool at_end = files[i][0] == '~';
        if ((at_end && or_old) || same_in("ref", files[i] + at_end))
            continue;
        if (!or_old || (strcmp(files[i], "stdout") != 0 && !same_in("old", files[i])))
            return files[i];
    }
    return NULL;
}

/* Whether one output is new and another is not. */
static bool half_done(void)
{
    bool has_new = false, has_old = false;
    for (size_t i = 0; i < n_files; i++) {
        if (files[i][0] == '~' || strcmp(files[i], "stdout") == 0)
            continue;
        has_new |= same_in("ref", files[i]) && !same_in("old", files[i]);
        has_old |= !same_in("ref", files[i]);
    }
    return has_new && has_old;
}

static bool has_leftovers(void)
{
    return system("find out -name '*tritter-partial' -o -name '*.tmp*' | grep -q .") == 0;
}

static void wrong(const char *name, const char *fault, const char *why)
{
    char line[512] = "";
    size_t n = 0;
    char *err = slurp("stderr", &n);
    snprintf(line, sizeof line, "%.300s", err ? err : "");
    free(err);
    if (strchr(line, '\n'))
        *strchr(line, '\n') = 0;
    __atomic_add_fetch(&totals->wrong, 1, __ATOMIC_RELAXED);
    printf("WRONG %s FAULT=%s: %s; it said: %s\n", name, fault, why, line);
    fflush(stdout);
}

/* The next run must mend what is left. */
static void run_again(const char *name, const char *fault)
{
    __atomic_add_fetch(&totals->again, 1, __ATOMIC_RELAXED);
    if (run(NULL, NULL) != 0)
        wrong(name, fault, "the next run, without a fault, failed");
    else if (torn(false))
        wrong(name, fault, "the next run, without a fault, has another output");
    else if (has_leftovers())
        wrong(name, fault, "a temporary file is left after the next run");
}

static bool is_crash_of_library(const char *fault, int code)
{
    for (size_t i = 0; may_crash[i]; i++)
        if (strncmp(fault, may_crash[i], strlen(may_crash[i])) == 0 && fault[strlen(may_crash[i])] == ':')
            return code == 128 + SIGSEGV || code == 128 + SIGABRT;
    return false;
}

static void judge(const char *name, const char *fault, int code)
{
    char why[200];
    struct stat st;
    const char *file;
    bool is_termed = code == 128 + SIGTERM && terms,
         is_killed = is_termed || (code == 128 + SIGKILL && kills);
    bool crashed = is_crash_of_library(fault, code);

    if (code == 0) {
        __atomic_add_fetch(&totals->exit0, 1, __ATOMIC_RELAXED);
        if ((file = torn(false)) && (snprintf(why, sizeof why, "exit 0, but %s is not right", file), true))
            wrong(name, fault, why);
        return;
    }
    if (code != 1 && code != 2 && !is_killed && !crashed) {
        snprintf(why, sizeof why, code == 128 + SIGALRM ? "hangs" : "exit %d", code);
        wrong(name, fault, why);
        return;
    }
    uint64_t *kind = is_killed ? &totals->killed : crashed ? &totals->crashed : &totals->refused;
    uint64_t nth = __atomic_add_fetch(kind, 1, __ATOMIC_RELAXED);
    if (!is_killed && !crashed && (stat("stderr", &st) != 0 || st.st_size == 0)) {
        wrong(name, fault, "fails without a word");
    } else if ((file = torn(true))) {
        snprintf(why, sizeof why, "%s is neither the old one nor the new one", file);
        wrong(name, fault, why);
    } else if (is_termed && half_done()) {
        wrong(name, fault, "one output is new, another is not");
    } else if (is_termed && has_leftovers()) {
        wrong(name, fault, "a temporary file is left");
    }
    if (is_killed || nth % 5 == 0)
        run_again(name, fault);
}

static void prepare(const char *name)
{
    if (chdir(name) != 0)
        stop(name);
    read_words("argv", argv_words);
    n_files = read_words("files", files);
    may_crash[0] = NULL;
    if (access("may-crash", F_OK) == 0)
        read_words("may-crash", may_crash);

    nftw("ref", remove_one, 16, FTW_DEPTH | FTW_PHYS);
    reset();
    if (run(NULL, NULL) != 0 || rename("out", "ref") != 0)
        stop("the program fails without a fault");
    reset();
    if (run(NULL, "counts") != 0 || torn(false))
        stop("the program does the same no second time");
}

/* The injections of one worker: every workers-th of every stride-th. */
static void work(const char *name, uint64_t worker, uint64_t workers, uint64_t stride, uint64_t most)
{
    size_t len;
    char fault[64];
    uint64_t i = 0, *counts = (uint64_t *)(void *)slurp("counts", &len);
    const char *const *how = kills ? kill_errors : terms ? term_errors : errors;
    size_t n_how = kills || terms ? 1 : sizeof errors / sizeof *errors;
    if (!counts || len < COUNTS * sizeof *counts)
        stop("counts");
    for (size_t c = 0; c < CALLS; c++) {
        uint64_t n = counts[calls[c].number];
        for (uint64_t at = 1; at <= n && at <= most; at++) {
            for (size_t e = 0; e < n_how; e++, i++) {
                if (i % stride != 0 || i / stride % workers != worker)
                    continue;
                snprintf(fault, sizeof fault, "%s:%llu:%s", calls[c].name, (unsigned long long)at, how[e]);
                reset();
                __atomic_add_fetch(&totals->tried, 1, __ATOMIC_RELAXED);
                judge(name, fault, run(fault, NULL));
            }
        }
    }
    free(counts);
}

/* A worker has a copy of the case's directory to itself. */
static void start_worker(const char *name, uint64_t worker, uint64_t workers, uint64_t stride, uint64_t most)
{
    char command[128], dir[32];
    pid_t pid = fork();
    if (pid < 0)
        stop("fork");
    if (pid > 0)
        return;
    snprintf(dir, sizeof dir, "worker-%llu", (unsigned long long)worker);
    snprintf(command, sizeof command, "rm -rf %s && mkdir %s", dir, dir);
    shell(command);
    snprintf(command, sizeof command, "cp -a in ref counts %s", dir);
    shell(command);
    snprintf(command, sizeof command, "cp -a old client before after %s 2>/dev/null || true", dir);
    shell(command);
    if (chdir(dir) != 0)
        stop(dir);
    work(name, worker, workers, stride, most);
    exit(0);
}

static uint64_t run_case(const char *name, uint64_t workers, uint64_t stride, uint64_t most)
{
    *totals = (struct tally){0};
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    prepare(name);
    for (uint64_t w = 0; w < workers; w++)
        start_worker(name, w, workers, stride, most);
    for (uint64_t w = 0; w < workers; w++)
        wait(NULL);
    if (here < 0 || fchdir(here) != 0)
        stop("the directory of before");
    close(here);
    printf("%-12s %6llu %s, %llu without effect, %llu refused with a message, %llu ended in oneDNN, "
           "%llu run again; wrong: %llu\n",
           name, (unsigned long long)totals->tried, kills || terms ? "kills" : "faults",
           (unsigned long long)totals->exit0, (unsigned long long)totals->refused,
           (unsigned long long)totals->crashed, (unsigned long long)totals->again,
           (unsigned long long)totals->wrong);
    fflush(stdout);
    return totals->wrong;
}

int main(int argc, char **argv)
{
    uint64_t workers = 1, most = UINT64_MAX, stride = 1, n_wrong = 0;
    for (int c; (c = getopt(argc, argv, "j:m:s:kt")) != -1;) {
        if (c == 'j')
            workers = strtoull(optarg, NULL, 10);
        else if (c == 'm')
            most = strtoull(optarg, NULL, 10);
        else if (c == 's')
            stride = strtoull(optarg, NULL, 10);
        else if (c == 'k')
            kills = true;
        else if (c == 't')
            terms = true;
        else
            return 2;
    }
    if (argc - optind < 2 || workers == 0 || stride == 0)
        return 2;
    library = realpath(argv[optind], NULL);
    setenv("GOMP_SPINCOUNT", "1000", 1); /* set, so that no program executes itself again */
    totals = mmap(NULL, sizeof *totals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!library || totals == MAP_FAILED)
        stop(argv[optind]);
    for (int i = optind + 1; i < argc; i++)
        n_wrong += run_case(argv[i], workers, stride, most);
    return n_wrong ? 1 : 0;
}
