#include "pipeline/sample/client.h"

#include "pipeline/lib/log.h"
#include "pipeline/lib/patience.h"

#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    MAX_BODY = 4 << 20, /* bytes */
    UPLOAD_S = 60,      /* a body that takes longer ends the connection */
    LOOK_MS = 200,      /* how often a waiting thread looks whether its client is still there */
};

extern const char _binary_pipeline_sample_page_html_start[], _binary_pipeline_sample_page_html_end[];

struct client {
    struct server *s;
    struct MHD_Connection *connection;
    double began;
    bool posts, chat, refused;
    struct strbuf body;
    struct request r;
    bool has_request, has_job;
    struct job job;
    struct reply reply;
    struct strbuf events; /* of a stream: made, but not yet sent from `sent` on */
    size_t sent;
    bool ended; /* no more events will come */
};

static const struct {
    const char *name, *value;
} headers[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src "
                                "'unsafe-inline'; connect-src 'self'; "
                                "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
};

/* Sends a response and counts it. */
static enum MHD_Result respond(struct client *c, unsigned status, const char *type, struct MHD_Response *r)
{
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, "Content-Type", type);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        MHD_add_response_header(r, headers[i].name, headers[i].value);
    if (status == 429 || status == 503)
        MHD_add_response_header(r, "Retry-After", "1");
    if (status == 401)
        MHD_add_response_header(r, "WWW-Authenticate", "Bearer");
    atomic_fetch_add(&c->s->answers[status], 1);
    enum MHD_Result done = MHD_queue_response(c->connection, status, r);
    MHD_destroy_response(r);
    return done;
}

/* text is malloc'd, and taken. */
static enum MHD_Result respond_text(struct client *c, unsigned status, const char *type, char *text,
                                    size_t len)
{
    return respond(c, status, type, MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE));
}

static enum MHD_Result respond_json(struct client *c, unsigned status, char *text)
{
    return respond_text(c, status, "application/json", text, strlen(text));
}

static enum MHD_Result respond_error(struct client *c, unsigned status, const char *code, const char *param,
                                     const char *message)
{
    const char *type = status == 429   ? "rate_limit_error"
                       : status >= 500 ? "server_error"
                                       : "invalid_request_error";
    detail("%u %s: %s", status, code ? code : type, message);
    return respond_json(c, status, reply_error(type, code, param, message));
}

/* Equal in a time that does not tell where they differ. */
static bool same_key(const char *a, const char *b)
{
    size_t n = strlen(a);
    unsigned char differ = strlen(b) != n;
    for (size_t i = 0; i < n; i++)
        differ |= (unsigned char)(a[i] ^ b[i % (strlen(b) + 1)]);
    return !differ;
}

static const char *header(struct client *c, const char *name)
{
    const char *v = MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name);
    return v ? v : "";
}

/* Whether the client has the key, if one is needed. */
static bool may_enter(struct client *c)
{
    const char *sent = header(c, "Authorization");
    return !c->s->key || (strncasecmp(sent, "Bearer ", 7) == 0 && same_key(c->s->key, sent + 7));
}

/* A server without a key trusts the programs of its machine, not the pages that a browser there shows: a page
 * of another site that resolves its name to this machine asks for that name. */
static bool host_is_local(struct client *c)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = header(c, "Host");
    size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    for (size_t i = 0; i < 3; i++)
        if (strlen(names[i]) == n && strncasecmp(host, names[i], n) == 0)
            return true;
    return *host == '\0' || strncmp(host, "127.", 4) == 0;
}

