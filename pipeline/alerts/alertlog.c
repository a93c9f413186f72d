#include "pipeline/alerts/alertlog.h"

#include "formats/json_get.h"
#include "formats/json_text.h"
#include "pipeline/lib/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

static uint64_t hash(const char *id)
{
    return XXH3_64bits(id, strlen(id));
}

static bool is_known(const struct alertlog *l, const char *id)
{
    uint64_t h = hash(id), n = l->n_known < ALERTLOG_KNOWN ? l->n_known : ALERTLOG_KNOWN;
    for (uint64_t i = 0; i < n; i++)
        if (l->known[i] == h)
            return true;
    return false;
}

static enum severity parse_severity(const char *word)
{
    enum severity s = ALERT_CRITICAL;
    while (s > ALERT_INFO && strcmp(word, severity_name(s)) != 0)
        s--;
    return s;
}

static uint64_t first_kept(const struct alertlog *l)
{
    return l->n < ALERTLOG_KEPT ? 0 : l->n - ALERTLOG_KEPT;
}

static void take_alert(struct alertlog *l, const json_t *o, const char *line, size_t len)
{
    const char *id = json_get_text(o, "id");
    if (is_known(l, id))
        return;
    struct alertlog_entry *e = &l->v[l->n++ % ALERTLOG_KEPT];
    *e = (struct alertlog_entry){.step = json_number_value(json_object_get(o, "step")),
                                 .severity = parse_severity(json_get_text(o, "severity"))};
    snprintf(e->id, sizeof e->id, "%s", id);
    snprintf(e->text, sizeof e->text, "%s", json_get_text(o, "text"));
    l->known[l->n_known++ % ALERTLOG_KNOWN] = hash(id);
    if (l->fresh)
        l->fresh(l->arg, line, len);
}

static void take_line(void *arg, const char *line, size_t len, bool newest)
{
    struct alertlog *l = arg;
    json_error_t err;
    json_t *o = json_loadb(line, len, 0, &err);
    const char *type = json_get_text(o, "type");
    (void)newest;
    if (strcmp(type, "alert") == 0)
        take_alert(l, o, line, len);
    else if (strcmp(type, "ack") == 0)
        for (uint64_t i = first_kept(l); i < l->n; i++)
            if (strcmp(l->v[i % ALERTLOG_KEPT].id, json_get_text(o, "id")) == 0)
                l->v[i % ALERTLOG_KEPT].seen = true;
    json_decref(o);
}

static void forget(void *arg)
{
    struct alertlog *l = arg;
    l->n = l->n_known = 0;
}

void alertlog_open(struct alertlog *l, const char *run)
{
    *l = (struct alertlog){.path = path_join(run, "alerts.jsonl"), .file.fd = -1};
    alertlog_poll(l);
}

void alertlog_poll(struct alertlog *l)
{
    if (l->file.fd < 0 && tail_open(&l->file, l->path) != 0)
        return;
    tail_poll(&l->file, take_line, forget, l);
}

void alertlog_close(struct alertlog *l)
{
    if (l->file.fd >= 0)
        tail_close(&l->file);
    free(l->path);
    *l = (struct alertlog){.file.fd = -1};
}

/* Appends a line with one write, after the '\n' that a line cut by a crash lacks. */
static int append(const char *path, const char *line, size_t len)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (fd < 0)
        return -1;
    char last = '\n';
    off_t end = lseek(fd, 0, SEEK_END);
    bool cut = end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
    ssize_t n = cut ? write(fd, "\n", 1) : 1;
    n = n == 1 ? write(fd, line, len) : -1;
    int saved = n < 0 ? errno : ENOSPC;
    close(fd);
    errno = saved;
    return n == (ssize_t)len ? 0 : -1;
}

static void add_time(FILE *f)
{
    char text[32];
    time_t now = time(NULL);
    struct tm t;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &t));
    fprintf(f, ",\"time\":\"%s\"", text);
}

static void add_string(FILE *f, const char *key, const char *s)
{
    uint64_t replaced = 0;
    fprintf(f, ",\"%s\":", key);
    json_text_write(f, s, strlen(s), &replaced);
}

int alertlog_add(struct alertlog *l, const struct alert *a, const char *run)
{
    const struct alert_rule *rule = &alert_rules[a->rule];
    char id[ALERTLOG_ID], *line = NULL;
    size_t len;
    snprintf(id, sizeof id, "%s%s%s@%.0f", rule->name, a->subject[0] ? ":" : "", a->subject, a->step);
    alertlog_poll(l);
    if (is_known(l, id))
        return 0;
    FILE *f = open_memstream(&line, &len);
    if (!f)
        return -1;
    fputs("{\"type\":\"alert\"", f);
    add_string(f, "id", id);
    add_time(f);
    fprintf(f, ",\"severity\":\"%s\",\"rule\":\"%s\"", severity_name(rule->severity), rule->name);
    add_string(f, "subject", a->subject);
    fprintf(f, ",\"step\":%.0f", a->step);
    add_string(f, "text", a->text);
    add_string(f, "run", run);
    fputs("}\n", f);
    bool made = fclose(f) == 0, added = made && append(l->path, line, len) == 0;
    int saved = errno;
    alertlog_poll(l);
    if (made && !added)
        take_line(l, line, len - 1, true);
    free(line);
    errno = saved;
    return added ? 0 : -1;
}

int alertlog_acknowledge(struct alertlog *l)
{
    int n = 0;
    alertlog_poll(l);
    for (uint64_t i = first_kept(l); i < l->n; i++) {
        const struct alertlog_entry *e = &l->v[i % ALERTLOG_KEPT];
        char *line = NULL;
        size_t len;
        FILE *f = e->seen ? NULL : open_memstream(&line, &len);
        if (!f)
            continue;
        fputs("{\"type\":\"ack\"", f);
        add_string(f, "id", e->id);
        add_time(f);
        fputs("}\n", f);
        int rc = fclose(f) == 0 ? append(l->path, line, len) : -1;
        free(line);
        if (rc != 0)
            return -1;
        n++;
    }
    alertlog_poll(l);
    return n;
}

unsigned alertlog_unseen(const struct alertlog *l, enum severity least)
{
    unsigned n = 0;
    for (uint64_t i = first_kept(l); i < l->n; i++)
        n += !l->v[i % ALERTLOG_KEPT].seen && l->v[i % ALERTLOG_KEPT].severity >= least;
    return n;
}
