/*
 * webhook.h - POST an alert to a server
 *
 * https, or http to this machine (localhost, 127.x, ::1), where a proxy is not asked. Redirects are not
 * followed, and a request that takes more than 10 seconds is given up. Messages name the host alone, since
 * the rest of such an address is often a secret.
 */
#ifndef ALERTS_WEBHOOK_H
#define ALERTS_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>

struct webhook;

/* NULL, with the reason in err: the URL is not one of those above. To be called before there are threads. */
struct webhook *webhook_open(const char *url, char *err, size_t cap);
bool webhook_post(struct webhook *w, const char *json); /* waits for the answer; warns when it is no 2xx */
void webhook_close(struct webhook *w);                  /* NULL is fine */

#endif
