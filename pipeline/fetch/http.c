#include "pipeline/fetch/http.h"

#include "pipeline/fetch/http_send.h"
#include "pipeline/fetch/reply.h"
#include "pipeline/fetch/url.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/random.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_REDIRECTS = 5,
    MAX_CONNECTIONS = 16, /* to one host: SWH's objects are small and many */
    CONNECT_TIMEOUT_S = 20,
    SLOW_BYTES = 256, /* a second: below this for timeout_s a transfer counts as broken */
    MAX_WAIT_S = 900, /* a server that asks for more is taken at its word later, by the user */
    MAX_BACKOFF_S = 30,
    TOLD_WAIT_S = 5, /* longer waits are told */
    BUFFER_BYTES = 256 << 10,
    MAX_IGNORED_BYTES = 64 << 10,
    PROGRESS_BYTES = 1 << 20, /* a broken try that brought this much does not count */
};

/* One request on its way: the present try, and what the tries share. */
struct http_try {
    struct http *http;
    struct http_request *request;
    struct http_try *next; /* in http's list */
    CURL *easy;            /* NULL: waiting for not_before */
    struct curl_slist *headers;
    char *url; /* of this hop */
    char curl_error[CURL_ERROR_SIZE];
    char refused[200]; /* why accept or body ended it */
    int redirects, retries;
    bool off_origin; /* a redirect led to another origin than the first */
    size_t ignored;  /* bytes of the body of a redirect or a refusal */
    size_t received; /* bytes of the body of a 2xx */
    struct http_body sent;
    double not_before;
};

struct http {
    const struct hub_settings *settings;
    CURLM *multi;
    struct http_try *tries;
    uint64_t random;
    bool reached;        /* some server has answered: the network is there */
    char *authorization; /* the header; NULL: no token */
};

struct http *http_open(const struct hub_settings *settings)
{
    static bool started;
    if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        die("libcurl cannot be started");
    started = true;
    struct http *h = xcalloc(1, sizeof *h);
    h->settings = settings;
    h->multi = curl_multi_init();
    if (!h->multi)
        die("out of memory");
    curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)MAX_CONNECTIONS);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    h->random = mix64((uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20 ^ (uint64_t)getpid());
    if (settings->token)
        h->authorization = xasprintf("Authorization: Bearer %s", settings->token);
    return h;
}

static void end_hop(struct http_try *t)
{
    if (t->easy) {
        curl_multi_remove_handle(t->http->multi, t->easy);
        curl_easy_cleanup(t->easy);
        t->easy = NULL;
    }
    curl_slist_free_all(t->headers);
    t->headers = NULL;
}

static void free_try(struct http_try *t)
{
    end_hop(t);
    for (struct http_try **at = &t->http->tries; *at; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            break;
        }
    }
    t->request->own = NULL;
    free(t->url);
    free(t);
}

void http_close(struct http *h)
{
    if (!h)
        return;
    while (h->tries)
        free_try(h->tries);
    curl_multi_cleanup(h->multi);
    free(h->authorization);
    free(h);
}

static bool is_success(const struct http_reply *reply)
{
    return reply->status >= 200 && reply->status < 300;
}

static bool refuse(struct http_try *t, const char *why)
{
    if (why)
        snprintf(t->refused, sizeof t->refused, "%s", why);
    return why != NULL;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct http_try *t = arg;
    struct http_request *r = t->request;
    bool ours = url_same_origin(t->url, t->http->settings->endpoint);
    n *= size;
    t->http->reached = true;
    if (!reply_header(&r->reply, line, n, ours))
        return n;
    if (is_success(&r->reply) && r->accept && refuse(t, r->accept(r)))
        return 0;
    return n;
}

/* The text of a refusal or a redirect is of no interest: it is read so that the connection can be kept,
 * unless it is long. */
static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_try *t = arg;
    struct http_request *r = t->request;
    n *= size;
    if (!is_success(&r->reply))
        return (t->ignored += n) > MAX_IGNORED_BYTES ? 0 : n;
    t->received += n;
    return r->body && refuse(t, r->body(r, bytes, n)) ? 0 : n;
}

