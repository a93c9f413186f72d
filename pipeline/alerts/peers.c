#include "pipeline/alerts/peers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PAGES = 64 };

/* Returns the processor time of a process in clock ticks; 0: it is gone. */
static double ticks_of(pid_t pid)
{
    char path[64], text[1024];
    uint64_t user, system;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = 0;
    const char *fields = strrchr(text, ')'); /* the name before it may hold anything */
    if (!fields || sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &user,
                          &system) != 2)
        return 0;
    return (double)(user + system);
}

static struct peer *peer_of(struct peers *p, const char *file, const struct stats_snapshot *s)
{
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->v[i].file, file) == 0 && p->v[i].pid == s->pid)
            return &p->v[i];
    bool ours = s->alive && p->trainer > 0 && getpgid(s->pid) == getpgid(p->trainer);
    if (!ours || p->n == PEERS_MAX)
        return NULL;
    struct peer *q = &p->v[p->n++];
    *q = (struct peer){.pid = s->pid};
    strcpy(q->file, file);
    strcpy(q->stage, s->stage);
    return q;
}

static void look_at(struct peer *q, const struct stats_snapshot *s, double now)
{
    double values = 0, ticks = ticks_of(q->pid), fill = 0, room = 0;
    for (int i = 0; i < s->n; i++) {
        bool waits = strncmp(s->v[i].name, "stall", 5) == 0;
        values += waits ? 0 : s->v[i].value;
        if (strcmp(s->v[i].name, "ring_fill") == 0)
            fill = s->v[i].value;
        else if (strcmp(s->v[i].name, "ring_capacity") == 0)
            room = s->v[i].value;
    }
    if (q->since == 0 || values != q->values || ticks > q->ticks + 1) {
        q->values = values;
        q->ticks = ticks;
        q->since = now;
    }
    q->full = room > 0 && fill > 0.5 * room; /* a ring whose next record does not fit may be half empty */
}

void peers_look(struct peers *p, double now)
{
    char names[PAGES][STATS_FILE];
    struct stats_snapshot s;
    int kept = 0, n = stats_list(names, PAGES);
    for (int i = 0; i < p->n; i++)
        p->v[i].found = false;
    for (int i = 0; i < n; i++) {
        struct peer *q = stats_look(names[i], &s) == 0 ? peer_of(p, names[i], &s) : NULL;
        if (!q)
            continue;
        q->found = true;
        if (!s.alive && !q->told)
            q->since = -1;
        else if (s.alive)
            look_at(q, &s, now);
    }
    for (int i = 0; i < p->n; i++) /* a stage that ended has removed its page */
        if (p->v[i].found)
            p->v[kept++] = p->v[i];
    p->n = kept;
}

const struct peer *peers_next_dead(struct peers *p)
{
    for (int i = 0; i < p->n; i++)
        if (p->v[i].since < 0 && !p->v[i].told) {
            p->v[i].told = true;
            return &p->v[i];
        }
    return NULL;
}

const struct peer *peers_idle(const struct peers *p, double now, double *idle)
{
    const struct peer *trainer = NULL, *worst = NULL;
    for (int i = 0; i < p->n; i++) {
        const struct peer *q = &p->v[i];
        if (q->since < 0)
            continue;
        if (q->pid == p->trainer)
            trainer = q;
        else if (!q->full && (!worst || q->since < worst->since))
            worst = q;
    }
    if (!trainer)
        return NULL;
    *idle = now - trainer->since;
    return worst && now - worst->since > *idle / 2 ? worst : trainer;
}
