/*
 * patience.h - closes connections of an HTTP server (libmicrohttpd) whose clients dawdle
 *
 * The library closes a connection on which nothing comes for a while; a client that sends or takes a byte now
 * and then keeps it, and enough of them keep all others out. Here a request must arrive whole within one
 * time, and its reply must be taken within another. Later ones are cut off, by a thread that looks at them
 * every half second. A fault that the library cannot go on from ends the program with a message.
 *
 *   p = patience_new(10, 60)           with all signals blocked
 *   MHD_start_daemon(..., MHD_OPTION_NOTIFY_CONNECTION, patience_notify, p, ...)
 *   patience_reply(connection)         a request has arrived; the time of its reply begins
 *   patience_request(connection)       the reply is complete; the time of the next request begins
 *   patience_free(p)                   after MHD_stop_daemon
 */
#ifndef LIB_PATIENCE_H
#define LIB_PATIENCE_H

#include <microhttpd.h>

struct patience;

struct patience *patience_new(double request_s, double reply_s);
void patience_free(struct patience *p);
void patience_notify(void *patience, struct MHD_Connection *connection, void **context,
                     enum MHD_ConnectionNotificationCode what);
void patience_reply(struct MHD_Connection *connection);
void patience_request(struct MHD_Connection *connection);

#endif
