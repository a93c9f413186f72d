#include "pipeline/train/mixed.h"

#include <string.h>

void mixed_add(struct mixed *m, const struct batch_header *h, const struct batch_row *rows)
{
    for (uint32_t i = 0; i < h->B; i++) {
        uint16_t s = rows[i].source;
        m->rows[s]++;
        if (rows[i].epoch >= m->epochs[s])
            m->epochs[s] = rows[i].epoch + 1;
    }
    m->steps++;
}

void mixed_write(struct mixed *m, const struct batch_header *h, struct logfile *l, uint64_t step)
{
    if (m->steps == 0)
        return;
    fprintf(l->f, "{\"type\":\"mix\",\"step\":%llu,\"rows\":[", (unsigned long long)step);
    for (uint32_t i = 0; i < h->n_sources; i++)
        fprintf(l->f, "%s%llu", i ? "," : "", (unsigned long long)m->rows[i]);
    fprintf(l->f, "],\"epochs\":[");
    for (uint32_t i = 0; i < h->n_sources; i++)
        fprintf(l->f, "%s%u", i ? "," : "", m->epochs[i]);
    fprintf(l->f, "]}");
    logfile_end_line(l);
    m->steps = 0;
    memset(m->rows, 0, sizeof m->rows);
}
