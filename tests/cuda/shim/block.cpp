/*
 * block.cpp - runs a grid: the threads of a block as fibers, barriers, exchange between the lanes of a warp
 */
#include "tests/cuda/shim/shim.h"
#include "tests/cuda/shim/cuda_runtime_api.h"
#include "tests/cuda/shim/graph.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

struct shim_uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace
{

enum { STACK = 64 << 10, MAX_COPIES = 128, MAX_STATICS = 16, SHARED_DEFAULT = 48 << 10, MAX_KERNELS = 256 };
enum wait { RUNS, WAITS_BLOCK, WAITS_WARP, ENDED };

struct copy { /* a cp.async under way */
    unsigned char *to;
    const unsigned char *from;
    unsigned bytes, group;
};

struct fiber {
    void *stack, *sp;
    enum wait wait;
    uint64_t generation; /* generation of the barrier or warp that it waits for */
    const char *file;
    int line; /* line of the barrier that it waits at */
    struct copy copies[MAX_COPIES];
    unsigned n_copies, group;
    bool awaited;
};

struct warp {
    uint64_t generation;
    unsigned arrived; /* lanes, one bit each */
    int op;
    unsigned char slots[2][SHIM_LANES * SHIM_SLOT];
};

struct block {
    const char *kernel;
    bool early;
    shim_body *body;
    void *arguments;
    unsigned threads, live, at_barrier;
    uint64_t generation;
    const char *file;
    int line;
    size_t shared, shared_end;
    unsigned n_statics;
    struct {
        const void *key;
        size_t at;
    } statics[MAX_STATICS];
};

struct fiber fibers[SHIM_MAX_THREADS];
struct warp warps[SHIM_MAX_THREADS / SHIM_LANES];
struct block now;
void *scheduler;
struct fiber *current;
unsigned order_seed;
uint64_t random_state;

struct {
    const void *kernel;
    size_t bytes;
} allowed[MAX_KERNELS];
unsigned n_allowed;

} // namespace

/* Saves the registers that a call keeps, changes stacks, restores them. */
extern "C" void shim_switch(void **save, void *load);
asm(".text\n"
    ".globl shim_switch\n"
    "shim_switch:\n"
    "    push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "    mov %rsp, (%rdi)\n"
    "    mov %rsi, %rsp\n"
    "    pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n"
    "    ret\n");

void shim_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fflush(stdout);
    printf("shim: ");
    if (current)
        printf("%s: block %u,%u,%u thread %u: ", now.kernel, blockIdx.x, blockIdx.y, blockIdx.z,
               (unsigned)(current - fibers));
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
    _Exit(1);
}

bool shim_running(void)
{
    return current != NULL;
}

unsigned shim_thread(void)
{
    return (unsigned)(current - fibers);
}

void shim_order(unsigned seed)
{
    order_seed = seed;
    random_state = seed;
}

static unsigned below(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((random_state >> 33) % n);
}

/* The k-th to run of n, by the order asked for; table is made anew where it is random. */
static void arrange(unsigned *table, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        table[i] = order_seed == 1 ? n - 1 - i : i;
    for (unsigned i = n; order_seed > 1 && i > 1; i--) {
        unsigned j = below(i), t = table[j];
        table[j] = table[i - 1];
        table[i - 1] = t;
    }
}

static void set_thread(unsigned t)
{
    current = &fibers[t];
    threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / (blockDim.x * blockDim.y)};
}

static void pause(void)
{
    shim_switch(&current->sp, scheduler);
}

static void fiber_main(void)
{
    now.body(now.arguments);
    if (current->n_copies)
        shim_fail("ends with a cp.async that it never waited for");
    if (!shim_awaited())
        shim_fail("ends before it has awaited the kernel before");
    current->wait = ENDED;
    now.live--;
    pause();
    abort();
}

static void fiber_start(struct fiber *f)
{
    if (!f->stack) {
        f->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (f->stack == MAP_FAILED)
            shim_fail("no memory for stacks");
    }
    void **top = (void **)((char *)f->stack + STACK) - 1; /* as after a call */
    *--top = (void *)fiber_main;
    f->sp = top - 6;
    f->wait = RUNS;
    f->n_copies = f->group = 0;
    f->awaited = !now.early;
}

/* ---- waiting ---- */

void shim_await(void)
{
    current->awaited = true;
}

