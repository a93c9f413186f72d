#include "pipeline/lib/address.h"

#include "pipeline/lib/cli.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static bool is_loopback(const struct sockaddr_storage *at)
{
    if (at->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)at)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)at)->sin6_addr);
}

/* Cuts the word into host and port. */
static int split(const char *word, char *host, size_t cap, const char **port)
{
    const char *colon = strrchr(word, ':');
    size_t n = colon ? (size_t)(colon - word) : 0;
    *port = colon ? colon + 1 : word;
    if (n >= 2 && word[0] == '[' && word[n - 1] == ']')
        word++, n -= 2;
    else if (memchr(word, ':', n))
        return -1; /* IPv6 needs brackets */
    if (n >= cap)
        return -1;
    snprintf(host, cap, "%.*s", (int)n, word);
    if (n == 0)
        snprintf(host, cap, "127.0.0.1");
    return 0;
}

int address_parse(struct address *a, const char *word, char *err, size_t cap)
{
    char host[256];
    const char *port;
    uint64_t number;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
    if (split(word, host, sizeof host, &port) != 0 || parse_u64(port, &number) != 0 || number > 65535) {
        snprintf(err, cap, "'%s' is not HOST:PORT", word);
        return -1;
    }
    int code = getaddrinfo(host, port, &hints, &found);
    if (code != 0) {
        snprintf(err, cap, "%s: %s", host, gai_strerror(code));
        return -1;
    }
    *a = (struct address){.len = found->ai_addrlen};
    memcpy(&a->at, found->ai_addr, found->ai_addrlen);
    a->loopback = is_loopback(&a->at);
    freeaddrinfo(found);
    return 0;
}

static void show(int fd, char *shown, size_t cap)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    char host[128] = "", port[16] = "";
    getsockname(fd, (struct sockaddr *)&at, &len);
    getnameinfo((struct sockaddr *)&at, len, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(shown, cap, at.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

int address_listen(const struct address *a, char *shown, size_t shown_cap, char *err, size_t cap)
{
    int on = 1, fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&a->at, a->len) != 0 || listen(fd, BACKLOG) != 0) {
        snprintf(err, cap, "%s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    show(fd, shown, shown_cap);
    return fd;
}
