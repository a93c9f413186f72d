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
#include <pthread.h>
#include <sched.h>
#include <signal.h>
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
    REST_NS = 200000,  /* between two looks of the thread, while the process computes (guess) */
    LAST_SECONDS = 5,  /* for the transport to end the job; then this process ends by itself */
};

struct message {
    struct transport_request request;
    int peer; /* -1: many (messages of GPUs) */
    bool done;
};

struct group {
    struct message *v; /* owned */
    size_t n, cap, left;
    double arrival;
};

struct cluster_link {
    const struct transport *by;
    const struct device_transport *gpus; /* NULL: not used */
    bool open;                           /* messages of GPUs are being begun */
    struct group group[CLUSTER_GROUPS];
    pthread_mutex_t lock; /* of the groups, and of every call of the transport */
    pthread_cond_t begun; /* a message of a group but the first, or closing */
    pthread_t carrier;
    bool closing;
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

/* The path of a plugin beside the program: in bin/../lib, or in bin/../lib/tritter where it was installed.
 * NULL: it is not there. The caller frees it. */
static char *find_plugin(const char *name)
{
    static const char *const places[] = {"../lib", "../lib/tritter"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        char *path = xasprintf("%.*s/%s/%s", (int)(slash - self), self, places[i], name);
        if (path_exists(path))
            return path;
        free(path);
    }
    return NULL;
}

static const struct transport *find_transport(const char *by, int size)
{
    char *path = find_plugin("tritter-mpi.so");
    if (!path)
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

static _Noreturn void lost(struct cluster *c, int peer, const char *what)
{
    char who[64] = "another rank";
    if (peer >= 0)
        snprintf(who, sizeof who, "rank %d of %d", peer, c->size);
    fprintf(stderr, "%s: %s %s: the job ends; go on with --resume\n", program_name, who, what);
    watch_launcher();
    end_job(CLUSTER_LOST, NULL);
    _exit(CLUSTER_LOST);
}

/* Looks at every message of a group; the first that is still on its way, or NULL. */
static struct message *look(struct cluster *c, struct group *g)
{
    struct message *first = NULL;
    size_t before = g->left;
    g->left = 0;
    for (size_t i = 0; i < g->n; i++) {
        struct message *m = &g->v[i];
        int rc = m->done       ? 1
                 : m->peer < 0 ? c->link->gpus->test((int)(g - c->link->group))
                               : c->link->by->test(&m->request);
        if (rc < 0)
            lost(c, m->peer, "has broken the connection");
        m->done = rc == 1;
        if (!m->done && g->left++ == 0)
            first = m;
    }
    if (before > 0 && g->left == 0)
        g->arrival = now_seconds();
    return first;
}

/* --- messages while the process computes ------------------------------------------- */

static bool any_behind(const struct cluster_link *l)
{
    bool any = false;
    for (int i = 1; i < CLUSTER_GROUPS; i++)
        any = any || l->group[i].left > 0;
    return any;
}

/* MPI moves messages only while it is called. */
static void *carry(void *cluster)
{
    struct cluster *c = cluster;
    struct cluster_link *l = c->link;
    pthread_mutex_lock(&l->lock);
    while (!l->closing) {
        if (!any_behind(l)) {
            pthread_cond_wait(&l->begun, &l->lock);
            continue;
        }
        for (int i = 1; i < CLUSTER_GROUPS; i++)
            look(c, &l->group[i]);
        pthread_mutex_unlock(&l->lock);
        nanosleep(&(struct timespec){.tv_nsec = REST_NS}, NULL);
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static void start_carrier(struct cluster *c)
{
    sigset_t all, before;
    pthread_mutex_init(&c->link->lock, NULL);
    pthread_cond_init(&c->link->begun, NULL);
    sigfillset(&all); /* signals are for the thread that reads batches */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&c->link->carrier, NULL, carry, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        die("no thread for messages: %s", strerror(failed));
}

static void stop_carrier(struct cluster_link *l)
{
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    pthread_cond_signal(&l->begun);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->carrier, NULL);
}

/* --- the job ------------------------------------------------------------------------- */

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
    start_carrier(c);
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
        stop_carrier(c->link);
        if (c->link->gpus)
            c->link->gpus->close();
        c->link->by->close();
        for (int i = 0; i < CLUSTER_GROUPS; i++)
            free(c->link->group[i].v);
        free(c->link);
    }
    free(c);
}

static struct group *current(const struct cluster *c)
{
    return &c->link->group[c->group];
}

static struct message *new_message(struct group *g, int peer)
{
    if (g->n == g->cap) {
        g->cap = g->cap ? 2 * g->cap : 64;
        g->v = xrealloc(g->v, g->cap * sizeof *g->v);
    }
    g->v[g->n] = (struct message){.peer = peer};
    g->left++;
    return &g->v[g->n++];
}

static _Noreturn void gpus_failed(const struct cluster *c)
{
    die("NCCL: %s", c->link->gpus->error());
}

/* The same for memory of a GPU. The message is under way after end_messages. */
static void begin_on_gpu(struct cluster *c, const char *out, char *in, size_t n, int peer)
{
    const struct device_transport *g = c->link->gpus;
    if (n == 0)
        return;
    if ((!c->link->open && g->begin() != 0) || (out ? g->send(out, n, peer) : g->receive(in, n, peer)) != 0)
        gpus_failed(c);
    c->link->open = true;
}

/* What was begun of the group at hand between GPUs belongs together, and is under way from here on. */
static void end_messages(struct cluster *c)
{
    if (!c->link || !c->link->open)
        return;
    c->link->open = false;
    if (c->link->gpus->end(c->group) != 0)
        gpus_failed(c);
    new_message(current(c), -1);
}

void cluster_in(struct cluster *c, int group)
{
    if (c->link) {
        pthread_mutex_lock(&c->link->lock);
        end_messages(c);
        pthread_mutex_unlock(&c->link->lock);
    }
    c->group = group;
}

/* Begins the messages of n bytes, one after another. out: what to send; otherwise in: where it goes. */
static void begin(struct cluster *c, const char *out, char *in, size_t n, int peer)
{
    struct cluster_link *l = c->link;
    pthread_mutex_lock(&l->lock);
    if (c->on_gpus && c->group > 0)
        begin_on_gpu(c, out, in, n, peer);
    for (size_t at = 0; at < n && !(c->on_gpus && c->group > 0); at += MESSAGE) {
        size_t part = n - at < MESSAGE ? n - at : MESSAGE;
        struct transport_request *r = &new_message(current(c), peer)->request;
        if ((out ? l->by->send(out + at, part, peer, r) : l->by->receive(in + at, part, peer, r)) != 0)
            lost(c, peer, "cannot be reached");
    }
    if (c->group > 0)
        pthread_cond_signal(&l->begun);
    pthread_mutex_unlock(&l->lock);
}

void cluster_send(struct cluster *c, const void *p, size_t n, int to)
{
    begin(c, p, NULL, n, to);
    c->sent += n;
}

void cluster_receive(struct cluster *c, void *p, size_t n, int from)
{
    begin(c, NULL, p, n, from);
}

bool cluster_arrived(struct cluster *c)
{
    if (!c->link)
        return true;
    pthread_mutex_lock(&c->link->lock);
    end_messages(c);
    bool done = !look(c, current(c));
    pthread_mutex_unlock(&c->link->lock);
    return done;
}

double cluster_arrival(const struct cluster *c)
{
    return c->link ? current(c)->arrival : 0;
}

/* Until all of a group are done, or the time is over. */
static void wait_for(struct cluster *c, struct group *g)
{
    const struct message *first;
    double heard = 0;
    size_t before = SIZE_MAX;
    for (unsigned idle = 0; (first = look(c, g)); idle++) {
        if (g->left < before)
            idle = 0;
        before = g->left;
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
}

void cluster_wait(struct cluster *c)
{
    if (!c->link)
        return;
    double began = now_seconds();
    pthread_mutex_lock(&c->link->lock);
    end_messages(c);
    wait_for(c, current(c));
    current(c)->n = 0;
    pthread_mutex_unlock(&c->link->lock);
    c->waited += now_seconds() - began;
}

/* --- messages between GPUs ------------------------------------------------------------ */

static const struct device_transport *find_gpus(char *why, size_t cap)
{
    char *path = find_plugin("tritter-nccl.so");
    void *plugin = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    const struct device_transport *t = plugin ? dlsym(plugin, DEVICE_TRANSPORT_SYMBOL) : NULL;
    if (!path)
        snprintf(why, cap, "this build has no lib/tritter-nccl.so");
    else if (!plugin)
        snprintf(why, cap, "%s", dlerror());
    else if (!t || t->version != TRANSPORT_VERSION)
        snprintf(why, cap, "%s is of another version of Tritter; make", path);
    free(path);
    return t && t->version == TRANSPORT_VERSION ? t : NULL;
}

bool cluster_use_gpus(struct cluster *c, char *why, size_t cap)
{
    unsigned char id[DEVICE_ID_BYTES] = {0};
    char name[64];
    const struct device_transport *t = find_gpus(why, cap);
    int missing = !t || t->ready(id) != 0;
    if (t && missing)
        snprintf(why, cap, "NCCL: %s", t->error());
    bool here = !missing;
    cluster_max(c, &missing, 1);
    if (missing) {
        if (here)
            snprintf(why, cap, "another process cannot take part in NCCL");
        return false;
    }
    cluster_broadcast(c, id, sizeof id, 0);
    c->link->gpus = t;
    if (t->open(id, c->rank, c->size, CLUSTER_GROUPS, name, sizeof name) != 0)
        gpus_failed(c);
    snprintf(c->name + strlen(c->name), sizeof c->name - strlen(c->name), ", %s", name);
    return c->on_gpus = true;
}