bool shim_awaited(void)
{
    return current->awaited;
}

static void barrier_if_complete(void)
{
    if (now.at_barrier && now.at_barrier == now.live) {
        now.at_barrier = 0;
        now.generation++;
        shim_clock.now++;
    }
}

void shim_syncthreads(const char *file, int line)
{
    if (now.at_barrier && (now.line != line || strcmp(now.file, file)))
        shim_fail("waits at the barrier of %s:%d while others wait at %s:%d", file, line, now.file, now.line);
    now.file = file;
    now.line = line;
    current->file = file;
    current->line = line;
    current->wait = WAITS_BLOCK;
    current->generation = now.generation;
    now.at_barrier++;
    barrier_if_complete();
    pause();
}

const unsigned char *shim_exchange(int op, const void *mine, size_t bytes)
{
    unsigned t = shim_thread(), lane = t % SHIM_LANES;
    struct warp *w = &warps[t / SHIM_LANES];
    if (now.threads % SHIM_LANES || bytes > SHIM_SLOT)
        shim_fail("warp-wide operation in an incomplete warp");
    if (w->arrived && w->op != op)
        shim_fail("lanes of a warp in different operations");
    const unsigned char *slots = w->slots[w->generation & 1];
    memcpy(w->slots[w->generation & 1] + lane * SHIM_SLOT, mine, bytes);
    w->op = op;
    w->arrived |= 1u << lane;
    if (w->arrived == ~0u) {
        w->arrived = 0;
        w->generation++;
        return slots;
    }
    current->wait = WAITS_WARP;
    current->generation = w->generation;
    pause();
    return slots;
}

void shim_syncwarp(void)
{
    unsigned w = shim_thread() / SHIM_LANES, before = (unsigned)warps[w].generation;
    shim_exchange(1, &before, sizeof before);
    if (shim_clock.warp[w] <= before)
        shim_clock.warp[w] = before + 1; /* the first to go on begins the new time for all */
}

static bool ready(unsigned t)
{
    struct fiber *f = &fibers[t];
    switch (f->wait) {
    case RUNS:
        return true;
    case WAITS_BLOCK:
        return f->generation < now.generation;
    case WAITS_WARP:
        return f->generation < warps[t / SHIM_LANES].generation;
    case ENDED:
        break;
    }
    return false;
}

/* ---- shared memory and cp.async ---- */

void shim_allow_shared(const void *kernel, size_t bytes)
{
    if (bytes > SHIM_MAX_SHARED)
        shim_fail("%zu bytes of shared memory: sm_120 has %d", bytes, SHIM_MAX_SHARED);
    for (unsigned i = 0; i < n_allowed; i++)
        if (allowed[i].kernel == kernel)
            return;
    if (n_allowed == MAX_KERNELS)
        shim_fail("too many kernels");
    allowed[n_allowed].kernel = kernel;
    allowed[n_allowed++].bytes = bytes;
}

void *shim_dynamic_shared(void)
{
    return shim_shared_base;
}

void *shim_static_shared(const void *key, size_t bytes)
{
    unsigned i = 0;
    while (i < now.n_statics && now.statics[i].key != key)
        i++;
    if (i == now.n_statics) {
        if (i == MAX_STATICS)
            shim_fail("too many shared arrays");
        now.statics[i].key = key;
        now.statics[i].at = (now.shared_end + 127) & ~(size_t)127;
        now.shared_end = now.statics[i].at + bytes + 64; /* nobody may touch the 64 */
        now.n_statics++;
        if (now.shared_end > SHIM_MAX_SHARED + 4096)
            shim_fail("too much shared memory");
        shim_shared_extent(now.statics[i].at, bytes);
    }
    return shim_shared_base + now.statics[i].at;
}

/* The bytes arrive only when the thread waits for them; until then there are NaNs. */
void shim_cp_async(void *shared, const void *global, unsigned bytes)
{
    if (current->n_copies == MAX_COPIES)
        shim_fail("too many cp.async under way");
    if ((uintptr_t)shared % 16 || (uintptr_t)global % 16)
        shim_fail("cp.async: misaligned");
    if (bytes)
        shim_touch(global, bytes, false);
    shim_touch(shared, 16, true);
    memset(shared, 0xff, 16);
    current->copies[current->n_copies++] = {(unsigned char *)shared, (const unsigned char *)global, bytes,
                                            current->group};
}

