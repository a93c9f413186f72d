/*
 * check.cpp - device memory, and what is checked at each access to it
 *
 * Kernels are compiled with -fsanitize=thread, which puts a call before every access to memory; the functions
 * called are these, not the sanitizer's. For every two bytes of device and shared memory a cell says who
 * wrote and who read last, and when (struct shim_clock). One reader is kept beside the writer: of several
 * readers the last, so of their conflicts with a later writer some may be missed, and none is invented.
 */
#include "tests/cuda/shim/shim.h"
#include "tests/cuda/shim/cuda_runtime_api.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace
{

enum { PAGE = 256, UNIT = 2, SEVERAL = 0xffff, SEVERAL_IN_WARP = 0x8000 };

struct access {
    uint32_t time, warp_time; /* time of the block, and of the warp */
    uint16_t thread;          /* SEVERAL: threads of several warps; SEVERAL_IN_WARP + w: of one */
};

struct cell {
    struct access write, read;
};

struct extent {
    size_t at, end;
};

struct cell *arena_cells, *shared_cells;
struct extent shared_extents[32];
unsigned n_shared;
uint32_t *page_owner; /* allocation that a page belongs to, + 1 */
struct extent *allocations;
uint32_t n_allocations;
size_t arena_end, arena_live;
enum { MAX_ALLOCATIONS = 1 << 16 };

void *reserve(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        abort();
    return p;
}

} // namespace

unsigned char *shim_shared_base, *shim_arena_base;
struct shim_clock shim_clock;
enum : size_t { SHARED = SHIM_MAX_SHARED + 8192 };

__attribute__((constructor)) static void begin(void)
{
    shim_shared_base = (unsigned char *)reserve(SHARED);
    shim_arena_base = (unsigned char *)reserve(SHIM_ARENA);
    shared_cells = (struct cell *)reserve(SHARED / UNIT * sizeof(struct cell));
    arena_cells = (struct cell *)reserve(SHIM_ARENA / UNIT * sizeof(struct cell));
    page_owner = (uint32_t *)reserve(SHIM_ARENA / PAGE * sizeof *page_owner);
    allocations = (struct extent *)reserve(MAX_ALLOCATIONS * sizeof *allocations);
}

/* ---- who may touch what ---- */

void shim_shared_reset(void)
{
    n_shared = 0;
}

void shim_shared_extent(size_t offset, size_t bytes)
{
    if (n_shared == sizeof shared_extents / sizeof *shared_extents)
        shim_fail("too many shared arrays");
    shared_extents[n_shared++] = {offset, offset + bytes};
    memset(shim_shared_base + offset, 0xff, bytes);
}

static bool in_shared(size_t at, size_t bytes)
{
    for (unsigned i = 0; i < n_shared; i++)
        if (at >= shared_extents[i].at && at + bytes <= shared_extents[i].end)
            return true;
    return false;
}

static bool in_allocation(size_t at, size_t bytes)
{
    uint32_t owner = page_owner[at / PAGE];
    return owner && at + bytes <= allocations[owner - 1].end;
}

/* Whether the running thread and the earlier access a are ordered by a barrier, or are the same thread's. */
static bool ordered(const struct access *a, uint32_t me, bool shared)
{
    if (a->time < (shared ? shim_clock.block : shim_clock.launch))
        return true;
    if (a->time < shim_clock.block)
        return false; /* another block of this launch */
    if (a->thread == me || a->time < shim_clock.now)
        return true;
    uint32_t warp = me / SHIM_LANES;
    bool same =
        a->thread < SEVERAL_IN_WARP ? a->thread / SHIM_LANES == warp : a->thread == SEVERAL_IN_WARP + warp;
    return same && a->warp_time < shim_clock.warp[warp];
}

