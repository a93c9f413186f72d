/*
 * patience_test - a server's clients that dawdle: those that send a byte now and then, or take no reply, are
 * cut off in time; those that are quick may stay, however long
 */
#include "pipeline/lib/patience.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pipeline/lib/log.h"
#include "tests/check.h"

#define REQUEST_S 0.6
#define REPLY_S 0.6
enum { LARGE = 64 << 20 }; /* more than the kernel's buffers hold */

static _Atomic int n_completed;
static struct sockaddr_in address = {.sin_family = AF_INET};

static enum MHD_Result request(void *large, struct MHD_Connection *c, const char *url, const char *method,
                               const char *version, const char *body, size_t *n, void **state)
{
    (void)method, (void)version, (void)body, (void)n;
    if (!*state) { /* the header alone: a response now would be the connection's last */
        *state = large;
        return MHD_YES;
    }
    patience_reply(c);
    size_t len = strcmp(url, "/large") == 0 ? LARGE : 0;
    struct MHD_Response *r = MHD_create_response_from_buffer(len, large, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(c, 200, r);
    MHD_destroy_response(r);
    return result;
}

static void completed(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how)
{
    (void)arg, (void)state, (void)how;
    patience_request(c);
    n_completed++;
}

static int client(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;
    CHECK(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static bool put(int fd, const char *s)
{
    return send(fd, s, strlen(s), MSG_NOSIGNAL) == (ssize_t)strlen(s);
}

static bool is_answered(int fd)
{
    char reply[512];
    ssize_t n = recv(fd, reply, sizeof reply - 1, 0);
    reply[n > 0 ? n : 0] = 0;
    return strstr(reply, " 200 ") != NULL;
}

/* A byte of a header every 50 ms: the library's own limit, which begins anew with each, would never come. */
static void a_request_that_trickles_in_is_cut_off(void)
{
    int fd = client();
    double began = now_seconds();
    CHECK(put(fd, "GET / HTTP/1.1\r\nX: "));
    while (now_seconds() - began < 5 && put(fd, "x"))
        usleep(50000);
    double took = now_seconds() - began;
    CHECK(took >= REQUEST_S && took < 3, "cut off after %.2f s", took);
    close(fd);
}

static void a_reply_that_nobody_takes_is_cut_off(void)
{
    int fd = client(), before = n_completed;
    double began = now_seconds();
    CHECK(put(fd, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
    while (now_seconds() - began < 5 && n_completed == before)
        usleep(20000);
    double took = now_seconds() - began;
    CHECK(took >= REPLY_S && took < 3, "given up after %.2f s", took);
    close(fd);
}

static void who_is_quick_may_stay(void)
{
    int fd = client();
    double began = now_seconds();
    while (now_seconds() - began < 2 * (REQUEST_S + REPLY_S)) {
        CHECK(put(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        CHECK(is_answered(fd));
        usleep(100000);
    }
    close(fd);
}

int main(void)
{
    socklen_t size = sizeof address;
    test_begin(60);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *large = calloc(1, LARGE);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(large && fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
          listen(fd, 8) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    struct patience *p = patience_new(REQUEST_S, REPLY_S);
    struct MHD_Daemon *d =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL, request, large,
                         MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_CONNECTION, patience_notify, p,
                         MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
    CHECK(d);
    a_request_that_trickles_in_is_cut_off();
    a_reply_that_nobody_takes_is_cut_off();
    who_is_quick_may_stay();
    MHD_stop_daemon(d);
    patience_free(p);
    free(large);
    return 0;
}
