#include "pipeline/alerts/watch.h"

#include "formats/json_get.h"
#include "pipeline/alerts/alertlog.h"
#include "pipeline/alerts/deliver.h"
#include "pipeline/alerts/machine.h"
#include "pipeline/alerts/peers.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

struct watch {
    struct watch_settings s;
    char *run; /* whole path, for the lines; owned */
    struct tail metrics;
    bool judges; /* it holds the lock */
    struct rules rules;
    struct alertlog log;
    struct deliver *deliver;
    struct peers peers;
    bool cannot_write;
};

/* ---- alerts that were raised ---- */

static void raise_alert(void *arg, const struct alert *a)
{
    struct watch *w = arg;
    if (alertlog_add(&w->log, a, w->run) == 0 || w->cannot_write)
        return;
    w->cannot_write = true;
    warn("%s: cannot be written: %s; alerts are told, and not kept", w->log.path, strerror(errno));
}

static void tell(void *arg, const char *line, size_t len)
{
    struct watch *w = arg;
    deliver_push(w->deliver, line, len);
    if (w->s.tell)
        w->s.tell(w->s.arg, line, len);
}

/* ---- metrics.jsonl ---- */

static void take_line(void *arg, const char *line, size_t len, bool newest)
{
    struct watch *w = arg;
    json_error_t e;
    json_t *o = json_loadb(line, len, 0, &e);
    const char *type = json_get_text(o, "type"), *event = json_get_text(o, "event");
    (void)newest;
    if (strcmp(type, "step") == 0)
        rules_step(&w->rules,
                   &(struct rules_step){.step = json_get_number(o, "step"),
                                        .loss = json_get_number(o, "loss"),
                                        .grad_norm = json_get_number(o, "grad_norm"),
                                        .tokens_per_s = json_get_number(o, "tokens_per_s"),
                                        .seconds = json_get_number(o, "seconds"),
                                        .gpu_memory = json_get_number(o, "gpu_memory_bytes"),
                                        .gpu_memory_total = json_get_number(o, "gpu_memory_total_bytes")});
    else if (strcmp(type, "val") == 0)
        rules_validation(&w->rules, json_get_number(o, "step"), json_get_text(o, "name"),
                         json_get_number(o, "bits_per_byte"));
    else if (strcmp(type, "event") == 0 && (strcmp(event, "grow") == 0 || strcmp(event, "resume") == 0))
        rules_new_level(&w->rules);
    json_decref(o);
}

static void begin(void *arg)
{
    struct watch *w = arg;
    rules_begin(&w->rules, raise_alert, w);
}

/* ---- what surrounds the run ---- */

static void judge_surroundings(struct watch *w, double now)
{
    double idle = 0;
    for (const struct peer *p; (p = peers_next_dead(&w->peers)) != NULL;)
        rules_dead(&w->rules, p->stage, p->pid);
    const struct peer *p = peers_idle(&w->peers, now, &idle);
    if (!p)
        return; /* nobody trains: memory and disk are nobody's trouble */
    rules_idle(&w->rules, p->stage, p->pid, idle);
    char *latest = path_join(w->s.run, "latest");
    rules_memory(&w->rules, machine_memory_share());
    rules_disk(&w->rules, now, machine_disk_free(w->s.run), machine_tree_bytes(latest));
    free(latest);
}

struct watch *watch_open(const struct watch_settings *s, char *err, size_t cap)
{
    struct watch *w = xcalloc(1, sizeof *w);
    char *path = path_join(s->run, "metrics.jsonl"), *real = realpath(s->run, NULL), why[128];
    w->s = *s;
    w->metrics.fd = w->log.file.fd = -1;
    if (tail_open(&w->metrics, path) != 0)
        snprintf(err, cap, "%s: %s", path, strerror(errno));
    else if (!(w->deliver = deliver_open(s->on_alert, s->alert_url, why, sizeof why)))
        snprintf(err, cap, "%s", why);
    else {
        w->run = xstrdup(real ? real : s->run);
        alertlog_open(&w->log, s->run);
        w->log.fresh = tell;
        w->log.arg = w;
        begin(w);
    }
    free(path);
    free(real);
    if (w->run)
        return w;
    watch_close(w, 0);
    return NULL;
}

void watch_trainer(struct watch *w, pid_t pid)
{
    w->peers.trainer = pid;
}

void watch_poll(struct watch *w)
{
    double now = now_seconds();
    peers_look(&w->peers, now); /* in time to know them, should it judge later */
    if (!w->judges)
        w->judges = flock(w->metrics.fd, LOCK_EX | LOCK_NB) == 0;
    if (w->judges) {
        tail_poll(&w->metrics, take_line, begin, w);
        judge_surroundings(w, now);
    }
    alertlog_poll(&w->log);
    deliver_step(w->deliver);
}

void watch_close(struct watch *w, double seconds)
{
    if (!w)
        return;
    deliver_close(w->deliver, seconds);
    alertlog_close(&w->log);
    tail_close(&w->metrics);
    free(w->run);
    free(w);
}
