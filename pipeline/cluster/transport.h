/*
 * transport.h - what carries messages between the processes of one job: a table of functions
 *
 * A plugin (mpi/plugin.c: lib/tritter-mpi.so) exports one such table under the name TRANSPORT_SYMBOL. It is
 * opened at run time, so that the programs themselves need no MPI. Messages from one process to another
 * arrive in the order in which they were sent. The functions neither print nor exit, except abort. Any thread
 * may call them, one at a time.
 */
#ifndef CLUSTER_TRANSPORT_H
#define CLUSTER_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

#define TRANSPORT_SYMBOL "tritter_transport"
enum { TRANSPORT_VERSION = 2 };

struct transport_request { /* an operation that has begun; the plugin knows what is in it */
    _Alignas(16) unsigned char space[32];
};

struct transport {
    uint32_t version; /* TRANSPORT_VERSION */
    /* Joins the job. Returns 0, or -1 with a clause in err. name receives what carries the messages. */
    int (*open)(int *rank, int *size, char *name, size_t name_cap, char *err, size_t cap);
    void (*close)(void);
    /* Both begin an operation on at most INT_MAX bytes, which belong to it until test returns 1. Return 0, or
     * -1 when it cannot begin. */
    int (*send)(const void *p, size_t n, int to, struct transport_request *r);
    int (*receive)(void *p, size_t n, int from, struct transport_request *r);
    int (*test)(struct transport_request *r); /* 1: done; 0: not yet; -1: failed */
    void (*abort)(int code);                  /* ends every process of the job; may return before it has */
};

#endif