static void set_headers(struct http_try *t)
{
    struct http *h = t->http;
    if (h->authorization && url_same_origin(t->url, h->settings->endpoint))
        t->headers = curl_slist_append(t->headers, h->authorization);
    for (const char *const *line = t->request->headers; line && *line; line++)
        t->headers = curl_slist_append(t->headers, *line);
    if (t->request->if_range && t->request->from > 0) {
        char *line = xasprintf("If-Range: %s", t->request->if_range);
        t->headers = curl_slist_append(t->headers, line);
        free(line);
    }
}

static void set_options(struct http_try *t)
{
    const struct hub_settings *s = t->http->settings;
    struct http_request *r = t->request;
    CURL *e = t->easy;
    curl_easy_setopt(e, CURLOPT_URL, t->url);
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->curl_error);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "tritter");
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, s->timeout_s);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    curl_easy_setopt(e, CURLOPT_NOBODY, r->head ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
    if (s->certificates)
        curl_easy_setopt(e, CURLOPT_CAINFO, s->certificates);
    if (r->send)
        http_send_options(e, r, &t->sent);
    char range[64];
    if (r->to > 0)
        snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)r->from, (unsigned long long)r->to);
    else
        snprintf(range, sizeof range, "%llu-", (unsigned long long)r->from);
    if (r->from > 0 || r->to > 0)
        curl_easy_setopt(e, CURLOPT_RANGE, range);
}

static void start_hop(struct http_try *t)
{
    reply_start_hop(&t->request->reply);
    t->refused[0] = t->curl_error[0] = '\0';
    t->ignored = t->received = 0;
    t->easy = curl_easy_init();
    if (!t->easy)
        die("out of memory");
    set_headers(t);
    set_options(t);
    curl_multi_add_handle(t->http->multi, t->easy);
}

static void start_try(struct http_try *t)
{
    free(t->url);
    t->url = xstrdup(t->request->url);
    t->redirects = 0;
    t->off_origin = false;
    reply_free(&t->request->reply);
    if (t->request->begin)
        t->request->begin(t->request);
    start_hop(t);
}

void http_add(struct http *h, struct http_request *r)
{
    struct http_try *t = xcalloc(1, sizeof *t);
    t->http = h;
    t->request = r;
    t->next = h->tries;
    h->tries = r->own = t;
    r->failed = r->final = false;
    r->landing = NULL;
    r->error[0] = '\0';
    r->reply = (struct http_reply){0};
    start_try(t);
}

void http_cancel(struct http *h, struct http_request *r)
{
    (void)h;
    if (r->own)
        free_try(r->own);
    http_done(r);
}

void http_wake(struct http *h)
{
    curl_multi_wakeup(h->multi);
}

void http_done(struct http_request *r)
{
    free(r->landing);
    r->landing = NULL;
    reply_free(&r->reply);
}

/* The outcome of a try that is over. */
enum verdict { DONE, REPEAT, FOLLOW };

__attribute__((format(printf, 2, 3))) static enum verdict fail(struct http_try *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->request->error, sizeof t->request->error, fmt, ap);
    va_end(ap);
    t->request->failed = true;
    return DONE;
}

/* Looks where a redirect leads. */
static enum verdict redirect(struct http_try *t)
{
    char *location = NULL, *target;
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &location);
    if (!location || !(target = url_join(t->url, location)))
        return fail(t, "the server sends a redirect to nowhere");
    const char *why = url_refusal(target);
    bool downgrade = strncmp(t->url, "https:", 6) == 0 && strncmp(target, "https:", 6) != 0;
    if (why || downgrade || ++t->redirects > MAX_REDIRECTS) {
        free(target);
        return fail(t, "the server sends a redirect that is refused: %s",
                    why         ? why
                    : downgrade ? "it leads from https to http"
                                : "too many, one after the other");
    }
    t->off_origin |= !url_same_origin(t->request->url, target);
    if (t->off_origin && t->request->stay) {
        free(target);
        return DONE;
    }
    free(t->url);
    t->url = target;
    return FOLLOW;
}

static bool is_certificate_error(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_CERTPROBLEM;
}

static bool is_passing(const struct http_try *t, long status)
{
    static const long passing[] = {408, 429, 500, 502, 503, 504};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (status == passing[i])
            return true;
    return status == 403 && t->off_origin;
}

