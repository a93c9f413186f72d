/*
 * prometheus.h - the numbers of runs and stages for Prometheus, over HTTP
 *
 * GET /metrics answers in the text format, version 0.0.4:
 *   tritter_run_KEY{run="NAME"}                   newest step, loss, rate ... of each run
 *   tritter_run_validation_loss{run=, source=}    newest, of each source
 *   tritter_stage_UP{stage=, pid=}, and one metric a counter that the stage publishes (shm/stats.h)
 */
#ifndef MONITOR_PROMETHEUS_H
#define MONITOR_PROMETHEUS_H

#include "pipeline/lib/fs.h"
#include "pipeline/monitor/run.h"
#include "pipeline/monitor/stages.h"

void prometheus_write(struct strbuf *out, struct run *const *runs, size_t n_runs,
                      const struct stages *stages);

struct prometheus;
/* Serves at `where`, [HOST:]PORT (lib/address.h), from a thread of its own, which from now on alone polls the
 * runs. Says the address. Dies when it cannot listen. */
struct prometheus *prometheus_open(const char *where, struct run *const *runs, size_t n_runs);
void prometheus_close(struct prometheus *p);

#endif
