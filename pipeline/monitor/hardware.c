#include "pipeline/monitor/hardware.h"

#include "pipeline/monitor/gpus.h"

#include <glob.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void take_ticks(struct hardware_cpu *c, const uint64_t v[8])
{
    uint64_t all = 0, idle = v[3] + v[4]; /* idle, and waiting for a disk */
    for (int i = 0; i < 8; i++)
        all += v[i];
    double passed = (double)(all - c->all);
    c->use = c->all > 0 && passed > 0 ? (double)(all - idle - c->busy) / passed : NAN;
    c->busy = all - idle;
    c->all = all;
}

/* proc(5): user nice system idle iowait irq softirq steal, of all processors and of each. */
static void look_at_cpus(struct hardware *h)
{
    char line[512];
    FILE *f = fopen("/proc/stat", "re");
    h->n_cpus = 0;
    while (f && fgets(line, sizeof line, f) && strncmp(line, "cpu", 3) == 0) {
        uint64_t v[8] = {0};
        const char *numbers = strchr(line, ' ');
        if (!numbers || sscanf(numbers,
                               "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                               " %" SCNu64 " %" SCNu64,
                               &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
            break;
        if (line[3] == ' ')
            take_ticks(&h->all, v);
        else if (h->n_cpus < HARDWARE_CPUS)
            take_ticks(&h->cpu[h->n_cpus++], v);
    }
    if (f)
        fclose(f);
}

static void look_at_memory(struct hardware *h)
{
    char line[256];
    double total = NAN, available = NAN;
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof line, f) && (isnan(total) || isnan(available))) {
        sscanf(line, "MemTotal: %lf kB", &total);
        sscanf(line, "MemAvailable: %lf kB", &available);
    }
    if (f)
        fclose(f);
    h->memory_total = 1024 * total;
    h->memory = 1024 * (total - available);
}

/* The hottest of the sensors of /sys/class/hwmon, in thousandths of a degree; disks have such sensors as
 * well, and are far below a busy processor. */
static void look_at_sensors(struct hardware *h)
{
    glob_t g;
    h->celsius = NAN;
    if (glob("/sys/class/hwmon/hwmon*/temp1_input", 0, NULL, &g) != 0)
        return;
    for (size_t i = 0; i < g.gl_pathc; i++) {
        double t;
        FILE *f = fopen(g.gl_pathv[i], "re");
        if (f && fscanf(f, "%lf", &t) == 1)
            h->celsius = fmax(h->celsius, t / 1000); /* passes over a NaN */
        if (f)
            fclose(f);
    }
    globfree(&g);
}

void hardware_poll(struct hardware *h)
{
    look_at_cpus(h);
    look_at_memory(h);
    look_at_sensors(h);
    h->n_gpus = gpus_look(h->gpu, HARDWARE_GPUS, &h->no_gpu);
}
