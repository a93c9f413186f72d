#include "pipeline/train/stopwatch.h"

#include "pipeline/lib/log.h"

#include <sys/resource.h>

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double cpu_now(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return seconds(u.ru_utime) + seconds(u.ru_stime);
}

void stopwatch_start(struct stopwatch *s)
{
    s->wall_from = now_seconds();
    s->cpu_from = cpu_now();
}

void stopwatch_read(const struct stopwatch *s, double *wall, double *cpu)
{
    bool running = s->wall_from > 0;
    *wall = s->wall + (running ? now_seconds() - s->wall_from : 0);
    *cpu = s->cpu + (running ? cpu_now() - s->cpu_from : 0);
}

void stopwatch_stop(struct stopwatch *s)
{
    stopwatch_read(s, &s->wall, &s->cpu);
    s->wall_from = 0;
}
