#include "pipeline/fetch/download.h"

#include "formats/decompress.h"
#include "pipeline/fetch/digest.h"
#include "pipeline/fetch/explain.h"
#include "pipeline/fetch/http.h"
#include "pipeline/fetch/place.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    POLL_MS = 100,               /* how often locks of others and stop_signal are looked at */
    WRITE_BACK_BYTES = 16 << 20, /* the disk begins to write after so many */
    MAX_MISMATCHES = 1,          /* a file is downloaded once more when its hash is wrong */
};
static const uint64_t max_unknown_bytes = (uint64_t)1 << 40; /* of a file whose length nobody says */

enum state { WAITING, BUSY, RUNNING, WHOLE, FAILED };

/* One file. The thread writes; what readers see is written under the lock of struct downloads. */
struct download {
    struct downloads *all;
    const struct remote_file *file;
    struct http_request request;
    int fd, lock;          /* -1: not open */
    struct digest *digest; /* of the bytes so far, where the ETag is a SHA-256 */
    char *validator;       /* ETag that the serving host gave for these bytes; NULL: none that is strong */
    bool restart;          /* what is here is not to be continued */
    int mismatches;
    char why[200];

    enum state state; /* seen by readers */
    uint64_t available, moved;
    int64_t size;         /* as far as it is known */
    unsigned generation;  /* counts how often bytes that were given out were taken back */
    char taken_back[200]; /* and why, the last time */
    char *error;
};

struct downloads {
    const struct hub_settings *settings;
    const struct file_list *files;
    struct download *v;
    unsigned jobs, running;
    size_t first;      /* all files before it have ended */
    struct http *http; /* the thread's, but for http_wake */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    _Atomic bool stop;
    /* The reader's, which reads one file at a time. */
    int fd;
    size_t reading;
    unsigned generation;
};

static void lock(struct downloads *all)
{
    pthread_mutex_lock(&all->mutex);
}

static void unlock(struct downloads *all)
{
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->mutex);
}

/* --- the thread's side ----------------------------------------------------- */

static void release(struct download *d)
{
    if (d->fd >= 0)
        close(d->fd);
    if (d->lock >= 0)
        close(d->lock);
    d->fd = d->lock = -1;
    digest_free(d->digest);
    d->digest = NULL;
    free(d->validator);
    d->validator = NULL;
    http_done(&d->request);
}

/* Takes over why, a reason that is to be freed. */
static void end(struct download *d, char *why)
{
    struct stat st;
    release(d);
    lock(d->all);
    d->all->running -= d->state == RUNNING;
    d->state = why ? FAILED : WHOLE;
    d->error = why;
    if (!why && stat(d->file->blob, &st) == 0)
        d->available = (uint64_t)(d->size = st.st_size);
    unlock(d->all);
}

static void end_whole(struct download *d)
{
    end(d, place_link(d->file));
}

static void set_available(struct download *d, uint64_t n)
{
    lock(d->all);
    if (n < d->available) {
        d->generation++;
        snprintf(d->taken_back, sizeof d->taken_back, "%s", d->why);
    }
    d->available = n;
    unlock(d->all);
}

static void set_size(struct download *d, int64_t size)
{
    lock(d->all);
    d->size = size;
    unlock(d->all);
}

static void set_state(struct download *d, enum state state)
{
    lock(d->all);
    d->all->running += state == RUNNING;
    d->state = state;
    unlock(d->all);
}

static void start_over(struct download *d)
{
    if (d->available > 0 && ftruncate(d->fd, 0) != 0)
        detail("%s: %s", d->file->blob, strerror(errno));
    set_available(d, 0);
    if (d->digest)
        digest_reset(d->digest);
    d->restart = false;
}

static void on_begin(struct http_request *r)
{
    struct download *d = r->arg;
    if (d->restart)
        start_over(d);
    r->from = d->available;
    r->if_range = d->validator;
}

/* The ETag of this answer serves the next try, if it is a strong one. */
static void keep_validator(struct download *d, const char *etag)
{
    free(d->validator);
    d->validator = etag && etag[0] == '"' ? xstrdup(etag) : NULL;
}

