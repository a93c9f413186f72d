/*
 * client.h - one request on a connection: what libmicrohttpd calls, in the connection's own thread
 */
#ifndef SAMPLE_CLIENT_H
#define SAMPLE_CLIENT_H

#include "pipeline/sample/jobs.h"
#include "pipeline/sample/metrics.h"
#include "pipeline/sample/reply.h"
#include "pipeline/sample/server.h"

#if !__has_include(<microhttpd.h>)
#error "libmicrohttpd is missing (Debian: libmicrohttpd-dev): tools/setup installs what the build needs"
#endif
#include <microhttpd.h>
#include <stdatomic.h>

struct server {
    const struct loaded *m;         /* borrowed */
    const struct server_options *o; /* borrowed */
    struct engine_limits limits;
    struct engine *e; /* owned */
    struct jobs jobs;
    struct patience *patience;               /* owned; cuts off clients that dawdle */
    char *key;                               /* owned; NULL: none is needed */
    _Atomic int in_flight;                   /* requests that are not answered yet */
    _Atomic uint64_t answers[METRICS_CODES]; /* by status */
};

enum MHD_Result client_request(void *server, struct MHD_Connection *c, const char *url, const char *method,
                               const char *version, const char *upload, size_t *upload_size, void **client);
void client_completed(void *server, struct MHD_Connection *c, void **client,
                      enum MHD_RequestTerminationCode how);

#endif