static void note_read(struct access *r, uint32_t me)
{
    uint32_t warp = me / SHIM_LANES, warp_time = shim_clock.warp[warp], thread = me;
    if (r->time == shim_clock.now && r->thread != me) {
        if (r->thread == SEVERAL)
            return;
        bool same = r->thread < SEVERAL_IN_WARP ? r->thread / SHIM_LANES == warp
                                                : r->thread == SEVERAL_IN_WARP + warp;
        if (!same)
            thread = SEVERAL;
        else if (r->warp_time == warp_time)
            thread = SEVERAL_IN_WARP + warp;
    }
    *r = {shim_clock.now, warp_time, (uint16_t)thread};
}

static void touch(struct cell *c, size_t cells, const void *p, bool write, bool shared)
{
    uint32_t me = shim_thread();
    const char *where = shared ? "shared memory" : "device memory", *how = write ? "writes" : "reads";
    for (size_t i = 0; i < cells; i++, c++) {
        if (shared && !write && c->write.time < shim_clock.block)
            shim_fail("reads shared memory that nobody wrote, byte %zd",
                      (const unsigned char *)p - shim_shared_base);
        if (!ordered(&c->write, me, shared))
            shim_fail("race: %s %s (%p) that thread %u wrote, with no barrier between", how, where, p,
                      c->write.thread);
        if (write && !ordered(&c->read, me, shared))
            shim_fail("race: writes %s (%p) that thread %u read, with no barrier between", where, p,
                      c->read.thread);
        if (write)
            c->write = {shim_clock.now, shim_clock.warp[me / SHIM_LANES], (uint16_t)me};
        else
            note_read(&c->read, me);
    }
}

void shim_touch(const void *p, size_t bytes, bool write)
{
    size_t shared = (size_t)((const unsigned char *)p - shim_shared_base);
    size_t arena = (size_t)((const unsigned char *)p - shim_arena_base);
    if (shared < SHARED) {
        if (!shim_running() || !in_shared(shared, bytes))
            shim_fail("touches shared memory outside of any array: byte %zu, %zu bytes", shared, bytes);
        touch(shared_cells + shared / UNIT, (shared % UNIT + bytes + UNIT - 1) / UNIT, p, write, true);
    } else if (arena < SHIM_ARENA) {
        if (!shim_running())
            shim_fail("the host touches device memory");
        if (!shim_awaited())
            shim_fail("touches device memory before it has awaited the kernel before");
        if (!in_allocation(arena, bytes))
            shim_fail("%s device memory outside of any allocation: %zu bytes at %p",
                      write ? "writes" : "reads", bytes, p);
        touch(arena_cells + arena / UNIT, (arena % UNIT + bytes + UNIT - 1) / UNIT, p, write, false);
    }
}

void shim_touch_aligned(const void *p, size_t bytes, bool write)
{
    size_t shared = (size_t)((const unsigned char *)p - shim_shared_base);
    size_t arena = (size_t)((const unsigned char *)p - shim_arena_base);
    if ((uintptr_t)p % bytes && (shared < SHARED || arena < SHIM_ARENA)) /* stacks are the host compiler's */
        shim_fail("misaligned: %zu bytes at %p", bytes, p);
    shim_touch(p, bytes, write);
}

void shim_prefetch(const void *p, unsigned bytes)
{
    size_t arena = (size_t)((const unsigned char *)p - shim_arena_base);
    if ((uintptr_t)p % 16 || bytes % 16)
        shim_fail("prefetch: misaligned, %u bytes at %p", bytes, p);
    if (arena >= SHIM_ARENA || !in_allocation(arena, bytes))
        shim_fail("prefetches outside of any allocation: %u bytes at %p", bytes, p);
}

/* ---- what the compiler calls ---- */

#define ACCESS(name, bytes, write)                                                                           \
    extern "C" void name(void *p);                                                                           \
    void name(void *p)                                                                                       \
    {                                                                                                        \
        shim_touch_aligned(p, bytes, write);                                                                 \
    }
