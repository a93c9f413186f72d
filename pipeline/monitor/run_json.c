/*
 * run_json.c - a run's state for other programs
 */
#include "pipeline/monitor/run.h"

#include "formats/json_get.h"

#include <math.h>

/* A name from a file may hold bytes that are not UTF-8, which JSON cannot represent. */
static json_t *text(const char *s)
{
    json_t *v = json_string(s);
    return v ? v : json_string("?");
}

json_t *run_to_json(const struct run *r)
{
    json_t *val = json_object(), *last = json_null();
    for (size_t i = 0; i < r->n_val; i++)
        if (r->val[i].n > 0)
            json_object_set_new(val, r->val[i].name,
                                json_pack("{s:o, s:o, s:o}", "step",
                                          json_finite(r->val[i].step[r->val[i].n - 1]), "loss",
                                          json_finite(r->val[i].loss[r->val[i].n - 1]), "bits_per_byte",
                                          json_finite(r->val[i].bits[r->val[i].n - 1])));
    if (r->n_events > 0)
        last = text(r->events[(r->n_events - 1) % RUN_EVENTS].text);
    return json_pack(
        "{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "name", text(r->name),
        "path", text(r->path), "live", (int)r->live, "step", json_finite(r->last.step), "steps",
        json_finite(r->steps), "tokens", json_finite(r->last.tokens), "loss", json_finite(r->last.loss),
        "grad_norm", json_finite(r->last.grad_norm), "lr", json_finite(r->last.lr), "tokens_per_s",
        json_finite(r->last.tokens_per_s), "seconds_left", json_finite(run_seconds_left(r)), "validation",
        val, "last_event", last, "alerts_unseen", (json_int_t)alertlog_unseen(&r->alerts, ALERT_INFO),
        "bad_lines", (json_int_t)(r->bad_lines + r->file.too_long));
}
