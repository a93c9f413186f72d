#include "pipeline/monitor/run.h"

#include "formats/json_get.h"
#include "pipeline/lib/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { MAX_CONFIG = 1 << 20 };

static double or_zero(double x)
{
    return isfinite(x) ? x : 0;
}

/* ---- lines of metrics.jsonl ---- */

static void keep_point(struct run *r, const struct run_point *p)
{
    r->last = *p;
    if (r->n_steps++ % r->stride != 0)
        return;
    if (r->n_points == RUN_POINTS) { /* every second point is removed to make room */
        for (size_t i = 0; i < RUN_POINTS / 2; i++)
            r->points[i] = r->points[2 * i];
        r->n_points = RUN_POINTS / 2;
        r->stride *= 2;
        if ((r->n_steps - 1) % r->stride != 0)
            return;
    }
    r->points[r->n_points++] = *p;
}

static void take_step(struct run *r, const json_t *o)
{
    struct run_point p = {.step = json_get_number(o, "step"),
                          .loss = json_get_number(o, "loss"),
                          .grad_norm = json_get_number(o, "grad_norm"),
                          .lr = json_get_number(o, "lr"),
                          .tokens = json_get_number(o, "tokens"),
                          .tokens_per_s = json_get_number(o, "tokens_per_s"),
                          .trained = json_get_number(o, "trained_s"),
                          .stall = json_get_number(o, "stall_s")};
    keep_point(r, &p);
    if (json_object_get(o, "gpu_memory_bytes")) {
        r->gpu_utilization = json_get_number(o, "gpu_utilization");
        r->gpu_memory = json_get_number(o, "gpu_memory_bytes");
        r->gpu_celsius = json_get_number(o, "gpu_celsius");
        r->gpu_watts = json_get_number(o, "gpu_watts");
    }
}

static struct run_series *series_named(struct run *r, const char *name)
{
    for (size_t i = 0; i < r->n_val; i++)
        if (strncmp(r->val[i].name, name, RUN_NAME - 1) == 0)
            return &r->val[i];
    if (r->n_val == RUN_SOURCES)
        return NULL;
    struct run_series *s = &r->val[r->n_val++];
    snprintf(s->name, sizeof s->name, "%s", name);
    return s;
}

static void take_validation(struct run *r, const json_t *o)
{
    struct run_series *s = series_named(r, json_get_text(o, "name"));
    if (!s)
        return;
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 64;
        s->step = xrealloc(s->step, s->cap * sizeof *s->step);
        s->loss = xrealloc(s->loss, s->cap * sizeof *s->loss);
        s->bits = xrealloc(s->bits, s->cap * sizeof *s->bits);
        s->finished = xrealloc(s->finished, s->cap * sizeof *s->finished);
    }
    s->step[s->n] = json_get_number(o, "step");
    s->loss[s->n] = json_get_number(o, "loss");
    s->finished[s->n] = json_get_number(o, "finished_loss");
    s->bits[s->n++] = json_get_number(o, "bits_per_byte");
}

