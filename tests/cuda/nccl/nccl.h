/*
 * nccl.h - the calls of NCCL that the plugin makes, for the shim (shim.c)
 */
#ifndef NCCL_SHIM_NCCL_H
#define NCCL_SHIM_NCCL_H

#include <cuda_runtime_api.h>
#include <stddef.h>

typedef struct ncclComm *ncclComm_t;
typedef struct {
    char internal[128];
} ncclUniqueId;
typedef enum {
    ncclSuccess = 0,
    ncclSystemError = 2,
    ncclInternalError = 3,
    ncclInvalidUsage = 5
} ncclResult_t;
typedef enum { ncclUint8 = 1 } ncclDataType_t;

ncclResult_t ncclGetVersion(int *version);
ncclResult_t ncclGetUniqueId(ncclUniqueId *id);
ncclResult_t ncclCommInitRank(ncclComm_t *comm, int size, ncclUniqueId id, int rank);
ncclResult_t ncclCommDestroy(ncclComm_t comm);
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *later);
ncclResult_t ncclGroupStart(void);
ncclResult_t ncclGroupEnd(void);
ncclResult_t ncclSend(const void *p, size_t n, ncclDataType_t t, int to, ncclComm_t comm, cudaStream_t s);
ncclResult_t ncclRecv(void *p, size_t n, ncclDataType_t t, int from, ncclComm_t comm, cudaStream_t s);
const char *ncclGetErrorString(ncclResult_t r);

#endif
