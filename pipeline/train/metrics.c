#include "pipeline/train/metrics.h"

#include "formats/json_text.h"

#include <math.h>
#include <string.h>

#define U(x) ((unsigned long long)(x))

static void string(struct logfile *l, const char *key, const char *s)
{
    uint64_t replaced = 0;
    fprintf(l->f, ",\"%s\":", key);
    json_text_write(l->f, s, strlen(s), &replaced);
}

static void sensors(struct logfile *l, const struct sensors *s)
{
    fprintf(l->f, ",\"gpu_memory_bytes\":%llu,\"gpu_memory_total_bytes\":%llu", U(s->memory_used),
            U(s->memory_total));
    logfile_number(l, "gpu_utilization", s->utilization < 0 ? NAN : (double)s->utilization);
    logfile_number(l, "gpu_celsius", s->celsius < 0 ? NAN : (double)s->celsius);
    logfile_number(l, "gpu_watts", s->watts < 0 ? NAN : (double)s->watts);
}

void metrics_step(struct logfile *l, const struct step_report *r)
{
    fprintf(l->f, "{\"type\":\"step\",\"step\":%llu", U(r->step));
    logfile_number(l, "loss", r->loss);
    logfile_number(l, "grad_norm", r->grad_norm);
    logfile_number(l, "lr", r->lr);
    fprintf(l->f, ",\"tokens\":%llu", U(r->tokens));
    logfile_number(l, "tokens_per_s", r->seconds > 0 ? (double)r->step_tokens / r->seconds : NAN);
    logfile_number(l, "seconds", r->seconds);
    logfile_number(l, "stall_s", r->stall);
    fprintf(l->f, ",\"updates\":%llu", U(r->updates));
    logfile_number(l, "trained_s", r->trained);
    logfile_number(l, "cpu_s", r->cpu);
    fprintf(l->f, ",\"source_loss\":[");
    for (uint32_t i = 0; i < r->n_sources; i++) {
        if (isfinite(r->source_loss[i]))
            fprintf(l->f, "%s%.6g", i ? "," : "", r->source_loss[i]);
        else
            fprintf(l->f, "%snull", i ? "," : "");
    }
    fputc(']', l->f);
    if (r->gpu)
        sensors(l, r->gpu);
    if (!r->learnt)
        fprintf(l->f, ",\"skipped\":true");
    fputc('}', l->f);
    logfile_end_line(l);
}

void metrics_verdict(struct logfile *l, const struct step_report *r, const struct batch_row *rows,
                     const double *row_loss, uint32_t B)
{
    fprintf(l->f, "{\"type\":\"event\",\"step\":%llu,\"event\":\"%s\"", U(r->step), verdict_name(r->verdict));
    logfile_number(l, "loss", r->loss);
    logfile_number(l, "grad_norm", r->grad_norm);
    fprintf(l->f, ",\"skipped\":%s,\"rows\":[", r->learnt ? "false" : "true");
    for (uint32_t i = 0; i < B; i++) {
        fprintf(l->f, "%s{\"row\":%u,\"source\":%u,\"offset\":%llu,\"epoch\":%u", i ? "," : "", i,
                rows[i].source, U(rows[i].offset), rows[i].epoch);
        logfile_number(l, "loss", row_loss[i]);
        fputc('}', l->f);
    }
    fprintf(l->f, "]}");
    logfile_end_line(l);
}

void metrics_val(struct logfile *l, uint64_t step, const struct stopwatch *clock, const struct val_source *s)
{
    fprintf(l->f, "{\"type\":\"val\",\"step\":%llu", U(step));
    string(l, "name", s->name);
    logfile_number(l, "loss", s->loss);
    logfile_number(l, "bits_per_byte", s->bits_per_byte);
    if (isfinite(s->finished_loss)) {
        logfile_number(l, "finished_loss", s->finished_loss);
        logfile_number(l, "finished_bits_per_byte", s->finished_bits);
    }
    logfile_number(l, "trained_s", clock->wall);
    logfile_number(l, "cpu_s", clock->cpu);
    fprintf(l->f, ",\"tokens\":%llu}", U(s->tokens));
    logfile_end_line(l);
}

void metrics_finish(struct logfile *l, uint64_t step, double change, double se, bool better)
{
    fprintf(l->f, "{\"type\":\"finish\",\"step\":%llu", U(step));
    logfile_number(l, "change", change);
    logfile_number(l, "se", se);
    fprintf(l->f, ",\"finished\":%s}", better ? "true" : "false");
    logfile_end_line(l);
}

void metrics_forecast(struct logfile *l, uint64_t step, const struct forecast *end,
                      const struct forecast *half, const struct forecast *twice, double seconds_left)
{
    fprintf(l->f, "{\"type\":\"forecast\",\"step\":%llu", U(step));
    logfile_number(l, "loss", end->loss);
    logfile_number(l, "low", end->low);
    logfile_number(l, "high", end->high);
    logfile_number(l, "half_the_steps", half->loss);
    logfile_number(l, "twice_the_steps", twice->loss);
    logfile_number(l, "seconds_left", seconds_left);
    fputc('}', l->f);
    logfile_end_line(l);
}

void metrics_event(struct logfile *l, uint64_t step, const char *what, const char *detail)
{
    fprintf(l->f, "{\"type\":\"event\",\"step\":%llu", U(step));
    string(l, "event", what);
    if (detail)
        string(l, "detail", detail);
    fputc('}', l->f);
    logfile_end_line(l);
}
