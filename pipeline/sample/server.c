/*
 * server.c - requests over HTTP, by libmicrohttpd with a thread for each connection; the model runs in the
 * main thread
 */
#include "pipeline/sample/server.h"

#include "pipeline/lib/log.h"
#include "pipeline/lib/patience.h"
#include "pipeline/sample/client.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECTIONS = 256, /* at once */
    IDLE_S = 30,       /* a connection on which nothing comes for so long is closed */
    REQUEST_S = 60, /* a request must arrive within that time, and be answered within it and its --timeout */
    HEADERS = 32 << 10, /* bytes of a request's headers at most */
    FLUSH_S = 5,        /* after the last text, answers may take so long to reach their clients */
    MAX_KEY_FILE = 4096,
};

static char *read_key(const char *path)
{
    size_t len;
    char *key = read_file(path, &len, MAX_KEY_FILE);
    key[strcspn(key, "\r\n")] = '\0';
    if (!*key || strlen(key) != strcspn(key, " \t"))
        die("%s: the first line is not a key: it is empty, or has spaces in it", path);
    return key;
}

/* libmicrohttpd's threads take no signals: the main thread has the stack for their handlers. */
static struct MHD_Daemon *start(struct server *s, int fd)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->patience = patience_new(REQUEST_S, REQUEST_S + s->o->timeout_s);
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, NULL, NULL,
        client_request, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, client_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, patience_notify, s->patience, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!d)
        die("cannot start the HTTP server");
    return d;
}

/* Answers that are complete reach their clients; then every connection is closed. */
static void stop(struct server *s, struct MHD_Daemon *d)
{
    double until = now_seconds() + FLUSH_S;
    int fd = MHD_quiesce_daemon(d);
    while (atomic_load(&s->in_flight) > 0 && now_seconds() < until)
        usleep(10000);
    MHD_stop_daemon(d);
    patience_free(s->patience);
    if (fd >= 0)
        close(fd);
}

void server_run(const struct loaded *m, const struct server_options *o)
{
    char shown[160], err[256];
    struct server *s = xcalloc(1, sizeof *s);
    mallopt(M_ARENA_MAX,
            2); /* what the threads of connections free serves others, and large bodies go back at once */
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    int fd = address_listen(&o->address, shown, sizeof shown, err, sizeof err);
    if (fd < 0)
        die("cannot listen: %s", err);
    s->m = m;
    s->o = o;
    s->key = o->key_file ? read_key(o->key_file) : NULL;
    int T = m->w.c.T, context = o->context > 0 && o->context < T ? o->context : T;
    s->limits = (struct engine_limits){o->slots, o->queue, context, o->timeout_s};
    s->e = engine_new(m, &s->limits);
    jobs_open(&s->jobs, m, context, o->special);
    struct MHD_Daemon *d = start(s, fd);
    printf("http://%s\n", shown);
    if (fflush(stdout) != 0)
        die_errno("standard output");
    say("serving %s as '%s' on http://%s, %d texts at once, context %d", m->dir, o->model, shown, o->slots,
        context);
    engine_run(s->e);
    say("%s: stopping", strsignal(stop_signal));
    stop(s, d);
    jobs_close(&s->jobs);
    engine_free(s->e);
    free(s->key);
    free(s);
}
