#include "pipeline/train/memory.h"

#include "pipeline/lib/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Tokens in a micro-batch: enough for matrix products to be efficient, few enough for activations to stay near the
 * cores. */
enum { MICRO_TOKENS = 4096 };

/* What comes to be resident later besides our own arrays: code that oneDNN generates, its libraries' pages, buffers
 * of a checkpoint, the pages of validation shards that are read. Measured 9 to 26 MB. */
enum { LATER_BYTES = 32 << 20 };

/* What the system can give without killing someone; 0: it does not say. */
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

static void count(struct memory_plan *p, const struct ops *ops, struct device *dev, const struct model_config *m,
                  enum dtype act, const struct batch_header *h, uint64_t optimizer, uint64_t micro)
{
    struct params layout;
    if (params_layout(&layout, m) != 0)
        die("out of memory");
    uint64_t n = layout.total, T = h->T, B = h->B;
    p->optimizer = optimizer;
    params_free(&layout);
    p->micro = micro;
    p->weights = n * 4 + (act == DTYPE_F32 ? 0 : n * dtype_bytes(act)) + (uint64_t)m->T * (uint64_t)m->D * 4;
    p->gradient = n * 4;
    p->activations = activations_bytes(m, act, (int)micro, (int)T, true);
    p->scratch = model_scratch_bytes(ops, dev, m, act, (int)micro, (int)T);
    p->batches = B * (T + 1) * 4 + micro * T * 4 * 2 + batch_record_bytes(h);
    p->program = memory_peak() + LATER_BYTES;
    p->total = p->weights + p->optimizer + p->gradient + p->activations + p->scratch + p->batches + p->program;
}

uint64_t memory_plan_make(struct memory_plan *p, const struct ops *ops, struct device *dev,
                          const struct model_config *m, enum dtype act, const struct batch_header *h, uint64_t optimizer,
                          uint64_t micro)
{
    bool chosen = micro == 0;
    if (chosen)
        micro = h->T >= MICRO_TOKENS ? 1 : MICRO_TOKENS / h->T;
    if (micro > h->B)
        micro = h->B;
    count(p, ops, dev, m, act, h, optimizer, micro);
    uint64_t room = memory_available();
    for (; chosen && room && p->total > room && micro > 1; micro /= 2)
        count(p, ops, dev, m, act, h, optimizer, micro / 2);
    memory_plan_print(p);
    if (room && p->total > room)
        die("needs %.1f MB, this machine has %.1f MB to give: %s", (double)p->total / 1e6, (double)room / 1e6,
            micro > 1 ? "use a smaller --micro-batch" : "use a smaller model or context");
    return micro;
}

void memory_plan_print(const struct memory_plan *p)
{
    say("arena %.1f MB: weights %.1f, optimizer %.1f, gradient %.1f, activations %.1f (%llu rows at a time), scratch "
        "%.1f, batches %.1f, program and libraries %.1f",
        (double)p->total / 1e6, (double)p->weights / 1e6, (double)p->optimizer / 1e6, (double)p->gradient / 1e6,
        (double)p->activations / 1e6, (unsigned long long)p->micro, (double)p->scratch / 1e6,
        (double)p->batches / 1e6, (double)p->program / 1e6);
}
