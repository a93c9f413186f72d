/*
 * metrics.h - the server's counts in the text format of Prometheus
 */
#ifndef SAMPLE_METRICS_H
#define SAMPLE_METRICS_H

#include "pipeline/sample/engine.h"

enum { METRICS_CODES = 600 };

/* codes[c]: answers with HTTP status c. Appends to out. */
void metrics_write(struct strbuf *out, const struct engine_figures *f, const struct engine_limits *l,
                   const uint64_t codes[METRICS_CODES]);

#endif