static enum verdict judge(struct http_try *t, CURLcode code)
{
    struct http_request *r = t->request;
    long status = r->reply.status;
    char *host = url_host(t->url);
    const char *why = t->curl_error[0] ? t->curl_error : curl_easy_strerror(code);
    enum verdict v = DONE;
    if (code == CURLE_OK && is_success(&r->reply) && r->end)
        refuse(t, r->end(r));
    if (t->refused[0]) {
        fail(t, "%s: %s", host, t->refused);
        v = r->final ? DONE : REPEAT;
    } else if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && !is_success(&r->reply))) {
        if (status >= 300 && status < 400)
            v = redirect(t);
        else if (is_passing(t, status)) {
            fail(t, "%s: the server answers %ld%s%s", host, status, r->reply.error_message ? ": " : "",
                 r->reply.error_message ? r->reply.error_message : "");
            v = REPEAT;
        }
    } else {
        fail(t, "%s: %s", host, why);
        if (t->received >= PROGRESS_BYTES)
            t->retries = 0;
        bool offline = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT;
        bool hopeless = is_certificate_error(code) || code == CURLE_URL_MALFORMAT;
        v = hopeless || (offline && !t->http->reached) ? DONE : REPEAT;
    }
    free(host);
    return v;
}

/* Sets when the next try begins. False: there is none. */
static bool plan_repetition(struct http_try *t)
{
    struct http *h = t->http;
    double asked = t->request->reply.wait_s;
    size_t n = strlen(t->request->error);
    if (t->retries == HTTP_RETRIES) {
        snprintf(t->request->error + n, sizeof t->request->error - n, " (after %d repetitions)",
                 HTTP_RETRIES);
        return false;
    }
    if (asked > MAX_WAIT_S) {
        snprintf(t->request->error + n, sizeof t->request->error - n,
                 ", and asks to come back in %.0f seconds", asked);
        return false;
    }
    double backoff = ldexp(h->settings->retry_wait_s, t->retries++) * (0.5 + random_uniform(&h->random));
    backoff = fmin(backoff, MAX_BACKOFF_S);
    /* A whole crowd was told the same number: jitter comes on top of it, never off it. */
    double wait = asked > 0 ? asked + fmin(backoff, 1) * random_uniform(&h->random) : backoff;
    if (wait >= TOLD_WAIT_S)
        say("%s: again in %.0f s", t->request->error, wait);
    else
        detail("%s: again in %.1f s", t->request->error, wait);
    t->not_before = now_seconds() + wait;
    return true;
}

/* A request that is done, or NULL when this try leads to another. */
static struct http_request *finish(struct http_try *t, CURLcode code)
{
    struct http_request *r = t->request;
    r->failed = false;
    enum verdict v = judge(t, code);
    end_hop(t);
    if (v == FOLLOW) {
        start_hop(t);
        return NULL;
    }
    if (v == REPEAT && !r->once && plan_repetition(t)) {
        r->failed = false;
        return NULL;
    }
    if (t->redirects > 0)
        r->landing = xstrdup(t->url);
    free_try(t);
    return r;
}

/* Starts what has waited long enough; returns milliseconds until the next one, at most limit. */
static int start_due(struct http *h, int limit)
{
    double now = now_seconds();
    for (struct http_try *t = h->tries; t; t = t->next) {
        if (t->easy)
            continue;
        if (t->not_before <= now)
            start_try(t);
        else if ((t->not_before - now) * 1e3 < limit)
            limit = (int)ceil((t->not_before - now) * 1e3);
    }
    return limit;
}

static struct http_request *next_done(struct http *h)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
        struct http_try *t;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        struct http_request *r = finish(t, code);
        if (r)
            return r;
    }
    return NULL;
}

struct http_request *http_step(struct http *h, int timeout_ms)
{
    int running;
    struct http_request *r = next_done(h);
    if (r)
        return r;
    int wait = start_due(h, timeout_ms);
    curl_multi_perform(h->multi, &running);
    if ((r = next_done(h)) != NULL)
        return r;
    curl_multi_poll(h->multi, NULL, 0, wait, NULL);
    curl_multi_perform(h->multi, &running);
    return next_done(h);
}

void http_run(struct http *h, struct http_request *r)
{
    http_add(h, r);
    while (http_step(h, 200) != r)
        if (stop_signal) {
            http_cancel(h, r);
            exit(signal_exit_code());
        }
}
