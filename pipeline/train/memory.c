#include "pipeline/train/memory.h"

#include "pipeline/lib/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Memory that becomes resident later besides our own arrays: code that oneDNN generates, its libraries'
 * pages, buffers of a checkpoint, the pages of validation shards that are read. Measured 9 to 26 MB. */
enum { LATER_BYTES = 32 << 20 };

/* The memory that the system can give without killing a process; 0: it does not say. */
static uint64_t memory_available(void)
{
    FILE *f = fopen("/proc/meminfo", "r");
    char line[128];
    unsigned long long kb, sum = 0;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &kb) == 1 || sscanf(line, "SwapFree: %llu kB", &kb) == 1)
            sum += kb * 1024;
    if (f)
        fclose(f);
    return sum;
}

uint64_t memory_peak(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? (uint64_t)u.ru_maxrss * 1024 : 0;
}

static void count(struct memory_plan *p, const struct memory_request *r, uint64_t micro)
{
    struct params layout;
    const struct model_config *m = r->model;
    enum activations_mode mode = r->recompute ? ACT_RECOMPUTE : ACT_TRAIN;
    if (params_layout(&layout, m) != 0)
        die("out of memory");
    uint64_t n = layout.total, T = r->h->T, B = r->h->B;
    p->optimizer = r->optimizer;
    p->weights = weights_bytes(&layout, m, r->act, r->bf16_alone);
    params_free(&layout);
    p->micro = micro;
    p->gradient = n * 4;
    p->activations = activations_bytes(r->ops, m, r->act, (int)micro, (int)T, mode);
    p->scratch = model_scratch_bytes(r->ops, r->dev, m, r->act, (int)micro, (int)T);
    p->batches = B * (T + 1) * 4 + B * T * 4 + micro * T * 4 * 5 + batch_record_bytes(r->h);
    p->program = memory_peak() + LATER_BYTES;
    p->device = p->weights + p->optimizer + p->gradient + p->activations + p->scratch;
    p->host = p->batches + p->program;
}

static double mb(uint64_t bytes)
{
    return (double)bytes / 1e6;
}

static void print(const struct memory_plan *p, bool own, size_t left, size_t total)
{
    char room[96] = "";
    if (own)
        snprintf(room, sizeof room, " on the device (%.1f of %.1f MB free)", mb(left), mb(total));
    say("arena %.1f MB%s: weights %.1f, optimizer %.1f, gradient %.1f, activations %.1f (%llu rows at a "
        "time), scratch "
        "%.1f%s batches %.1f, program and libraries %.1f",
        mb(own ? p->device : p->device + p->host), room, mb(p->weights), mb(p->optimizer), mb(p->gradient),
        mb(p->activations), (unsigned long long)p->micro, mb(p->scratch), own ? "; on the machine:" : ",",
        mb(p->batches), mb(p->program));
}

/* A guess: of a GPU for what the plan does not count, kernels loaded when they are first called, graphs,
 * allocations rounded up. Most of that is as large on small GPUs. */
enum { RESERVE = 512 << 20 };

/* The part of a device's free memory that may be taken. */
static uint64_t usable(size_t left)
{
    size_t reserve = left / 50 > RESERVE ? left / 50 : RESERVE;
    return left > reserve ? left - reserve : 0;
}

void memory_plan_make(struct memory_plan *p, const struct memory_request *r)
{
    size_t total, left = r->ops->memory(r->dev, &total);
    uint64_t micro = r->micro, tokens = (uint64_t)r->ops->micro_tokens;
    bool own = total > 0; /* memory of its own */
    if (micro == 0)
        micro = r->h->T >= tokens ? 1 : tokens / r->h->T;
    if (micro > r->rows)
        micro = r->rows;
    count(p, r, micro);
    uint64_t machine = memory_available(), room = own ? usable(left) : machine;
    for (; r->micro == 0 && room && (own ? p->device : p->device + p->host) > room && micro > 1; micro /= 2)
        count(p, r, micro / 2);
    print(p, own, left, total);
    const char *smaller = p->micro > 1   ? "use a smaller --micro-batch"
                          : r->recompute ? "use a smaller model or context"
                                         : "use --recompute, or a smaller model or context";
    if (own && p->device > room)
        die("needs %.1f MB, the device has %.1f MB to give of %.1f MB: %s", mb(p->device), mb(room),
            mb(total), smaller);
    uint64_t host = own ? p->host : p->device + p->host;
    if (machine && host > machine)
        die("needs %.1f MB, this machine has %.1f MB to give: %s", mb(host), mb(machine), smaller);
}
