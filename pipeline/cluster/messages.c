/*
 * messages.c - messages that are under way: begun, looked after while the process computes, and waited for
 */
#include "pipeline/cluster/link.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MESSAGE = 1 << 30,    /* bytes of one message at most */
    SPINS = 200,          /* looks at a message before the processor is left to others (guess) */
    NAP_NS = 20000,       /* later on, between two looks; */
    REST_NS = 200000,     /* of the thread, while the process computes (guesses) */
    LONGEST_NS = 2000000, /* both, after a while: a sixteenth of how long nothing has come */
};

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
            link_lost(c, m->peer, "has broken the connection");
        m->done = rc == 1;
        if (!m->done && g->left++ == 0)
            first = m;
    }
    if (before > 0 && g->left == 0)
        g->arrival = now_seconds();
    return first;
}

/* Sleeps, the longer the longer nothing has come. */
static void nap(double heard, long least_ns)
{
    double ns = (now_seconds() - heard) * 1e9 / 16;
    long most = ns < LONGEST_NS ? (long)ns : LONGEST_NS;
    nanosleep(&(struct timespec){.tv_nsec = most > least_ns ? most : least_ns}, NULL);
}

/* --- messages while the process computes ------------------------------------------- */

/* Messages that are on their way in all groups but the first. */
static size_t behind(const struct cluster_link *l)
{
    size_t n = 0;
    for (int i = 1; i < CLUSTER_GROUPS; i++)
        n += l->group[i].left;
    return n;
}

/* MPI moves messages only while it is called. */
static void *carry(void *cluster)
{
    struct cluster *c = cluster;
    struct cluster_link *l = c->link;
    double heard = 0;
    size_t before = 0;
    pthread_mutex_lock(&l->lock);
    while (!l->closing) {
        if (behind(l) == 0) {
            pthread_cond_wait(&l->begun, &l->lock);
            continue;
        }
        for (int i = 1; i < CLUSTER_GROUPS; i++)
            look(c, &l->group[i]);
        if (behind(l) != before)
            heard = now_seconds();
        before = behind(l);
        pthread_mutex_unlock(&l->lock);
        nap(heard, REST_NS);
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

void link_start(struct cluster *c)
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

void link_stop(struct cluster_link *l)
{
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    pthread_cond_signal(&l->begun);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->carrier, NULL);
}

static struct group *current(const struct cluster *c)
{
    return &c->link->group[c->group];
}

/* A message of the group at hand, which the thread looks after from here on. */
static struct message *new_message(struct cluster *c, int peer)
{
    struct group *g = current(c);
    if (g->n == g->cap) {
        g->cap = g->cap ? 2 * g->cap : 64;
        g->v = xrealloc(g->v, g->cap * sizeof *g->v);
    }
    g->v[g->n] = (struct message){.peer = peer};
    g->left++;
    if (c->group > 0)
        pthread_cond_signal(&c->link->begun);
    return &g->v[g->n++];
}

_Noreturn void link_gpus_failed(const struct cluster *c)
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
        link_gpus_failed(c);
    c->link->open = true;
}

/* What was begun of the group at hand between GPUs belongs together, and is under way from here on. */
static void end_messages(struct cluster *c)
{
    if (!c->link || !c->link->open)
        return;
    c->link->open = false;
    if (c->link->gpus->end(c->group) != 0)
        link_gpus_failed(c);
    new_message(c, -1);
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
        struct transport_request *r = &new_message(c, peer)->request;
        if ((out ? l->by->send(out + at, part, peer, r) : l->by->receive(in + at, part, peer, r)) != 0)
            link_lost(c, peer, "cannot be reached");
    }
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
            link_lost(c, first->peer, "does not answer");
        else
            nap(heard, NAP_NS);
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