static bool client_has_gone(struct client *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd p = {.fd = info ? info->connect_fd : -1, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
}

/* With the engine's lock: waits for something new. Returns false when the client has gone. */
static bool wait_for_news(struct client *c)
{
    engine_wait(c->s->e, &c->job, LOOK_MS);
    engine_unlock(c->s->e);
    bool gone = client_has_gone(c);
    engine_lock(c->s->e);
    return !gone;
}

/* libmicrohttpd asks for more of a stream. */
static ssize_t next_events(void *arg, uint64_t position, char *out, size_t room)
{
    struct client *c = arg;
    (void)position;
    while (c->sent == c->events.len) {
        if (c->ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        strbuf_reset(&c->events);
        c->sent = 0;
        c->ended = reply_events(&c->reply, &c->events);
        if (c->events.len)
            break;
        engine_lock(c->s->e);
        bool there = reply_has_news(&c->reply) || wait_for_news(c);
        engine_unlock(c->s->e);
        if (!there)
            return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t n = c->events.len - c->sent < room ? c->events.len - c->sent : room;
    memcpy(out, c->events.s + c->sent, n);
    c->sent += n;
    return (ssize_t)n;
}

static enum MHD_Result respond_stream(struct client *c)
{
    struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, next_events, c, NULL);
    if (r)
        MHD_add_response_header(r, "Cache-Control", "no-cache");
    return respond(c, 200, "text/event-stream", r);
}

static enum MHD_Result respond_whole(struct client *c)
{
    bool there = true;
    engine_lock(c->s->e);
    while (there && c->job.open > 0)
        there = wait_for_news(c);
    engine_unlock(c->s->e);
    if (!there)
        return MHD_NO;
    char *text = reply_whole(&c->reply);
    return text ? respond_json(c, 200, text)
                : respond_error(c, 503, "timeout", NULL, "the time for this request is over");
}

static enum MHD_Result complete(struct client *c)
{
    struct request_error e;
    struct server *s = c->s;
    uint64_t id = 0;
    c->has_request = true;
    if (request_parse(&c->r, c->body.s ? c->body.s : "", c->body.len, c->chat, &e) != 0)
        return respond_error(c, 400, NULL, e.param, e.message);
    if (c->r.model && strcmp(c->r.model, s->o->model) != 0) {
        char *why = xasprintf("the model here is '%s'", s->o->model);
        enum MHD_Result done = respond_error(c, 404, "model_not_found", "model", why);
        free(why);
        return done;
    }
    if (jobs_make(&s->jobs, &c->job, &c->r, &e) != 0)
        return respond_error(c, 400, strstr(e.message, "context") ? "context_length_exceeded" : NULL, e.param,
                             e.message);
    c->has_job = true;
    if (getrandom(&id, sizeof id, 0) != sizeof id)
        die_errno("random bytes");
    c->reply = (struct reply){.e = s->e, .job = &c->job, .r = &c->r, .tok = s->m->tok, .model = s->o->model};
    reply_open(&c->reply, id);
    int refused = engine_submit(s->e, &c->job);
    if (refused == ENGINE_FULL)
        return respond_error(c, 429, "queue_full", NULL, "the queue is full: try again later");
    if (refused)
        return respond_error(c, 503, "stopping", NULL, "the server is stopping");
    return c->r.stream ? respond_stream(c) : respond_whole(c);
}

static enum MHD_Result respond_models(struct client *c)
{
    json_t *j = json_pack("{s:s, s:[{s:s, s:s, s:I, s:s, s:i, s:b}]}", "object", "list", "data", "id",
                          c->s->o->model, "object", "model", "created", (json_int_t)0, "owned_by", "tritter",
                          "context", c->s->limits.context, "chat", c->s->jobs.chat.usual.jinja != NULL);
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return respond_json(c, 200, text);
}

static enum MHD_Result respond_metrics(struct client *c)
{
    struct engine_figures f;
    struct strbuf b = {0};
    uint64_t codes[METRICS_CODES];
    for (int i = 0; i < METRICS_CODES; i++)
        codes[i] = atomic_load(&c->s->answers[i]);
    engine_read_figures(c->s->e, &f);
    metrics_write(&b, &f, &c->s->limits, codes);
    return respond_text(c, 200, "text/plain; version=0.0.4", b.s, b.len);
}

static enum MHD_Result respond_page(struct client *c)
{
    const char *from = _binary_pipeline_sample_page_html_start;
    size_t len = (size_t)(_binary_pipeline_sample_page_html_end - from);
    return respond(c, 200, "text/html; charset=utf-8",
                   MHD_create_response_from_buffer(len, (void *)(uintptr_t)from, MHD_RESPMEM_PERSISTENT));
}

static const struct route {
    const char *path;
    bool post, open; /* open: without a key, too */
    enum MHD_Result (*respond)(struct client *c);
} routes[] = {
    {"/", false, true, respond_page},
    {"/health", false, true, NULL},
    {"/metrics", false, false, respond_metrics},
    {"/v1/models", false, false, respond_models},
    {"/v1/completions", true, false, complete},
    {"/v1/chat/completions", true, false, complete},
};

static const struct route *find_route(const char *url)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(routes[i].path, url) == 0)
            return &routes[i];
    return NULL;
}

