/*
 * run_metrics.h - the end and the validation curve of one run, from its metrics.jsonl
 */
#ifndef REPORT_RUN_METRICS_H
#define REPORT_RUN_METRICS_H

#include "tools/campaign/campaign.h"

/* Fills points .. stall of r. Dies when the file is not what train writes, or (unless r->failed) has no
 * validation of all domains at the last step. */
void run_metrics_read(struct trial *r, const char *path, char *const *domain, const double *weight, size_t n);

#endif
