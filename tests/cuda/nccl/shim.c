/*
 * shim.c - NCCL's calls by MPI, and a stream and events to go with them, as strict as NCCL is
 *
 * Like NCCL it starts the messages of a group when the outermost group ends, and those of a stream one group
 * after another: a group waits until the one before it is done. So ranks that begin groups in another order,
 * or messages that should be in one group, hang here as they would there. Messages outside of groups, an
 * event that was not recorded, a communicator of another size, two processes with one GPU, are refused.
 *
 * In the environment NCCL_SHIM_FAULT=CALL:N: the Nth such call fails (ncclSend, later, ...);
 * NCCL_SHIM_GPUS=N: the machine has so many GPUs (4).
 */
#include <mpi.h>
#include <nccl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAG = 2, MOST_GROUPS = 1 << 16, MOST_MESSAGES = 4096 };
static const char secret[] = "an id of rank 0";

struct message {
    void *p;
    size_t n;
    int peer;
    bool out;
};

struct ncclComm {
    int size, rank;
};

struct CUstream_st {
    struct started {
        MPI_Request *request; /* NULL: not started */
        struct message *v;
        int n;
    } group[MOST_GROUPS];
    long groups, done; /* ended by the caller; finished */
};

struct CUevent_st {
    struct CUstream_st *stream;
    long groups; /* that must be done */
};

static struct message open_group[MOST_MESSAGES];
static int depth, n_open;
static struct CUstream_st *open_stream;

static bool fails(const char *call)
{
    static long calls;
    const char *fault = getenv("NCCL_SHIM_FAULT");
    size_t n = strlen(call);
    return fault && strncmp(fault, call, n) == 0 && fault[n] == ':' && ++calls == atol(fault + n + 1);
}

static int gpus(void)
{
    const char *n = getenv("NCCL_SHIM_GPUS");
    return n ? atoi(n) : 4;
}

/* Starts and finishes groups, one after another, as far as messages have come. */
static void advance(struct CUstream_st *s)
{
    for (; s->done < s->groups; s->done++) {
        struct started *g = &s->group[s->done % MOST_GROUPS];
        int all;
        if (!g->request) {
            g->request = calloc((size_t)g->n + 1, sizeof *g->request);
            for (int i = 0; i < g->n; i++) {
                struct message *m = &g->v[i];
                if (m->out)
                    MPI_Isend(m->p, (int)m->n, MPI_BYTE, m->peer, TAG, MPI_COMM_WORLD, &g->request[i]);
                else
                    MPI_Irecv(m->p, (int)m->n, MPI_BYTE, m->peer, TAG, MPI_COMM_WORLD, &g->request[i]);
            }
        }
        MPI_Testall(g->n, g->request, &all, MPI_STATUSES_IGNORE);
        if (!all)
            return;
        free(g->request);
        free(g->v);
        *g = (struct started){0};
    }
}

ncclResult_t ncclGetVersion(int *version)
{
    *version = 99 * 10000;
    return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    memset(id, 0, sizeof *id);
    memcpy(id->internal, secret, sizeof secret);
    return fails("ncclGetUniqueId") ? ncclSystemError : ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int size, ncclUniqueId id, int rank)
{
    int world, own;
    MPI_Comm_size(MPI_COMM_WORLD, &world);
    MPI_Comm_rank(MPI_COMM_WORLD, &own);
    if (strcmp(id.internal, secret) != 0 || world != size || own != rank || world > gpus() ||
        fails("ncclCommInitRank"))
        return ncclInvalidUsage;
    *comm = calloc(1, sizeof **comm);
    **comm = (struct ncclComm){size, rank};
    return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm)
{
    free(comm);
    return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *later)
{
    (void)comm;
    *later = fails("later") ? ncclSystemError : ncclSuccess;
    return ncclSuccess;
}

ncclResult_t ncclGroupStart(void)
{
    depth++;
    return fails("ncclGroupStart") ? ncclInternalError : ncclSuccess;
}

ncclResult_t ncclGroupEnd(void)
{
    if (depth == 0 || fails("ncclGroupEnd"))
        return ncclInvalidUsage;
    if (--depth > 0 || n_open == 0)
        return ncclSuccess;
    struct started *g = &open_stream->group[open_stream->groups % MOST_GROUPS];
    if (open_stream->groups - open_stream->done >= MOST_GROUPS)
        return ncclInternalError;
    *g = (struct started){.v = malloc((size_t)n_open * sizeof *g->v), .n = n_open};
    memcpy(g->v, open_group, (size_t)n_open * sizeof *g->v);
    open_stream->groups++;
    n_open = 0;
    return ncclSuccess;
}

static ncclResult_t put(struct message m, ncclDataType_t t, ncclComm_t comm, cudaStream_t s)
{
    if (depth == 0 || t != ncclUint8 || !comm || !s || m.n == 0 || n_open == MOST_MESSAGES ||
        m.peer == comm->rank || m.peer < 0 || m.peer >= comm->size || (n_open > 0 && s != open_stream))
        return ncclInvalidUsage;
    open_stream = s;
    open_group[n_open++] = m;
    return ncclSuccess;
}

ncclResult_t ncclSend(const void *p, size_t n, ncclDataType_t t, int to, ncclComm_t comm, cudaStream_t s)
{
    if (fails("ncclSend"))
        return ncclSystemError;
    return put((struct message){(void *)p, n, to, true}, t, comm, s);
}

ncclResult_t ncclRecv(void *p, size_t n, ncclDataType_t t, int from, ncclComm_t comm, cudaStream_t s)
{
    if (fails("ncclRecv"))
        return ncclSystemError;
    return put((struct message){p, n, from, false}, t, comm, s);
}

const char *ncclGetErrorString(ncclResult_t r)
{
    return r == ncclInvalidUsage ? "invalid usage" : r == ncclSystemError ? "system error" : "internal error";
}

cudaError_t cudaGetDeviceCount(int *n)
{
    *n = gpus();
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    return device >= 0 && device < gpus() ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaDeviceGetPCIBusId(char *bus, int cap, int device)
{
    snprintf(bus, (size_t)cap, "0000:%02x:00.0", device);
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags)
{
    *s = calloc(1, sizeof **s);
    return flags == cudaStreamNonBlocking ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    free(s);
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned flags)
{
    *e = calloc(1, sizeof **e);
    return flags == cudaEventDisableTiming ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaEventDestroy(cudaEvent_t e)
{
    free(e);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s)
{
    e->stream = s;
    e->groups = s->groups;
    return depth == 0 ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaEventQuery(cudaEvent_t e)
{
    if (!e->stream)
        return cudaErrorInvalidValue;
    advance(e->stream);
    return e->stream->done >= e->groups ? cudaSuccess : cudaErrorNotReady;
}

const char *cudaGetErrorString(cudaError_t e)
{
    return e == cudaErrorNotReady ? "not ready" : "invalid value";
}
