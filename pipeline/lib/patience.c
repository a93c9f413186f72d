#include "pipeline/lib/patience.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOK_MS = 500 };

struct guest { /* a connection; the library keeps a pointer to it */
    struct patience *owner;
    struct guest *next;
    int fd;
    double until;
};

struct patience {
    double request_s, reply_s;
    pthread_t thread;
    int wake;            /* an eventfd: the thread looks at once */
    _Atomic bool ending; /* of the thread */
    pthread_mutex_t lock;
    struct guest *guests;
};

/* The connection is only shut down: the library sees its end, and closes it. */
static void cut_off_late_ones(struct patience *p)
{
    double now = now_seconds();
    pthread_mutex_lock(&p->lock);
    for (struct guest *g = p->guests; g; g = g->next)
        if (now > g->until)
            shutdown(g->fd, SHUT_RDWR);
    pthread_mutex_unlock(&p->lock);
}

static void *look(void *arg)
{
    struct patience *p = arg;
    struct pollfd wake = {.fd = p->wake, .events = POLLIN};
    while (!p->ending) {
        cut_off_late_ones(p);
        poll(&wake, 1, LOOK_MS);
    }
    return NULL;
}

/* What the library cannot go on from: otherwise it ends the program by SIGABRT. */
static void failed(void *none, const char *file, unsigned line, const char *why)
{
    (void)none, (void)file, (void)line;
    die("the HTTP server: %s", why);
}

struct patience *patience_new(double request_s, double reply_s)
{
    struct patience *p = xcalloc(1, sizeof *p);
    *p = (struct patience){.request_s = request_s, .reply_s = reply_s, .lock = PTHREAD_MUTEX_INITIALIZER};
    p->wake = eventfd(0, EFD_CLOEXEC);
    MHD_set_panic_func(failed, NULL);
    if (p->wake < 0 || pthread_create(&p->thread, NULL, look, p) != 0)
        die("cannot start a thread for the HTTP server");
    return p;
}

void patience_free(struct patience *p)
{
    uint64_t one = 1;
    p->ending = true;
    if (write(p->wake, &one, sizeof one) != sizeof one)
        detail("the HTTP server ends half a second later");
    pthread_join(p->thread, NULL);
    close(p->wake);
    free(p);
}

static void come(struct patience *p, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct guest *g = xmalloc(sizeof *g);
    pthread_mutex_lock(&p->lock);
    *g = (struct guest){p, p->guests, info->connect_fd, now_seconds() + p->request_s};
    p->guests = g;
    pthread_mutex_unlock(&p->lock);
    *context = g;
}

/* Until it is forgotten here, its descriptor is not closed, and so belongs to no other connection. */
static void go(struct patience *p, struct guest *g)
{
    pthread_mutex_lock(&p->lock);
    struct guest **at = &p->guests;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    pthread_mutex_unlock(&p->lock);
    free(g);
}

void patience_notify(void *patience, struct MHD_Connection *connection, void **context,
                     enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        come(patience, connection, context);
    else
        go(patience, *context);
}

static void begin(struct MHD_Connection *connection, bool reply)
{
    struct guest *g = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    pthread_mutex_lock(&g->owner->lock);
    g->until = now_seconds() + (reply ? g->owner->reply_s : g->owner->request_s);
    pthread_mutex_unlock(&g->owner->lock);
}

void patience_reply(struct MHD_Connection *connection)
{
    begin(connection, true);
}

void patience_request(struct MHD_Connection *connection)
{
    begin(connection, false);
}
