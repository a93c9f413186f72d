/*
 * plugin.c - messages between GPUs by NCCL: built into lib/tritter-nccl.so where CUDA and NCCL are
 *
 * Only ncclSend and ncclRecv are used, so that sums keep the order that we choose. All run in one stream of
 * their own, beside the device's.
 */
#include "pipeline/cluster/transport.h"

#include <cuda_runtime_api.h>
#include <nccl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernels/place.h"

enum { MOST_GROUPS = 8 };
_Static_assert(sizeof(ncclUniqueId) == DEVICE_ID_BYTES, "an id of NCCL fits into ours");

extern const struct device_transport tritter_device_transport;

static ncclComm_t comm;
static cudaStream_t stream;
static cudaEvent_t sent[MOST_GROUPS];
static int groups;
static char reason[256] = "no GPU";

static int nccl(ncclResult_t r, const char *what)
{
    if (r == ncclSuccess)
        return 0;
    snprintf(reason, sizeof reason, "%s: %s", what, ncclGetErrorString(r));
    return -1;
}

static int cuda(cudaError_t e, const char *what)
{
    if (e == cudaSuccess)
        return 0;
    snprintf(reason, sizeof reason, "%s: %s", what, cudaGetErrorString(e));
    return -1;
}

/* The machine by its kernel's name for this boot: host names may be alike. */
static void name_machine(char boot[40])
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!f || !fgets(boot, 40, f))
        gethostname(boot, 39);
    boot[strcspn(boot, "\n")] = 0;
    if (f)
        fclose(f);
}

static int ready(void *id, char *gpu)
{
    int count = 0;
    char bus[32], boot[40] = "?";
    if (cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount") != 0 || count == 0 ||
        cuda(cudaDeviceGetPCIBusId(bus, sizeof bus, place_device(count)), "cudaDeviceGetPCIBusId") != 0)
        return -1;
    name_machine(boot);
    snprintf(gpu, DEVICE_NAME_BYTES, "%s %s", boot, bus);
    return nccl(ncclGetUniqueId(id), "ncclGetUniqueId");
}

static int join_job(const void *id, int rank, int size, int n, char *name, size_t name_cap)
{
    int count, version = 0;
    ncclUniqueId unique;
    memcpy(&unique, id, sizeof unique);
    if (n > MOST_GROUPS || cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount") != 0 ||
        cuda(cudaSetDevice(place_device(count)), "cudaSetDevice") != 0 ||
        cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags") != 0 ||
        nccl(ncclCommInitRank(&comm, size, unique, rank), "ncclCommInitRank") != 0 ||
        nccl(ncclGetVersion(&version), "ncclGetVersion") != 0)
        return -1;
    for (groups = 0; groups < n; groups++)
        if (cuda(cudaEventCreateWithFlags(&sent[groups], cudaEventDisableTiming),
                 "cudaEventCreateWithFlags") != 0)
            return -1;
    snprintf(name, name_cap, "NCCL %d.%d.%d", version / 10000, version / 100 % 100, version % 100);
    return 0;
}

static void leave_job(void)
{
    for (int i = 0; i < groups; i++)
        cudaEventDestroy(sent[i]);
    ncclCommDestroy(comm);
    cudaStreamDestroy(stream);
}

static int begin(void)
{
    return nccl(ncclGroupStart(), "ncclGroupStart");
}

static int begin_send(const void *p, size_t n, int to)
{
    return nccl(ncclSend(p, n, ncclUint8, to, comm, stream), "ncclSend");
}

static int begin_receive(void *p, size_t n, int from)
{
    return nccl(ncclRecv(p, n, ncclUint8, from, comm, stream), "ncclRecv");
}

static int end(int group)
{
    if (nccl(ncclGroupEnd(), "ncclGroupEnd") != 0)
        return -1;
    return cuda(cudaEventRecord(sent[group], stream), "cudaEventRecord");
}

static int test(int group)
{
    ncclResult_t later = ncclSuccess;
    if (nccl(ncclCommGetAsyncError(comm, &later), "ncclCommGetAsyncError") != 0 || nccl(later, "NCCL") != 0)
        return -1;
    cudaError_t e = cudaEventQuery(sent[group]);
    return e == cudaErrorNotReady ? 0 : cuda(e, "cudaEventQuery") == 0 ? 1 : -1;
}

static const char *error(void)
{
    return reason;
}

const struct device_transport tritter_device_transport = {
    .version = TRANSPORT_VERSION,
    .ready = ready,
    .open = join_job,
    .close = leave_job,
    .begin = begin,
    .send = begin_send,
    .receive = begin_receive,
    .end = end,
    .test = test,
    .error = error,
};
