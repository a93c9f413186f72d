#include "pipeline/monitor/prometheus.h"

#include "pipeline/lib/address.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/patience.h"

#include <ctype.h>
#include <math.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct prometheus {
    struct run *const *runs;
    size_t n_runs;
    struct stages stages;
    struct MHD_Daemon *daemon;
    struct patience *patience; /* cuts off clients that dawdle */
};

enum { CONNECTIONS = 16, IDLE_S = 10 /* for a request to arrive, and for its answer to be taken */ };

static void head(struct strbuf *out, const char *name, const char *type, const char *help)
{
    strbuf_addf(out, "# HELP tritter_%s %s\n# TYPE tritter_%s %s\n", name, help, name, type);
}

/* Writes name="value"; in the value, backslash, quotation mark and newline are escaped. */
static void label(struct strbuf *out, const char *name, const char *value)
{
    strbuf_addf(out, "%s=\"", name);
    for (; *value; value++)
        if (*value == '\n')
            strbuf_add(out, "\\n", 2);
        else
            strbuf_addf(out, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
    strbuf_add(out, "\"", 1);
}

static void number(struct strbuf *out, double value)
{
    if (isinf(value))
        strbuf_addf(out, "} %sInf\n", value < 0 ? "-" : "+");
    else
        strbuf_addf(out, isnan(value) ? "} NaN\n" : "} %.15g\n", value);
}

static void of_run(struct strbuf *out, const char *name, const struct run *r, double value)
{
    if (isnan(value) && strcmp(name, "loss") != 0)
        return; /* the run has not reported this number */
    strbuf_addf(out, "tritter_run_%s{", name);
    label(out, "run", r->name);
    number(out, value);
}

static double run_value(const struct run *r, int which)
{
    const struct run_forecast *f = r->n_forecasts ? &r->forecast[(r->n_forecasts - 1) % RUN_FORECASTS] : NULL;
    const double values[] = {r->live,
                             r->last.step,
                             r->steps > 0 ? r->steps : NAN,
                             r->last.loss,
                             r->last.grad_norm,
                             r->last.lr,
                             r->last.tokens,
                             r->last.tokens_per_s,
                             r->last.trained,
                             run_seconds_left(r),
                             f ? f->loss : NAN,
                             (double)r->bad_lines};
    return values[which];
}

static void write_runs(struct strbuf *out, struct run *const *runs, size_t n)
{
    static const struct {
        const char *name, *type, *help;
    } about[] = {
        {"live", "gauge", "1 while train works on the run."},
        {"step", "gauge", "Steps done."},
        {"steps", "gauge", "Steps that the run will have."},
        {"loss", "gauge", "Mean loss of the newest step, nats a token."},
        {"grad_norm", "gauge", "Norm of its gradient."},
        {"lr", "gauge", "Its learning rate."},
        {"tokens", "gauge", "Tokens trained on."},
        {"tokens_per_second", "gauge", "Tokens a second in the newest step."},
        {"trained_seconds", "gauge", "Time in training."},
        {"seconds_left", "gauge", "Time to the run's end."},
        {"forecast_loss", "gauge", "Forecast of the loss at the end."},
        {"bad_lines", "gauge", "Lines of metrics.jsonl that could not be read."},
    };
    for (size_t k = 0; k < sizeof about / sizeof *about; k++) {
        char name[64];
        snprintf(name, sizeof name, "run_%s", about[k].name);
        head(out, name, about[k].type, about[k].help);
        for (size_t i = 0; i < n; i++)
            of_run(out, about[k].name, runs[i], run_value(runs[i], (int)k));
    }
    head(out, "run_validation_loss", "gauge", "Newest validation loss of a source, nats a token.");
    for (size_t i = 0; i < n; i++)
        for (size_t v = 0; v < runs[i]->n_val; v++) {
            const struct run_series *s = &runs[i]->val[v];
            strbuf_addf(out, "tritter_run_validation_loss{");
            label(out, "run", runs[i]->name);
            strbuf_add(out, ",", 1);
            label(out, "source", s->name);
            number(out, s->n ? s->loss[s->n - 1] : NAN);
        }
}

/* Makes a metric's name of a counter's: "bytes read" becomes bytes_read. */
static void counter_name(char *out, size_t cap, const char *name)
{
    size_t n = 0;
    for (; *name && n + 1 < cap; name++)
        out[n++] = isalnum((unsigned char)*name) ? (char)tolower((unsigned char)*name) : '_';
    out[n] = 0;
}

/* Whether this counter is the first of its name, over all stages: Prometheus wants each metric introduced
 * once, with the values of all stages after it. */
static bool is_first(const struct stages *s, int stage, int counter)
{
    char want[STATS_NAME], have[STATS_NAME];
    counter_name(want, sizeof want, s->v[stage].now.v[counter].name);
    for (int i = 0; i <= stage; i++)
        for (int k = 0; k < (i == stage ? counter : s->v[i].now.n); k++) {
            counter_name(have, sizeof have, s->v[i].now.v[k].name);
            if (strcmp(want, have) == 0)
                return false;
        }
    return true;
}

static void of_stage(struct strbuf *out, const char *name, const struct stage *s, double value)
{
    strbuf_addf(out, "tritter_stage_%s{", name);
    label(out, "stage", s->now.stage);
    strbuf_addf(out, ",pid=\"%d\"", s->now.pid);
    number(out, value);
}

static void write_counter(struct strbuf *out, const struct stages *s, const struct stats_value *of)
{
    char name[STATS_NAME], have[STATS_NAME], full[STATS_NAME + 8];
    counter_name(name, sizeof name, of->name);
    snprintf(full, sizeof full, "stage_%s", name);
    head(out, full, of->kind == STATS_COUNTER ? "counter" : "gauge", of->unit);
    for (int i = 0; i < s->n; i++)
        for (int k = 0; k < s->v[i].now.n; k++) {
            counter_name(have, sizeof have, s->v[i].now.v[k].name);
            if (strcmp(name, have) == 0) {
                of_stage(out, name, &s->v[i], s->v[i].now.v[k].value);
                break;
            }
        }
}

void prometheus_write(struct strbuf *out, struct run *const *runs, size_t n_runs, const struct stages *stages)
{
    write_runs(out, runs, n_runs);
    head(out, "stage_up", "gauge", "1 while the stage's process lives.");
    for (int i = 0; i < stages->n; i++)
        of_stage(out, "up", &stages->v[i], stages->v[i].now.alive && !stages->v[i].died);
    for (int i = 0; i < stages->n; i++)
        for (int k = 0; k < stages->v[i].now.n; k++)
            if (is_first(stages, i, k))
                write_counter(out, stages, &stages->v[i].now.v[k]);
}

static enum MHD_Result reply(struct MHD_Connection *c, unsigned code, const char *type, struct strbuf *text)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(text->len, text->s, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(r, "Content-Type", type);
    enum MHD_Result result = MHD_queue_response(c, code, r);
    MHD_destroy_response(r);
    strbuf_free(text);
    return result;
}

static void completed(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how)
{
    (void)arg, (void)state, (void)how;
    patience_request(c);
}

static enum MHD_Result request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
                               const char *version, const char *body, size_t *body_len, void **state)
{
    (void)version, (void)body, (void)body_len, (void)state;
    struct prometheus *p = arg;
    struct strbuf text = {0};
    patience_reply(c);
    if (strcmp(method, "GET") != 0 || strcmp(url, "/metrics") != 0) {
        strbuf_addf(&text, "GET /metrics\n");
        return reply(c, MHD_HTTP_NOT_FOUND, "text/plain", &text);
    }
    for (size_t i = 0; i < p->n_runs; i++)
        run_poll(p->runs[i]);
    stages_poll(&p->stages);
    prometheus_write(&text, p->runs, p->n_runs, &p->stages);
    return reply(c, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &text);
}

struct prometheus *prometheus_open(const char *where, struct run *const *runs, size_t n_runs)
{
    struct prometheus *p = xcalloc(1, sizeof *p);
    struct address a;
    char err[512], shown[160];
    p->runs = runs;
    p->n_runs = n_runs;
    if (address_parse(&a, where, err, sizeof err) != 0)
        usage_error("--metrics-port: %s", err);
    int fd = address_listen(&a, shown, sizeof shown, err, sizeof err);
    if (fd < 0)
        die("--metrics-port %s: %s", where, err);
    sigset_t all, before; /* the server's thread inherits the mask: only the main thread gets signals */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    p->patience = patience_new(IDLE_S, IDLE_S);
    p->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL, request, p,
                                 MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                                 (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
                                 MHD_OPTION_NOTIFY_CONNECTION, patience_notify, p->patience,
                                 MHD_OPTION_NOTIFY_COMPLETED, completed, p, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!p->daemon)
        die("cannot start the HTTP server");
    say("metrics for Prometheus at http://%s/metrics", shown);
    return p;
}

void prometheus_close(struct prometheus *p)
{
    if (p) {
        MHD_stop_daemon(p->daemon);
        patience_free(p->patience);
    }
    free(p);
}
