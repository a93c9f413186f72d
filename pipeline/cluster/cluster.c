/*
 * cluster.c - joining a job, waiting for messages, and how a job ends
 */
#include "pipeline/cluster/cluster.h"

#include "pipeline/cluster/transport.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGE = 1 << 30, /* bytes of one message at most */
    SPINS = 200,       /* looks at a message before the processor is left to others (guess) */
    NAP_NS = 20000,    /* later on, between two looks */
    LAST_SECONDS = 5,  /* for the transport to end the job; then this process ends by itself */
};

struct message {
    struct transport_request request;
    int peer;
    bool done;
};

struct cluster_link {
    const struct transport *by;
    struct message *v; /* owned */
    size_t n, cap;
};

bool cluster_launched(int *size, const char **by)
{
    static const struct {
        const char *variable, *launcher;
    } launchers[] = {
        {"OMPI_COMM_WORLD_SIZE", "mpirun"}, {"SLURM_STEP_NUM_TASKS", "srun"}, {"PMI_SIZE", "mpiexec"}};
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        const char *word = getenv(launchers[i].variable);
        *size = word ? atoi(word) : 0;
        *by = launchers[i].launcher;
        if (*size > 1 || (*size == 1 && i == 0))
            return true;
    }
    *size = 1;
    return false;
}

/* The plugin beside the program: bin/../lib, or bin/../lib/tritter where it was installed. */
static const struct transport *find_transport(const char *by, int size)
{
    static const char *const places[] = {"../lib/tritter-mpi.so", "../lib/tritter/tritter-mpi.so"};
    char self[PATH_MAX], *path = NULL;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        free(path);
        path = xasprintf("%.*s/%s", (int)(slash - self), self, places[i]);
        if (path_exists(path))
            break;
    }
    if (!path || !path_exists(path))
        die("%s started %d processes, and this build has no MPI to join them: install libopenmpi-dev and "
            "openmpi-bin, and make (lib/tritter-mpi.so)",
            by, size);
    void *plugin = dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* MPI's own plugins look for its symbols */
    if (!plugin)
        die("%s", dlerror());
    const struct transport *t = dlsym(plugin, TRANSPORT_SYMBOL);
    if (!t || t->version != TRANSPORT_VERSION)
        die("%s: is of another version of Tritter; make", path);
    free(path);
    return t;
}

static const struct transport *joined; /* NULL: in no job, or no longer */

static int launcher = -1; /* pidfd of mpirun, where it is our parent */