/* Keeps the members of the event except its lists, as they stand in the line. */
static void take_event(struct run *r, const json_t *o)
{
    static const char *const bad[] = {"nan_loss", "nan_gradient", "spike", "rollback", "reject"};
    struct run_event *e = &r->events[r->n_events++ % RUN_EVENTS];
    const char *what = json_get_text(o, "event"), *key;
    json_t *v;
    *e = (struct run_event){.step = json_get_number(o, "step")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        e->bad = e->bad || strcmp(bad[i], what) == 0;
    size_t n = (size_t)snprintf(e->text, sizeof e->text, "%s", what);
    json_object_foreach((json_t *)o, key, v)
    {
        if (n >= sizeof e->text || strcmp(key, "type") == 0 || strcmp(key, "step") == 0 ||
            strcmp(key, "event") == 0)
            continue;
        if (json_is_string(v))
            n += (size_t)snprintf(e->text + n, sizeof e->text - n, "  %s %s", key, json_string_value(v));
        else if (json_is_number(v))
            n += (size_t)snprintf(e->text + n, sizeof e->text - n, "  %s %.4g", key, json_number_value(v));
    }
}

static void take_sample(struct run *r, const json_t *o)
{
    struct run_sample *s = &r->samples[r->n_samples++ % RUN_SAMPLES];
    free(s->prompt);
    free(s->text);
    *s = (struct run_sample){json_get_number(o, "step"), xstrdup(json_get_text(o, "prompt")),
                             xstrdup(json_get_text(o, "text"))};
}

static void take_forecast(struct run *r, const json_t *o)
{
    r->forecast[r->n_forecasts++ % RUN_FORECASTS] = (struct run_forecast){
        json_get_number(o, "step"), json_get_number(o, "loss"), json_get_number(o, "low"),
        json_get_number(o, "high"), json_get_number(o, "twice_the_steps")};
}

static void take_mix(struct run *r, const json_t *o)
{
    const json_t *rows = json_object_get(o, "rows"), *epochs = json_object_get(o, "epochs");
    for (size_t i = 0; i < json_array_size(rows) && i < RUN_SOURCES; i++) {
        r->mix[i].rows += json_number_value(json_array_get(rows, i));
        r->mix[i].epochs = fmax(r->mix[i].epochs, json_number_value(json_array_get(epochs, i)));
        r->n_mix = i + 1 > r->n_mix ? i + 1 : r->n_mix;
    }
}

/* Most lines are steps, and most steps of a long run are not kept: those are not parsed. */
static bool is_thinned(struct run *r, const char *line, size_t len)
{
    static const char step[] = "{\"type\":\"step\"";
    if (len < sizeof step - 1 || memcmp(line, step, sizeof step - 1) != 0 || r->n_steps % r->stride == 0)
        return false;
    return true;
}

static void take_line(void *arg, const char *line, size_t len, bool newest)
{
    struct run *r = arg;
    json_error_t e;
    if (len == 0)
        return;
    if (!newest && is_thinned(r, line, len)) {
        r->n_steps++;
        return;
    }
    json_t *o = json_loadb(line, len, 0, &e);
    const char *type = json_get_text(o, "type");
    if (strcmp(type, "step") == 0)
        take_step(r, o);
    else if (strcmp(type, "val") == 0)
        take_validation(r, o);
    else if (strcmp(type, "sample") == 0)
        take_sample(r, o);
    else if (strcmp(type, "forecast") == 0)
        take_forecast(r, o);
    else if (strcmp(type, "mix") == 0)
        take_mix(r, o);
    else if (strcmp(type, "finish") == 0) {
        r->finish_change = json_get_number(o, "change");
        r->finish_se = json_get_number(o, "se");
    } else if (strcmp(type, "event") == 0 || strcmp(type, "engine") == 0)
        take_event(r, o);
    else
        r->bad_lines += !json_is_object(o);
    json_decref(o);
}

/* Forgets everything that was read, since a resumed run has shortened its log. */
static void start_over(void *arg)
{
    struct run *r = arg;
    r->n_points = 0;
    r->n_steps = 0;
    r->stride = 1;
    r->n_events = 0;
    r->n_samples = 0;
    r->n_forecasts = 0;
    r->finish_change = r->finish_se = NAN;
    r->n_mix = 0;
    memset(r->mix, 0, sizeof r->mix);
    for (size_t i = 0; i < r->n_val; i++)
        r->val[i].n = 0;
    r->last = (struct run_point){.loss = NAN, .grad_norm = NAN, .lr = NAN, .tokens_per_s = NAN, .stall = NAN};
}

/* ---- the directory ---- */

/* Whether some process holds the run's lock, as the kernel lists it. Trying to take the lock could disturb a
 * `train` that is about to start. */
bool run_is_live(const char *path)
{
    struct stat st;
    char line[256], want[64];
    bool found = false;
    char *lock = path_join(path, ".lock");
    FILE *f = stat(lock, &st) == 0 ? fopen("/proc/locks", "re") : NULL;
    free(lock);
    if (!f)
        return false;
    snprintf(want, sizeof want, ":%" PRIu64 " ", (uint64_t)st.st_ino);
    while (!found && fgets(line, sizeof line, f))
        found = strstr(line, "FLOCK") && strstr(line, want);
    fclose(f);
    return found;
}

/* Reads config.json into r->settings, with the errno of a failure in r->config_error. */
static void load_config(struct run *r, const char *path)
{
    struct stat st;
    size_t n = 0;
    char *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of that name must not hold us */
    json_decref(r->settings);
    r->settings = NULL;
    r->config_error = (fd < 0 && errno != ENOENT) || (fd >= 0 && fstat(fd, &st) != 0) ? errno : 0;
    if (fd >= 0 && !r->config_error && S_ISREG(st.st_mode) && st.st_size < MAX_CONFIG)
        text = xmalloc((size_t)st.st_size + 1);
    for (ssize_t k = 1; text && k != 0 && !r->config_error && n < (size_t)st.st_size;) {
        k = pread(fd, text + n, (size_t)st.st_size - n, (off_t)n);
        if (k < 0 && errno != EINTR)
            r->config_error = errno;
        n += k > 0 ? (size_t)k : 0;
    }
    json_t *o = text && !r->config_error ? json_loadb(text, n, 0, NULL) : NULL;
    if (json_is_object(o))
        r->settings = json_incref(o);
    json_decref(o);
    free(text);
    if (fd >= 0)
        close(fd);
}

int run_error(const struct run *r)
{
    return r->config_error ? r->config_error : r->file.error ? r->file.error : r->alerts.file.error;
}

/* Reads it when it is another file than before, or has changed. */
static void read_config(struct run *r)
{
    struct stat st;
    char *path = path_join(r->path, "config.json");
    bool there = stat(path, &st) == 0;
    if (there && !r->config_error && st.st_ino == r->config.st_ino && st.st_size == r->config.st_size &&
        st.st_mtim.tv_sec == r->config.st_mtim.tv_sec && st.st_mtim.tv_nsec == r->config.st_mtim.tv_nsec) {
        free(path);
        return;
    }
    if (there)
        r->config = st;
    load_config(r, path);
    free(path);
    const json_t *o = r->settings;
    r->steps = or_zero(json_get_number(o, "steps"));
    r->rows = or_zero(json_get_number(o, "rows"));
    r->row_tokens = or_zero(json_get_number(o, "row_tokens"));
    r->flops_per_token = or_zero(json_get_number(o, "flops_per_token"));
    snprintf(r->model, sizeof r->model, "%s, %.1fM weights", json_get_text(o, "model"),
             or_zero(json_get_number(o, "parameters")) / 1e6);
    snprintf(r->schedule, sizeof r->schedule, "%s", json_get_text(o, "schedule"));
    r->warmup = or_zero(json_get_number(o, "warmup"));
    r->decay = or_zero(json_get_number(o, "decay"));
    const json_t *depths = json_object_get(o, "depths");
    r->n_depths = json_array_size(depths) < RUN_SOURCES ? json_array_size(depths) : RUN_SOURCES;
    for (size_t i = 0; i < r->n_depths; i++) {
        const json_t *d = json_array_get(depths, i);
        r->depth[i] =
            (struct run_depth){or_zero(json_get_number(d, "step")), or_zero(json_get_number(d, "layers"))};
    }
    snprintf(r->backend, sizeof r->backend, "%s", json_get_text(o, "backend"));
}

/* Returns the directory with metrics.jsonl: path itself, or one above it (when a checkpoint or `latest` was
 * named). */
static char *find_directory(const char *path)
{
    static const char *const up[] = {"", "/..", "/../.."};
    for (size_t i = 0; i < sizeof up / sizeof *up; i++) {
        char *dir = xasprintf("%s%s", path, up[i]), *file = path_join(dir, "metrics.jsonl");
        bool found = path_exists(file);
        free(file);
        if (found)
            return dir;
        free(dir);
    }
    return NULL;
}

struct run *run_open(const char *path, char *err, size_t cap)
{
    char *dir = find_directory(path);
    if (!dir) {
        snprintf(err, cap, "%s: no run there: it has no metrics.jsonl", path);
        errno = ENOENT;
        return NULL;
    }
    struct run *r = xcalloc(1, sizeof *r);
    char *file = path_join(dir, "metrics.jsonl"), *real = realpath(dir, NULL);
    r->path = dir;
    r->file.fd = -1;
    r->name = xstrdup(real ? strrchr(real, '/') + 1 : dir);
    r->alerts.file.fd = -1;
    r->gpu_utilization = r->gpu_memory = r->gpu_celsius = r->gpu_watts = NAN;
    start_over(r);
    if (!real || tail_open(&r->file, file) != 0) {
        snprintf(err, cap, "%s: %s", file, strerror(errno));
        run_close(r);
        r = NULL;
    }
    free(file);
    free(real);
    if (r) {
        alertlog_open(&r->alerts, dir);
        run_poll(r);
    }
    return r;
}

void run_poll(struct run *r)
{
    r->live = run_is_live(r->path);
    read_config(r);
    tail_poll(&r->file, take_line, start_over, r);
    alertlog_poll(&r->alerts);
}

void run_show(struct run *r, double share)
{
    struct stat st;
    if (fstat(r->file.fd, &st) == 0)
        r->file.limit = (uint64_t)(share * (double)st.st_size);
}

void run_close(struct run *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < RUN_SOURCES; i++) {
        free(r->val[i].step);
        free(r->val[i].loss);
        free(r->val[i].bits);
        free(r->val[i].finished);
    }
    for (size_t i = 0; i < RUN_SAMPLES; i++) {
        free(r->samples[i].prompt);
        free(r->samples[i].text);
    }
    tail_close(&r->file);
    alertlog_close(&r->alerts);
    json_decref(r->settings);
    free(r->path);
    free(r->name);
    free(r);
}

double run_seconds_left(const struct run *r)
{
    double done = r->last.step - r->points[0].step, time = r->last.trained - r->points[0].trained;
    if (!r->live || r->n_points < 2 || !(done > 0) || !(r->steps >= r->last.step))
        return NAN;
    return time / done * (r->steps - r->last.step);
}

const char *run_phase(const struct run *r, double step)
{
    double share = r->steps > 0 ? step / r->steps : NAN;
    if (!r->schedule[0] || isnan(share))
        return "";
    if (share < r->warmup)
        return "warm-up";
    if (strcmp(r->schedule, "cosine") == 0)
        return "cosine";
    return strcmp(r->schedule, "wsd") == 0 && share >= 1 - r->decay ? "decay" : "constant";
}
