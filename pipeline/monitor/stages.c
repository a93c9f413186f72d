#include "pipeline/monitor/stages.h"

#include "pipeline/lib/log.h"

#include <math.h>
#include <string.h>

#define SMOOTH                                                                                               \
    0.5 /* weight of the newest difference in a rate: a guess that looks calm at two looks a second */

static struct stage *stage_of(struct stages *s, const char *file)
{
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->v[i].file, file) == 0)
            return &s->v[i];
    if (s->n == STAGES_MAX)
        return NULL;
    struct stage *g = &s->v[s->n++];
    *g = (struct stage){0};
    strcpy(g->file, file);
    for (int i = 0; i < STATS_MAX; i++)
        g->rate[i] = NAN;
    return g;
}

static void update_rates(struct stage *g, const struct stats_snapshot *new, double now)
{
    double seconds = now - g->seen;
    for (int i = 0; i < new->n; i++) {
        bool same = i < g->now.n && strcmp(new->v[i].name, g->now.v[i].name) == 0;
        if (!same || new->v[i].kind != STATS_COUNTER || !(seconds > 0) || g->seen == 0)
            continue;
        double rate = (new->v[i].value - g->now.v[i].value) / seconds;
        g->rate[i] = isfinite(g->rate[i]) ? (1 - SMOOTH) * g->rate[i] + SMOOTH * rate : rate;
    }
}

void stages_poll(struct stages *s)
{
    char names[STAGES_MAX][STATS_FILE];
    struct stats_snapshot new;
    int kept = 0, n = stats_list(names, STAGES_MAX);
    for (int i = 0; i < s->n; i++)
        s->v[i].found = false;
    for (int i = 0; i < n; i++) {
        struct stage *g = stats_look(names[i], &new) == 0 ? stage_of(s, names[i]) : NULL;
        if (!g)
            continue;
        double now = now_seconds();
        update_rates(g, &new, now);
        g->now = new;
        g->seen = now;
        g->died = !new.alive;
        g->found = true;
    }
    for (int i = 0; i < s->n; i++)
        if (s->v[i].found)
            s->v[kept++] = s->v[i];
    s->n = kept;
}

double stage_value(const struct stage *s, const char *counter, double *rate)
{
    for (int i = 0; i < s->now.n; i++)
        if (strcmp(s->now.v[i].name, counter) == 0) {
            if (rate)
                *rate = s->rate[i];
            return s->now.v[i].value;
        }
    if (rate)
        *rate = NAN;
    return NAN;
}

json_t *stages_to_json(const struct stages *s)
{
    json_t *list = json_array();
    for (int i = 0; i < s->n; i++) {
        const struct stats_snapshot *p = &s->v[i].now;
        json_t *counters = json_object();
        for (int k = 0; k < p->n; k++)
            json_object_set_new(counters, p->v[k].name,
                                json_pack("{s:f, s:s}", "value", p->v[k].value, "unit", p->v[k].unit));
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:i, s:b, s:o}", "stage", p->stage, "label", p->label,
                                        "pid", p->pid, "alive", (int)p->alive, "counters", counters));
    }
    return list;
}