static int find_launcher(void)
{
    static const char name[] = "mpirun";
    char comm[16] = "", *path = xasprintf("/proc/%d/comm", (int)getppid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is = fd >= 0 && read(fd, comm, sizeof comm - 1) > 0 && strncmp(comm, name, sizeof name - 1) == 0;
    if (fd >= 0)
        close(fd);
    free(path);
    return is ? pidfd_open(getppid(), 0) : -1;
}

/* mpirun ends its children here at once, and then waits without end for a host that it cannot reach to
 * confirm that the job is over. A process of its own ends it, if it is still there after a while. */
static void watch_launcher(void)
{
    struct pollfd over = {.fd = launcher, .events = POLLIN};
    if (launcher < 0 || fork() != 0)
        return;
    setsid();
    if (poll(&over, 1, 2000 * LAST_SECONDS) == 0)
        pidfd_send_signal(launcher, SIGKILL, NULL, 0);
    _exit(0);
}

/* However the process ends before cluster_close, the others end as well. */
static void end_job(int code, void *arg)
{
    (void)arg;
    if (!joined)
        return;
    signal(SIGALRM, SIG_DFL);
    alarm(LAST_SECONDS);
    joined->abort(code ? code : 1);
}

/* Rank 0 speaks for all. The name of another rank is seen only when it fails. */
static void name_rank(const struct cluster *c)
{
    char host[64] = "?";
    if (c->rank == 0)
        return;
    gethostname(host, sizeof host - 1);
    program_name = xasprintf("%s, rank %d on %s", program_name, c->rank, host);
    log_level = LOG_FAILURES;
}

struct cluster *cluster_open(double timeout_s)
{
    char err[512] = "";
    const char *by;
    int expected;
    struct cluster *c = xcalloc(1, sizeof *c);
    *c = (struct cluster){.size = 1, .timeout_s = timeout_s};
    c->launched = cluster_launched(&expected, &by);
    if (!c->launched)
        return c;
    c->link = xcalloc(1, sizeof *c->link);
    c->link->by = find_transport(by, expected);
    if (c->link->by->open(&c->rank, &c->size, c->name, sizeof c->name, err, sizeof err) != 0)
        die("%s", err);
    if (c->size != expected)
        die("%s started %d processes, but each sees a job of %d (%s): start them with the launcher of this "
            "MPI (srun: --mpi=pmix)",
            by, expected, c->size, c->name);
    joined = c->link->by;
    launcher = find_launcher();
    on_exit(end_job, NULL);
    name_rank(c);
    return c;
}

void cluster_close(struct cluster *c)
{
    if (c->link) {
        cluster_barrier(c);
        joined = NULL;
        c->link->by->close();
        free(c->link->v);
        free(c->link);
    }
    free(c);
}

static struct message *new_message(struct cluster *c, int peer)
{
    struct cluster_link *l = c->link;
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 64;
        l->v = xrealloc(l->v, l->cap * sizeof *l->v);
    }
    l->v[l->n] = (struct message){.peer = peer};
    return &l->v[l->n++];
}

static _Noreturn void lost(struct cluster *c, int peer, const char *what)
{
    fprintf(stderr, "%s: rank %d of %d %s: the job ends; go on with --resume\n", program_name, peer, c->size,
            what);
    watch_launcher();
    end_job(CLUSTER_LOST, NULL);
    _exit(CLUSTER_LOST);
}

void cluster_send(struct cluster *c, const void *p, size_t n, int to)
{
    for (size_t at = 0; at < n; at += MESSAGE) {
        size_t part = n - at < MESSAGE ? n - at : MESSAGE;
        if (c->link->by->send((const char *)p + at, part, to, &new_message(c, to)->request) != 0)
            lost(c, to, "cannot be reached");
        c->sent += part;
    }
}

void cluster_receive(struct cluster *c, void *p, size_t n, int from)
{
    for (size_t at = 0; at < n; at += MESSAGE) {
        size_t part = n - at < MESSAGE ? n - at : MESSAGE;
        if (c->link->by->receive((char *)p + at, part, from, &new_message(c, from)->request) != 0)
            lost(c, from, "cannot be reached");
    }
}

/* Looks at every message; how many are still on their way, and the first of them. */
static size_t look(struct cluster *c, struct message **first)
{
    size_t left = 0;
    for (size_t i = 0; i < c->link->n; i++) {
        struct message *m = &c->link->v[i];
        int rc = m->done ? 1 : c->link->by->test(&m->request);
        if (rc < 0)
            lost(c, m->peer, "has broken the connection");
        m->done = rc == 1;
        if (!m->done && left++ == 0)
            *first = m;
    }
    return left;
}

void cluster_wait(struct cluster *c)
{
    struct message *first = NULL;
    if (!c->link || c->link->n == 0)
        return;
    double began = now_seconds(), heard = 0;
    size_t left, before = SIZE_MAX;
    for (unsigned idle = 0; (left = look(c, &first)) > 0; idle++) {
        if (left < before)
            idle = 0;
        before = left;
        if (idle < SPINS)
            continue;
        if (idle == SPINS)
            heard = now_seconds();
        if (idle < 2 * SPINS)
            sched_yield();
        else if (now_seconds() - heard > c->timeout_s)
            lost(c, first->peer, "does not answer");
        else
            nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
    }
    c->waited += now_seconds() - began;
    c->link->n = 0;
}