void shim_cp_commit(void)
{
    current->group++;
}

void shim_cp_wait(unsigned pending)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < current->n_copies; i++) {
        struct copy c = current->copies[i];
        if (c.group + pending >= current->group) {
            current->copies[kept++] = c;
            continue;
        }
        shim_touch(c.to, 16, true);
        memset(c.to, 0, 16);
        memcpy(c.to, c.from, c.bytes);
    }
    current->n_copies = kept;
}

/* ---- running ---- */

static void report_stuck(void)
{
    for (unsigned t = 0; t < now.threads; t++) {
        if (fibers[t].wait == ENDED)
            continue;
        set_thread(t);
        if (fibers[t].wait == WAITS_BLOCK)
            shim_fail("waits for ever at the barrier %s:%d; %u of %u threads are there", fibers[t].file,
                      fibers[t].line, now.at_barrier, now.live);
    }
    shim_fail("waits for ever for the other lanes of its warp");
}

static void run_block(void)
{
    static unsigned turn[SHIM_MAX_THREADS];
    now.live = now.threads;
    now.at_barrier = 0;
    now.n_statics = 0;
    now.shared_end = now.shared + 64;
    shim_clock.block = ++shim_clock.now;
    shim_shared_reset();
    shim_shared_extent(0, now.shared);
    for (unsigned t = 0; t < now.threads; t++)
        fiber_start(&fibers[t]);
    for (unsigned w = 0; w < (now.threads + 31) / SHIM_LANES; w++) {
        warps[w].arrived = 0;
        warps[w].generation = 0;
        shim_clock.warp[w] = 0;
    }
    arrange(turn, now.threads);
    while (now.live) {
        bool progress = false;
        if (order_seed > 1)
            arrange(turn, now.threads);
        for (unsigned i = 0; i < now.threads; i++) {
            if (!ready(turn[i]))
                continue;
            progress = true;
            set_thread(turn[i]);
            current->wait = RUNS;
            shim_switch(&scheduler, current->sp);
            barrier_if_complete(); /* by the end of the thread that the others waited for */
        }
        if (!progress)
            report_stuck();
    }
    current = NULL;
}

static void run_grid(const char *kernel, bool early, struct shim_uint3 grid, struct shim_uint3 block,
                     size_t shared, shim_body *body, void *arguments)
{
    size_t blocks = (size_t)grid.x * grid.y * grid.z;
    current = NULL;
    now = {};
    now.kernel = kernel;
    now.early = early;
    now.body = body;
    now.arguments = arguments;
    now.threads = block.x * block.y * block.z;
    now.shared = shared;
    if (!blocks || !now.threads || now.threads > SHIM_MAX_THREADS || grid.y > 65535 || grid.z > 65535)
        shim_fail("%s: bad launch: grid %u,%u,%u block %u,%u,%u", kernel, grid.x, grid.y, grid.z, block.x,
                  block.y, block.z);
    gridDim = grid;
    blockDim = block;
    shim_clock.launch = ++shim_clock.now;
    unsigned *turn = (unsigned *)malloc(blocks * sizeof *turn);
    arrange(turn, (unsigned)blocks);
    for (size_t i = 0; i < blocks; i++) {
        unsigned b = turn[i];
        blockIdx = {b % grid.x, b / grid.x % grid.y, b / (grid.x * grid.y)};
        run_block();
    }
    free(turn);
}

struct alignas(16) launch { /* the arguments follow */
    const char *kernel;
    bool early;
    struct shim_uint3 grid, block;
    size_t shared;
    shim_body *body;
};

static void run_launch(const void *p)
{
    const struct launch *l = (const struct launch *)p;
    run_grid(l->kernel, l->early, l->grid, l->block, l->shared, l->body, (void *)(l + 1));
}

void shim_run(const char *kernel, bool early, struct shim_uint3 grid, struct shim_uint3 block, size_t shared,
              shim_body *body, const void *arguments, size_t bytes)
{
    alignas(16) unsigned char call[sizeof(struct launch) + 512];
    if (bytes > 512)
        shim_fail("%s: too many arguments", kernel);
    *(struct launch *)call = {kernel, early, grid, block, shared, body};
    memcpy(call + sizeof(struct launch), arguments, bytes);
    shim_call(run_launch, call, sizeof(struct launch) + bytes);
}