static const char *refuse_length(struct download *d, int64_t length)
{
    snprintf(d->why, sizeof d->why, "its length is %" PRId64 " bytes, not %" PRId64, length, d->size);
    d->restart = true;
    return d->why;
}

static const char *on_accept(struct http_request *r)
{
    struct download *d = r->arg;
    const struct http_reply *reply = &r->reply;
    if (d->file->hashed && reply->linked_etag && !strstr(reply->linked_etag, d->file->etag)) {
        r->final = d->restart = true;
        return "it has changed on the hub since it was listed; run this again";
    }
    if (reply->status == 206 && reply->range_first != (int64_t)r->from) {
        d->restart = true;
        return "the server sends another range than was asked for";
    }
    if (reply->status != 206 && r->from > 0) {
        snprintf(d->why, sizeof d->why, "the server starts over");
        start_over(d);
    }
    int64_t length = reply->status == 206 ? reply->range_total : reply->length;
    if (d->size < 0)
        set_size(d, length);
    else if (length >= 0 && length != d->size)
        return refuse_length(d, length);
    keep_validator(d, reply->etag);
    return NULL;
}

static const char *write_part(struct download *d, const char *bytes, size_t n)
{
    uint64_t at = d->available;
    for (size_t done = 0; done < n;) {
        ssize_t k = pwrite(d->fd, bytes + done, n - done, (off_t)(at + done));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0) {
            d->request.final = true;
            snprintf(d->why, sizeof d->why, "cannot write into the cache: %s", strerror(errno));
            return d->why;
        }
        done += (size_t)k;
    }
    if (at / WRITE_BACK_BYTES != (at + n) / WRITE_BACK_BYTES)
        sync_file_range(d->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return NULL;
}

static const char *on_body(struct http_request *r, const char *bytes, size_t n)
{
    struct download *d = r->arg;
    uint64_t limit = d->size < 0 ? max_unknown_bytes : (uint64_t)d->size;
    if (n > limit - d->available) {
        d->restart = true;
        snprintf(d->why, sizeof d->why, "more comes than its %" PRIu64 " bytes", limit);
        return d->why;
    }
    const char *why = write_part(d, bytes, n);
    if (why)
        return why;
    if (d->digest)
        digest_add(d->digest, bytes, n);
    lock(d->all);
    d->available += n;
    d->moved += n;
    unlock(d->all);
    return NULL;
}

static const char *check_hash(struct download *d)
{
    char hex[DIGEST_HEX] = "";
    const char *etag = d->file->etag;
    if (!d->file->hashed)
        return NULL;
    if (d->digest)
        digest_end(d->digest, hex);
    else
        digest_git_blob(d->fd, d->available, hex);
    if (strcmp(hex, etag) == 0)
        return NULL;
    d->restart = true;
    d->request.final = d->mismatches++ >= MAX_MISMATCHES;
    snprintf(d->why, sizeof d->why, "its %s is %.12s..., not %.12s...", d->digest ? "SHA-256" : "git hash",
             hex, etag);
    return d->why;
}

static const char *on_end(struct http_request *r)
{
    struct download *d = r->arg;
    if (d->size >= 0 && d->available != (uint64_t)d->size) {
        snprintf(d->why, sizeof d->why, "it ends after %" PRIu64 " of %" PRId64 " bytes", d->available,
                 d->size);
        return d->why;
    }
    return check_hash(d);
}

/* Takes up the part that an earlier run left: its hash so far, and how it may be continued. */
static void take_up(struct download *d, uint64_t size)
{
    const struct remote_file *f = d->file;
    bool longer = f->size >= 0 && size > (uint64_t)f->size;
    if (f->hashed && strlen(f->etag) == 64)
        d->digest = digest_new(DIGEST_SHA256);
    set_available(d, size);
    /* Without a hash to judge the whole by, only the server's own validator can tie the parts together. */
    if (!f->hashed && f->etag && f->etag[0] == '"')
        d->validator = xstrdup(f->etag);
    d->restart = longer || (!f->hashed && !d->validator);
    if (size > 0 && !d->restart && d->digest && !digest_add_file(d->digest, d->fd, size))
        d->restart = true;
}