static enum MHD_Result refuse(struct client *c, unsigned status, const char *code, const char *message)
{
    c->refused = true;
    return respond_error(c, status, code, NULL, message);
}

/* Decides what can be decided from the headers alone. A response to them ends the connection when a body
 * would follow. */
static enum MHD_Result headers_came(struct client *c, const struct route *route, const char *method)
{
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (!route)
        return refuse(c, 404, "not_found", "there is no such path here");
    if (route->post ? strcmp(method, "POST") != 0 : !get)
        return refuse(c, 405, "method_not_allowed",
                      route->post ? "POST is needed here" : "GET is needed here");
    if (!c->s->key && !host_is_local(c))
        return refuse(c, 403, "wrong_host", "the Host of the request is not this machine");
    if (!route->open && !may_enter(c))
        return refuse(c, 401, "invalid_api_key", "a key is needed: Authorization: Bearer KEY");
    if (!route->post)
        return MHD_YES;
    if (strncasecmp(header(c, "Content-Type"), "application/json", 16) != 0)
        return refuse(c, 415, "not_json", "Content-Type: application/json is needed");
    if (strtoull(header(c, "Content-Length"), NULL, 10) > MAX_BODY)
        return refuse(c, 413, "body_too_large", "the body has more than 4 MiB");
    return MHD_YES;
}

static struct client *client_new(struct server *s, struct MHD_Connection *connection)
{
    struct client *c = xcalloc(1, sizeof *c);
    c->s = s;
    c->connection = connection;
    c->began = now_seconds();
    atomic_fetch_add(&s->in_flight, 1);
    return c;
}

/* Takes a part of the body. Returns MHD_NO, which ends the connection, when it is too long or too slow. */
static enum MHD_Result body_came(struct client *c, const char *part, size_t n)
{
    if (c->body.len + n > MAX_BODY || now_seconds() - c->began > UPLOAD_S)
        return MHD_NO;
    strbuf_add(&c->body, part, n);
    return MHD_YES;
}

enum MHD_Result client_request(void *server, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **client)
{
    struct client *c = *client;
    const struct route *route = find_route(url);
    (void)version;
    if (!c) {
        *client = c = client_new(server, connection);
        return headers_came(c, route, method);
    }
    if (*upload_size > 0) {
        size_t n = *upload_size;
        *upload_size = 0;
        return body_came(c, upload, n);
    }
    patience_reply(connection);
    if (c->refused)
        return MHD_YES;
    c->chat = strstr(url, "/chat/") != NULL;
    return route->respond ? route->respond(c) : respond_json(c, 200, xstrdup("{\"status\":\"ok\"}"));
}

void client_completed(void *server, struct MHD_Connection *connection, void **client,
                      enum MHD_RequestTerminationCode how)
{
    struct client *c = *client;
    struct server *s = server;
    (void)how;
    patience_request(connection);
    if (!c)
        return;
    if (c->has_job) {
        engine_drop(s->e, &c->job);
        reply_close(&c->reply);
    }
    if (c->has_request)
        request_free(&c->r);
    strbuf_free(&c->body);
    strbuf_free(&c->events);
    free(c);
    *client = NULL;
    atomic_fetch_sub(&s->in_flight, 1);
}
