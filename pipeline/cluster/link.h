/*
 * link.h - what cluster.c and messages.c share: how a process is joined to the others of its job
 */
#ifndef CLUSTER_LINK_H
#define CLUSTER_LINK_H

#include "pipeline/cluster/cluster.h"
#include "pipeline/cluster/transport.h"

#include <pthread.h>

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

/* The thread that looks after messages while the process computes. */
void link_start(struct cluster *c);
void link_stop(struct cluster_link *l);
/* Ends the job with CLUSTER_LOST. peer -1: it is not known which. */
_Noreturn void link_lost(struct cluster *c, int peer, const char *what);
_Noreturn void link_gpus_failed(const struct cluster *c);

#endif