static void start_request(struct download *d, struct http *h)
{
    d->request = (struct http_request){.url = d->file->url, .arg = d, .begin = on_begin, .accept = on_accept};
    d->request.body = on_body;
    d->request.end = on_end;
    set_state(d, RUNNING);
    http_add(h, &d->request);
}

/* Everything has come already, but for the last step. False: the hash says otherwise. */
static bool is_complete(struct download *d)
{
    if (d->restart || d->size < 0 || d->available != (uint64_t)d->size || !d->file->hashed)
        return false;
    return !check_hash(d);
}

static void commit(struct download *d)
{
    char *why = place_commit(d->file, d->fd);
    if (why)
        end(d, why);
    else
        end_whole(d);
}

/* Begins with a file, unless somebody else is at it. */
static void start(struct download *d, struct http *h)
{
    uint64_t size = 0;
    if (path_exists(d->file->blob)) {
        end_whole(d);
        return;
    }
    char *why = place_lock(d->file, &d->lock);
    if (!why && d->lock < 0) {
        set_state(d, BUSY);
        return;
    }
    if (!why && path_exists(d->file->blob)) {
        end_whole(d);
        return;
    }
    if (!why)
        why = place_open(d->file, &d->fd, &size);
    if (why) {
        end(d, why);
        return;
    }
    take_up(d, size);
    if (is_complete(d)) {
        commit(d);
        return;
    }
    d->mismatches = 0; /* what an earlier run left is not the server's fault */
    start_request(d, h);
}

/* How a request ended that brought an answer, or none. */
static void finish(struct download *d)
{
    struct http_request *r = &d->request;
    if (r->failed)
        end(d, xstrdup(r->error));
    else if (r->reply.status < 200 || r->reply.status >= 300)
        end(d, explain_refusal(d->all->settings, &r->reply, d->file->page));
    else
        commit(d);
}

/* Starts files in their order, so many that `jobs` run. True: there is something left to do. */
static bool start_more(struct downloads *all, struct http *h)
{
    unsigned busy = 0;
    while (all->first < all->files->n && all->v[all->first].state >= WHOLE)
        all->first++;
    for (size_t i = all->first; i < all->files->n && all->running < all->jobs && busy < all->jobs; i++) {
        struct download *d = &all->v[i];
        if (d->state == WAITING || d->state == BUSY)
            start(d, h);
        busy += d->state == BUSY;
    }
    return all->first < all->files->n;
}

static void *run(void *arg)
{
    struct downloads *all = arg;
    struct http *h = all->http;
    while (!all->stop && !stop_signal && start_more(all, h)) {
        struct http_request *r = http_step(h, POLL_MS);
        if (r)
            finish(r->arg);
    }
    lock(all);
    unlock(all); /* wakes who waits, should it be stop_signal */
    return NULL;
}

/* --- the reader's side ----------------------------------------------------- */

struct downloads *downloads_start(const struct hub_settings *settings, const struct file_list *files,
                                  unsigned jobs)
{
    struct downloads *all = xcalloc(1, sizeof *all);
    all->settings = settings;
    all->files = files;
    all->jobs = jobs;
    all->fd = -1;
    all->http = http_open(settings);
    all->v = xcalloc(files->n ? files->n : 1, sizeof *all->v);
    for (size_t i = 0; i < files->n; i++)
        all->v[i] = (struct download){.all = all,
                                      .file = &files->v[i],
                                      .fd = -1,
                                      .lock = -1,
                                      .state = files->v[i].by_range ? WHOLE : WAITING,
                                      .size = files->v[i].by_range ? 0 : files->v[i].size};
    pthread_mutex_init(&all->mutex, NULL);
    pthread_cond_init(&all->changed, NULL);
    if (pthread_create(&all->thread, NULL, run, all) != 0)
        die_errno("a thread for downloads cannot be started");
    return all;
}

