/*
 * plugin.c - messages by MPI: built with mpicc into lib/tritter-mpi.so where there is one
 *
 * Only sends, receives and tests that do not block are used. cluster.c makes everything else of them, so that
 * every wait has a time-out and every sum its order.
 */
#include "pipeline/cluster/transport.h"

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>

enum { TAG = 1 };
_Static_assert(sizeof(MPI_Request) <= sizeof(struct transport_request), "a request of MPI fits into ours");

extern const struct transport tritter_transport;

static int join_job(int *rank, int *size, char *name, size_t name_cap, char *err, size_t cap)
{
    int provided, n;
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS ||
        provided < MPI_THREAD_SERIALIZED) {
        snprintf(err, cap, "this MPI does not start, or lets no second thread send messages");
        return -1;
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (MPI_Comm_rank(MPI_COMM_WORLD, rank) != MPI_SUCCESS ||
        MPI_Comm_size(MPI_COMM_WORLD, size) != MPI_SUCCESS) {
        snprintf(err, cap, "MPI does not say which process of how many this is");
        return -1;
    }
    if (MPI_Get_library_version(version, &n) != MPI_SUCCESS)
        snprintf(version, sizeof version, "MPI");
    version[strcspn(version, ",\n")] = 0;
    snprintf(name, name_cap, "%s", version);
    return 0;
}

static void leave_job(void)
{
    MPI_Finalize();
}

static int begin_send(const void *p, size_t n, int to, struct transport_request *r)
{
    MPI_Request request;
    if (n > INT_MAX || MPI_Isend(p, (int)n, MPI_BYTE, to, TAG, MPI_COMM_WORLD, &request) != MPI_SUCCESS)
        return -1;
    memcpy(r->space, &request, sizeof request);
    return 0;
}

static int begin_receive(void *p, size_t n, int from, struct transport_request *r)
{
    MPI_Request request;
    if (n > INT_MAX || MPI_Irecv(p, (int)n, MPI_BYTE, from, TAG, MPI_COMM_WORLD, &request) != MPI_SUCCESS)
        return -1;
    memcpy(r->space, &request, sizeof request);
    return 0;
}

static int test(struct transport_request *r)
{
    MPI_Request request;
    int done;
    memcpy(&request, r->space, sizeof request);
    if (MPI_Test(&request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
        return -1;
    memcpy(r->space, &request, sizeof request);
    return done != 0;
}

static void end_job(int code)
{
    MPI_Abort(MPI_COMM_WORLD, code);
}

const struct transport tritter_transport = {
    .version = TRANSPORT_VERSION,
    .open = join_job,
    .close = leave_job,
    .send = begin_send,
    .receive = begin_receive,
    .test = test,
    .abort = end_job,
};
