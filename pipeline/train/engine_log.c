#include "pipeline/train/engine_parts.h"

#include <stdio.h>

void log_begin(struct engine *e, uint64_t step, const char *event)
{
    fprintf(e->host.metrics->f, "{\"type\":\"engine\",\"step\":%llu,\"event\":\"%s\"",
            (unsigned long long)step, event);
}

void log_number(struct engine *e, const char *key, double x)
{
    logfile_number(e->host.metrics, key, x);
}

void log_text(struct engine *e, const char *key, const char *text)
{
    fprintf(e->host.metrics->f, ",\"%s\":\"%s\"", key, text); /* our own words: nothing to escape */
}

void log_end(struct engine *e)
{
    fputc('}', e->host.metrics->f);
    logfile_end_line(e->host.metrics);
}