static void wait_for_change(struct downloads *all, int wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)wait_ms % 1000 * 1000000;
    until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&all->changed, &all->mutex, &until);
}

/* Called with the mutex held, which it gives back before it dies. */
static void die_if_failed(struct downloads *all, size_t i)
{
    struct download *d = &all->v[i];
    if (d->state != FAILED)
        return;
    pthread_mutex_unlock(&all->mutex);
    die("%s: %s", d->file->name, d->error);
}

bool downloads_wait(struct downloads *all, size_t i, int wait_ms)
{
    pthread_mutex_lock(&all->mutex);
    if (all->v[i].state < WHOLE && !stop_signal)
        wait_for_change(all, wait_ms);
    die_if_failed(all, i);
    bool whole = all->v[i].state == WHOLE;
    pthread_mutex_unlock(&all->mutex);
    return whole;
}

/* Opens what there is of file i: the whole or the part, which becomes the whole under the reader's hands. */
static void open_for_reading(struct downloads *all, size_t i)
{
    const char *blob = all->files->v[i].blob;
    char *part = xasprintf("%s.incomplete", blob);
    if (all->fd >= 0)
        close(all->fd);
    for (int tries = 0; tries < 2; tries++)
        if ((all->fd = open(blob, O_RDONLY | O_CLOEXEC)) >= 0 ||
            (all->fd = open(part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) >= 0)
            break;
    if (all->fd < 0)
        die_errno("%s", blob);
    free(part);
    all->reading = i;
}

ssize_t downloads_read(struct downloads *all, size_t i, uint64_t offset, void *buf, size_t n)
{
    struct download *d = &all->v[i];
    pthread_mutex_lock(&all->mutex);
    if (offset == 0)
        all->generation = d->generation;
    while (d->state < WHOLE && d->available <= offset && d->generation == all->generation && !stop_signal)
        wait_for_change(all, POLL_MS);
    die_if_failed(all, i);
    bool changed = d->generation != all->generation && offset > 0;
    bool begun = d->state == WHOLE || d->available > offset;
    uint64_t available = d->available;
    char why[sizeof d->taken_back];
    memcpy(why, d->taken_back, sizeof why);
    pthread_mutex_unlock(&all->mutex);
    if (changed)
        die("%s: %s, when it had been read in part; run this again with --download first", d->file->name,
            why);
    if (!begun)
        return DECOMPRESS_AGAIN;
    if (offset >= available)
        return 0;
    if (all->fd < 0 || all->reading != i)
        open_for_reading(all, i);
    ssize_t got =
        pread(all->fd, buf, n < available - offset ? n : (size_t)(available - offset), (off_t)offset);
    if (got < 0)
        die_errno("%s", d->file->blob);
    return got;
}

uint64_t downloads_size(struct downloads *all, size_t i)
{
    pthread_mutex_lock(&all->mutex);
    uint64_t size = all->v[i].available;
    pthread_mutex_unlock(&all->mutex);
    return size;
}

void downloads_state(struct downloads *all, struct downloads_state *s)
{
    *s = (struct downloads_state){.files = all->files->n};
    pthread_mutex_lock(&all->mutex);
    for (size_t i = 0; i < s->files; i++) {
        const struct download *d = &all->v[i];
        s->whole += d->state == WHOLE;
        s->bytes += d->available;
        s->moved += d->moved;
        s->total += d->size > 0 ? (uint64_t)d->size : 0;
    }
    pthread_mutex_unlock(&all->mutex);
}

void downloads_stop(struct downloads *all)
{
    if (!all)
        return;
    all->stop = true;
    http_wake(all->http);
    pthread_join(all->thread, NULL);
    http_close(all->http);
    for (size_t i = 0; i < all->files->n; i++) {
        release(&all->v[i]);
        free(all->v[i].error);
    }
    if (all->fd >= 0)
        close(all->fd);
    pthread_mutex_destroy(&all->mutex);
    pthread_cond_destroy(&all->changed);
    free(all->v);
    free(all);
}
