/*
 * cluster.c - joining a job, and how it ends
 */
#include "pipeline/cluster/cluster.h"

#include "pipeline/cluster/link.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { LAST_SECONDS = 5 }; /* for the transport to end the job; then this process ends by itself */

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

static struct cluster_link *joined; /* NULL: in no job, or no longer */

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
    pthread_mutex_trylock(&joined->lock); /* the thread for messages stays out, unless it is what fails */
    joined->by->abort(code ? code : 1);
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

_Noreturn void link_lost(struct cluster *c, int peer, const char *what)
{
    char who[64] = "another rank";
    if (peer >= 0)
        snprintf(who, sizeof who, "rank %d of %d", peer, c->size);
    fprintf(stderr, "%s: %s %s: the job ends; go on with --resume\n", program_name, who, what);
    watch_launcher();
    end_job(CLUSTER_LOST, NULL);
    _exit(CLUSTER_LOST);
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
    link_start(c);
    joined = c->link;
    launcher = find_launcher();
    on_exit(end_job, NULL);
    name_rank(c);
    return c;
}

void cluster_close(struct cluster *c)
{
    if (c->link) {
        /* A launcher sends it to those that are left when one has ended, and its exit code is the largest. */
        signal(SIGTERM, SIG_IGN);
        cluster_barrier(c);
        joined = NULL;
        link_stop(c->link);
        if (c->link->gpus)
            c->link->gpus->close();
        c->link->by->close();
        for (int i = 0; i < CLUSTER_GROUPS; i++)
            free(c->link->group[i].v);
        free(c->link);
    }
    free(c);
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
    char name[64], gpu[DEVICE_NAME_BYTES] = "";
    const struct device_transport *t = find_gpus(why, cap);
    int missing = !t || t->ready(id, gpu) != 0;
    bool shares = cluster_has_twin(c, gpu, sizeof gpu);
    if (t && missing)
        snprintf(why, cap, "NCCL: %s", t->error());
    else if (t && shares)
        snprintf(why, cap, "several processes have one GPU");
    bool here = !missing && !shares;
    missing = !here;
    cluster_max(c, &missing, 1);
    if (missing) {
        if (here)
            snprintf(why, cap, "another process cannot take part in NCCL");
        return false;
    }
    cluster_broadcast(c, id, sizeof id, 0);
    c->link->gpus = t;
    if (t->open(id, c->rank, c->size, CLUSTER_GROUPS, name, sizeof name) != 0)
        link_gpus_failed(c);
    snprintf(c->name + strlen(c->name), sizeof c->name - strlen(c->name), ", %s", name);
    return c->on_gpus = true;
}
