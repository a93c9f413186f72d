/*
 * recording.c - what gpu.c makes of calls that fail while they are recorded
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/cuda/calls/calls.h"

/* The results of the next calls; last: the result that cudaGetLastError returns, once, as the runtime does.
 */
static struct {
    cudaError_t begin, copy, end, make, launch, last;
} runtime;
static int made, destroyed;
static char it; /* stands for a stream, a graph, memory */

WRAPPED(cudaStreamBeginCapture);
WRAPPED(cudaMemcpyAsync);
WRAPPED(cudaStreamEndCapture);
WRAPPED(cudaGraphInstantiate);
WRAPPED(cudaGraphLaunch);
WRAPPED(cudaGraphDestroy);
WRAPPED(cudaGetLastError);

static cudaError_t result(cudaError_t e)
{
    if (e != cudaSuccess)
        runtime.last = e;
    return e;
}

cudaError_t __wrap_cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode mode)
{
    (void)s;
    (void)mode;
    return result(runtime.begin);
}

cudaError_t __wrap_cudaMemcpyAsync(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind,
                                   cudaStream_t s)
{
    (void)dst;
    (void)src;
    (void)bytes;
    (void)kind;
    (void)s;
    return result(runtime.copy);
}

cudaError_t __wrap_cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph)
{
    (void)s;
    *graph = runtime.end == cudaSuccess ? (cudaGraph_t)(void *)&it : NULL;
    return result(runtime.end);
}

cudaError_t __wrap_cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags)
{
    CHECK(graph && flags == 0);
    made++;
    *exec = (cudaGraphExec_t)(void *)&it;
    return result(runtime.make);
}

cudaError_t __wrap_cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t s)
{
    (void)s;
    CHECK(graph);
    return result(runtime.launch);
}

cudaError_t __wrap_cudaGraphDestroy(cudaGraph_t graph)
{
    CHECK(graph);
    destroyed++;
    return cudaSuccess;
}

cudaError_t __wrap_cudaGetLastError(void)
{
    cudaError_t e = runtime.last;
    runtime.last = cudaSuccess;
    return e;
}

/* A recording of one copy, and then nothing is wrong: it can be done without. */
static void *record(void)
{
    cudaStream_t s = (cudaStream_t)(void *)&it;
    CHECK(gpu_record_begin(s), "begin");
    gpu_copy(s, &it, &it, 1);
    void *graph = gpu_record_end(s);
    runtime.copy = runtime.end = runtime.make = cudaSuccess;
    CHECK(!gpu_error(), "%s", gpu_error());
    return graph;
}

static void recordings_that_fail(void)
{
    cudaStream_t s = (cudaStream_t)(void *)&it;
    made = destroyed = 0;
    CHECK(record() && made == 1 && destroyed == 1, "nothing fails");
    runtime.begin = cudaErrorNotSupported;
    CHECK(!gpu_record_begin(s) && !gpu_record_spoil() && !gpu_error(), "the runtime cannot record");
    runtime.begin = cudaSuccess;
    runtime.end = cudaErrorStreamCaptureInvalidated;
    CHECK(!record() && made == 1, "no graph");
    runtime.make = cudaErrorMemoryAllocation;
    CHECK(!record() && made == 2 && destroyed == 2, "a graph that cannot be made ready");
    runtime.copy = cudaErrorInvalidValue;
    CHECK(!record() && made == 2 && destroyed == 3, "a copy is missing");
    gpu_record_begin(s);
    runtime.last = cudaErrorInvalidConfiguration;
    CHECK(!gpu_record_end(s) && !gpu_error(), "a launch is missing");
    gpu_record_begin(s);
    CHECK(gpu_record_spoil() && !gpu_record_end(s) && !gpu_record_spoil() && !gpu_error(),
          "another library's call is missing");
    void *graph = record();
    CHECK(graph && gpu_graph_launch(graph, s), "the next is whole");
    runtime.launch = cudaErrorNotSupported;
    CHECK(!gpu_graph_launch(graph, s) && !gpu_error(), "a graph that is refused");
}

/* A recording that fails must not take a failure with it that was there before. */
static void failure_before(void)
{
    cudaStream_t s = (cudaStream_t)(void *)&it;
    runtime.last = cudaErrorInvalidConfiguration;
    gpu_record_begin(s);
    runtime.end = cudaErrorStreamCaptureInvalidated;
    CHECK(!gpu_record_end(s) && gpu_error() && strstr(gpu_error(), "CUDA: launch: "), "%s", gpu_error());
}

/* Nor must a graph that is refused. */
static void failure_before_launch(void)
{
    runtime.last = cudaErrorInvalidConfiguration;
    CHECK(!gpu_graph_launch(&it, (cudaStream_t)(void *)&it) && gpu_error(),
          "the launch before was forgotten");
}

/* The first failure of a process stays. */
static void apart(void (*run)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        run();
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0, "status %d", status);
}

void test_recordings(void)
{
    recordings_that_fail();
    apart(failure_before);
    apart(failure_before_launch);
}
