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
enum { TRANSPORT_VERSION = 3 };

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

/* What carries messages from the memory of one GPU to that of another: the table DEVICE_TRANSPORT_SYMBOL of a
 * second plugin (nccl/plugin.c: lib/tritter-nccl.so). Its processes meet by the first transport. The messages
 * between begin and end belong together: all of them are under way after end, and test asks for all. Calls
 * return 0, or -1 when they failed; error() says why. */
#define DEVICE_TRANSPORT_SYMBOL "tritter_device_transport"
enum { DEVICE_ID_BYTES = 128, DEVICE_NAME_BYTES = 96 };

struct device_transport {
    uint32_t version; /* TRANSPORT_VERSION */
    /* There is a GPU that can take part. id, of DEVICE_ID_BYTES: a name for the job; rank 0's is that of all.
     * gpu, of DEVICE_NAME_BYTES: which GPU of which machine it is. */
    int (*ready)(void *id, char *gpu);
    /* Joins with the process's GPU. groups: of messages that are under way at a time. */
    int (*open)(const void *id, int rank, int size, int groups, char *name, size_t name_cap);
    void (*close)(void);
    int (*begin)(void);
    int (*send)(const void *p, size_t n, int to);
    int (*receive)(void *p, size_t n, int from);
    int (*end)(int group);
    int (*test)(int group); /* 1: all of the group are done; 0: not yet; -1: failed */
    const char *(*error)(void);
};

#endif