ACCESS(__tsan_read1, 1, false)
ACCESS(__tsan_read2, 2, false)
ACCESS(__tsan_read4, 4, false)
ACCESS(__tsan_read8, 8, false)
ACCESS(__tsan_read16, 16, false)
ACCESS(__tsan_write1, 1, true)
ACCESS(__tsan_write2, 2, true)
ACCESS(__tsan_write4, 4, true)
ACCESS(__tsan_write8, 8, true)
ACCESS(__tsan_write16, 16, true)
#undef ACCESS

#define UNALIGNED(name, bytes, write)                                                                        \
    extern "C" void name(void *p);                                                                           \
    void name(void *p)                                                                                       \
    {                                                                                                        \
        shim_touch(p, bytes, write);                                                                         \
    }
UNALIGNED(__tsan_unaligned_read2, 2, false)
UNALIGNED(__tsan_unaligned_read4, 4, false)
UNALIGNED(__tsan_unaligned_read8, 8, false)
UNALIGNED(__tsan_unaligned_read16, 16, false)
UNALIGNED(__tsan_unaligned_write2, 2, true)
UNALIGNED(__tsan_unaligned_write4, 4, true)
UNALIGNED(__tsan_unaligned_write8, 8, true)
UNALIGNED(__tsan_unaligned_write16, 16, true)
#undef UNALIGNED

extern "C" {
void __tsan_init(void);
void __tsan_func_entry(void *);
void __tsan_func_exit(void);
void __tsan_read_range(void *p, size_t bytes);
void __tsan_write_range(void *p, size_t bytes);
}

void __tsan_init(void)
{
}

void __tsan_func_entry(void *)
{
}

void __tsan_func_exit(void)
{
}

void __tsan_read_range(void *p, size_t bytes)
{
    shim_touch(p, bytes, false);
}

void __tsan_write_range(void *p, size_t bytes)
{
    shim_touch(p, bytes, true);
}

/* ---- the runtime's calls ---- */

/* Allocations follow one another, a page apart; the arena is used anew when all are freed. */
cudaError_t cudaMalloc(void **p, size_t bytes)
{
    size_t pages = bytes / PAGE + 2; /* at least one that is nobody's */
    if (pages * PAGE > SHIM_ARENA - arena_end || n_allocations == MAX_ALLOCATIONS)
        return cudaErrorMemoryAllocation;
    allocations[n_allocations++] = {arena_end, arena_end + bytes};
    for (size_t i = 0; i < pages - 1; i++)
        page_owner[arena_end / PAGE + i] = n_allocations;
    *p = shim_arena_base + arena_end;
    memset(*p, 0xff, bytes);
    arena_end += pages * PAGE;
    arena_live++;
    return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
    if (!p)
        return cudaSuccess;
    size_t at = (size_t)((unsigned char *)p - shim_arena_base);
    uint32_t owner = at < SHIM_ARENA ? page_owner[at / PAGE] : 0;
    if (!owner || allocations[owner - 1].at != at)
        shim_fail("cudaFree of what was not allocated");
    for (size_t i = at / PAGE; page_owner[i] == owner; i++)
        page_owner[i] = 0;
    if (--arena_live == 0)
        arena_end = n_allocations = 0;
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind)
{
    size_t to = (size_t)((unsigned char *)dst - shim_arena_base),
           from = (size_t)((const unsigned char *)src - shim_arena_base);
    bool to_device = to < SHIM_ARENA, from_device = from < SHIM_ARENA;
    if (to_device != (kind != cudaMemcpyDeviceToHost) || from_device != (kind != cudaMemcpyHostToDevice))
        shim_fail("cudaMemcpy: the direction is not what was said");
    if ((to_device && !in_allocation(to, bytes)) || (from_device && !in_allocation(from, bytes)))
        shim_fail("cudaMemcpy outside of any allocation");
    memmove(dst, src, bytes);
    return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize(void)
{
    return cudaSuccess;
}

cudaError_t cudaGetLastError(void)
{
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr, int)
{
    *value = 9;
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t e)
{
    return e == cudaSuccess ? "no error" : "out of memory";
}
