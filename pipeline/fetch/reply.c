#include "pipeline/fetch/reply.h"

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"

#include <curl/curl.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { MAX_VALUE = 4096 };

static void forget(char **s)
{
    free(*s);
    *s = NULL;
}

void reply_start_hop(struct http_reply *reply)
{
    forget(&reply->etag);
    forget(&reply->error_code);
    forget(&reply->error_message);
    forget(&reply->next);
    reply->status = 0;
    reply->length = reply->range_first = reply->range_total = -1;
    reply->wait_s = 0;
    if (!reply->linked_etag)
        reply->linked_size = -1;
}

void reply_free(struct http_reply *reply)
{
    forget(&reply->linked_etag);
    forget(&reply->commit);
    reply_start_hop(reply);
}

/* Digits and nothing else; -1 otherwise. */
static int64_t number(const char *s)
{
    uint64_t n;
    return isdigit((unsigned char)*s) && strspn(s, "0123456789") == strlen(s) && parse_u64(s, &n) == 0 &&
                   n <= INT64_MAX
               ? (int64_t)n
               : -1;
}

static void set(char **s, const char *value)
{
    free(*s);
    *s = xstrdup(value);
}

/* A message from outside: nothing in it may steer a terminal. */
static void set_text(char **s, const char *value)
{
    set(s, value);
    (*s)[strnlen(*s, 200)] = '\0';
    for (char *c = *s; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}

/* `<URL>; rel="next"`, one of several links with commas between. */
static void set_next(struct http_reply *reply, const char *value)
{
    for (const char *s = value; (s = strchr(s, '<')) != NULL; s++) {
        size_t url = strcspn(s + 1, ">"), whole = strcspn(s + 1 + url, ",<") + 1 + url;
        char *link = xasprintf("%.*s", (int)whole, s), *rel = strstr(link, "rel=\"next\"");
        if (rel && s[1 + url] == '>') {
            forget(&reply->next);
            reply->next = xasprintf("%.*s", (int)url, s + 1);
        }
        free(link);
    }
}

/* `bytes FIRST-LAST/TOTAL` */
static void set_range(struct http_reply *reply, const char *value)
{
    unsigned long long first, last, total;
    if (sscanf(value, "bytes %19llu-%19llu/%19llu", &first, &last, &total) == 3 && first <= last &&
        last < total && total <= INT64_MAX) {
        reply->range_first = (int64_t)first;
        reply->range_total = (int64_t)total;
    }
}

/* Seconds, or a date. */
static void set_retry_after(struct http_reply *reply, const char *value)
{
    int64_t seconds = number(value);
    time_t when = seconds < 0 ? curl_getdate(value, NULL) : -1;
    if (seconds < 0 && when >= 0)
        seconds = when - time(NULL);
    reply->wait_s = fmax(reply->wait_s, (double)seconds);
}

/* `"api";r=0;t=55`: nothing remains, and more comes in 55 seconds. */
static void set_rate_limit(struct http_reply *reply, const char *value)
{
    const char *r = strstr(value, ";r="), *t = strstr(value, ";t=");
    if (r && t && strtoull(r + 3, NULL, 10) == 0 && (r[3] == '0'))
        reply->wait_s = fmax(reply->wait_s, (double)strtoull(t + 3, NULL, 10));
}

static void take(struct http_reply *reply, const char *name, const char *value, bool ours)
{
    if (strcasecmp(name, "ETag") == 0)
        set(&reply->etag, value);
    else if (strcasecmp(name, "Content-Length") == 0)
        reply->length = number(value);
    else if (strcasecmp(name, "Content-Range") == 0)
        set_range(reply, value);
    else if (strcasecmp(name, "X-Error-Code") == 0)
        set_text(&reply->error_code, value);
    else if (strcasecmp(name, "X-Error-Message") == 0)
        set_text(&reply->error_message, value);
    else if (strcasecmp(name, "Link") == 0)
        set_next(reply, value);
    else if (strcasecmp(name, "Retry-After") == 0)
        set_retry_after(reply, value);
    else if (strcasecmp(name, "RateLimit") == 0 && reply->status == 429)
        set_rate_limit(reply, value);
    else if (strcasecmp(name, "X-Repo-Commit") == 0 && ours)
        set(&reply->commit, value);
    else if (strcasecmp(name, "X-Linked-Etag") == 0 && ours)
        set(&reply->linked_etag, value);
    else if (strcasecmp(name, "X-Linked-Size") == 0 && ours)
        reply->linked_size = number(value);
}

bool reply_header(struct http_reply *reply, const char *line, size_t n, bool ours)
{
    char text[MAX_VALUE];
    while (n > 0 && isspace((unsigned char)line[n - 1]))
        n--;
    if (n == 0)
        return reply->status >= 200;
    if (n >= sizeof text || memchr(line, '\0', n))
        return false; /* none of those that matter here is that long */
    memcpy(text, line, n);
    text[n] = '\0';
    if (strncmp(text, "HTTP/", 5) == 0) {
        reply_start_hop(reply);
        const char *status = strchr(text, ' ');
        reply->status = status ? strtol(status + 1, NULL, 10) : 0;
        return false;
    }
    char *value = strchr(text, ':');
    if (!value)
        return false;
    *value++ = '\0';
    take(reply, text, value + strspn(value, " \t"), ours);
    return false;
}

char *reply_plain_etag(const char *etag)
{
    if (!etag)
        return NULL;
    if (strncmp(etag, "W/", 2) == 0)
        etag += 2;
    size_t n = strlen(etag);
    if (n >= 2 && etag[0] == '"' && etag[n - 1] == '"')
        return xasprintf("%.*s", (int)(n - 2), etag + 1);
    return xstrdup(etag);
}
