#include "pipeline/fetch/ranges.h"

#include "pipeline/fetch/explain.h"
#include "pipeline/fetch/http.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_BLOCK = 512 << 10, /* bytes of a request at first; it doubles with each block that was read */
    LAST_BLOCK = 8 << 20,
    BLOCKS_AHEAD = 3,       /* requests on their way, or come and not read */
    MAX_BLOCKS = 8,         /* with those that were wanted out of turn: 64 MiB at most */
    UNANNOUNCED = 64 << 10, /* bytes at least of what is read without having been announced: the footer */
    POLL_MS = 1000,
};

/* A part of the file that is on its way or here. */
struct block {
    struct block *next;
    struct ranges *ranges;
    struct http_request request;
    uint64_t offset;
    size_t n, got;
    bool started, done;
    bool announced;
    bool passed;     /* the reader needs it no more */
    bool by_landing; /* asked of the address where an earlier redirect ended */
    char bytes[];
};

/* A part that was announced and not yet asked for. */
struct interval {
    uint64_t offset, n;
};

struct ranges {
    const struct hub_settings *settings;
    const struct remote_file *file;
    pthread_t thread;
    pthread_mutex_t mutex; /* over all below */
    pthread_cond_t changed;
    atomic_bool stop;
    struct http *http; /* the thread's, but for http_wake */
    struct interval *wanted;
    size_t n_wanted;
    struct block *blocks; /* the oldest first */
    size_t n_blocks, block_bytes;
    uint64_t moved;
    char *error;
    /* The thread's. */
    char *landing; /* where a redirect ended; NULL: not known */
    char *etag;    /* of the first answer */
};

/* --- the thread's side ----------------------------------------------------- */

static void begin_block(struct http_request *q)
{
    struct block *b = q->arg;
    pthread_mutex_lock(&b->ranges->mutex);
    b->got = 0;
    pthread_mutex_unlock(&b->ranges->mutex);
    q->from = b->offset;
    q->to = b->offset + b->n - 1;
}

static const char *accept_block(struct http_request *q)
{
    struct block *b = q->arg;
    struct ranges *r = b->ranges;
    const struct http_reply *reply = &q->reply;
    q->final = true;
    if (reply->status != 206)
        return "the server sends no parts of files; run this again with --download first";
    if (reply->range_first != (int64_t)b->offset || reply->range_total != r->file->size)
        return "the server sends another part of the file than was asked for";
    if (r->etag && reply->etag && strcmp(r->etag, reply->etag) != 0)
        return "the file has changed while it was being read";
    if (!r->etag && reply->etag)
        r->etag = xstrdup(reply->etag);
    q->final = false;
    return NULL;
}

static const char *add_bytes(struct http_request *q, const char *bytes, size_t n)
{
    struct block *b = q->arg;
    if (n > b->n - b->got)
        return "more comes than was asked for";
    memcpy(b->bytes + b->got, bytes, n);
    pthread_mutex_lock(&b->ranges->mutex);
    b->got += n;
    b->ranges->moved += n;
    pthread_cond_broadcast(&b->ranges->changed);
    pthread_mutex_unlock(&b->ranges->mutex);
    return NULL;
}

static const char *end_block(struct http_request *q)
{
    struct block *b = q->arg;
    return b->got == b->n ? NULL : "the part ends too early";
}

static void start_block(struct block *b, struct http *h, bool by_landing)
{
    struct ranges *r = b->ranges;
    b->by_landing = by_landing && r->landing;
    b->request = (struct http_request){.url = b->by_landing ? r->landing : r->file->url,
                                       .begin = begin_block,
                                       .accept = accept_block,
                                       .body = add_bytes,
                                       .end = end_block,
                                       .arg = b};
    b->started = true;
    http_add(h, &b->request);
}

static void set_error(struct ranges *r, char *why)
{
    pthread_mutex_lock(&r->mutex);
    free(r->error);
    r->error = why;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
}

/* A request has ended. A signed address that no longer serves is left for the one that the hub gives anew. */
static void finish_block(struct block *b, struct http *h)
{
    struct ranges *r = b->ranges;
    struct http_request *q = &b->request;
    bool refused = !q->failed && q->reply.status != 206;
    if (refused && b->by_landing) {
        http_done(q);
        start_block(b, h, false);
        return;
    }
    if (q->failed)
        set_error(r, xstrdup(q->error));
    else if (refused)
        set_error(r, explain_refusal(r->settings, &q->reply, r->file->page));
    else if (!r->landing && q->landing)
        r->landing = xstrdup(q->landing);
    http_done(q);
    pthread_mutex_lock(&r->mutex);
    b->done = true;
    pthread_mutex_unlock(&r->mutex);
}

static struct block *add_block(struct ranges *r, uint64_t offset, size_t n)
{
    struct block *b = xmalloc(sizeof *b + n), **last = &r->blocks;
    *b = (struct block){.ranges = r, .offset = offset, .n = n};
    while (*last)
        last = &(*last)->next;
    *last = b;
    r->n_blocks++;
    return b;
}

/* Takes a block off the beginning of what was announced first. */
static void cut_block(struct ranges *r)
{
    struct interval *w = &r->wanted[0];
    size_t n = w->n < r->block_bytes ? (size_t)w->n : r->block_bytes;
    add_block(r, w->offset, n)->announced = true;
    w->offset += n;
    w->n -= n;
    if (w->n == 0)
        memmove(r->wanted, r->wanted + 1, --r->n_wanted * sizeof *r->wanted);
}

static void free_passed(struct ranges *r)
{
    for (struct block **at = &r->blocks; *at;) {
        struct block *b = *at;
        if (!b->passed || !b->done) {
            at = &b->next;
            continue;
        }
        *at = b->next;
        r->n_blocks--;
        free(b);
    }
}

/* The next block to ask for: one that the reader waits for, or one of those announced, as many as may be
 * ahead. */
static struct block *next_to_start(struct ranges *r)
{
    struct block *b;
    pthread_mutex_lock(&r->mutex);
    free_passed(r);
    while (r->n_wanted > 0 && r->n_blocks < BLOCKS_AHEAD)
        cut_block(r);
    for (b = r->blocks; b && b->started; b = b->next)
        ;
    pthread_mutex_unlock(&r->mutex);
    return b;
}

static void *run(void *arg)
{
    struct ranges *r = arg;
    while (!r->stop) {
        for (struct block *b; (b = next_to_start(r)) != NULL;)
            start_block(b, r->http, true);
        struct http_request *q = http_step(r->http, POLL_MS);
        if (q)
            finish_block(q->arg, r->http);
    }
    return NULL;
}

/* --- the reader's side ----------------------------------------------------- */

struct ranges *ranges_open(const struct hub_settings *settings, const struct remote_file *file)
{
    struct ranges *r = xcalloc(1, sizeof *r);
    if (file->size < 0)
        die("%s: the server does not say how long it is; run this again with --download first", file->name);
    r->settings = settings;
    r->file = file;
    r->block_bytes = FIRST_BLOCK;
    r->http = http_open(settings);
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->changed, NULL);
    if (pthread_create(&r->thread, NULL, run, r) != 0)
        die_errno("a thread for downloads cannot be started");
    return r;
}

void ranges_will_need(void *arg, uint64_t offset, uint64_t n)
{
    struct ranges *r = arg;
    uint64_t size = (uint64_t)r->file->size;
    if (offset >= size || n == 0)
        return;
    pthread_mutex_lock(&r->mutex);
    r->wanted = xrealloc(r->wanted, (r->n_wanted + 1) * sizeof *r->wanted);
    r->wanted[r->n_wanted++] = (struct interval){offset, n < size - offset ? n : size - offset};
    pthread_mutex_unlock(&r->mutex);
    http_wake(r->http);
}

static bool has(uint64_t first, uint64_t n, uint64_t offset)
{
    return offset >= first && offset - first < n;
}

/* Cuts a block at the offset out of interval i, whose two ends stay. */
static struct block *cut_at(struct ranges *r, size_t i, uint64_t offset)
{
    struct interval w = r->wanted[i];
    uint64_t left = w.offset + w.n - offset;
    size_t n = left < r->block_bytes ? (size_t)left : r->block_bytes;
    r->wanted = xrealloc(r->wanted, (r->n_wanted + 1) * sizeof *r->wanted);
    memmove(r->wanted + i + 1, r->wanted + i, (r->n_wanted - i) * sizeof *r->wanted);
    r->n_wanted++;
    r->wanted[i].n = offset - w.offset;
    r->wanted[i + 1] = (struct interval){offset + n, left - n};
    struct block *b = add_block(r, offset, n);
    b->announced = true;
    size_t kept = 0;
    for (size_t k = 0; k < r->n_wanted; k++)
        if (r->wanted[k].n > 0)
            r->wanted[kept++] = r->wanted[k];
    r->n_wanted = kept;
    return b;
}

/* Makes room: what came first and is not being read is asked for again, should it be needed. */
static void drop_oldest(struct ranges *r)
{
    unsigned kept = 0;
    for (struct block *b = r->blocks; b; b = b->next)
        kept += !b->passed;
    for (struct block *b = r->blocks; b && kept >= MAX_BLOCKS; b = b->next) {
        kept -= b->done && !b->passed;
        b->passed |= b->done;
    }
}

/* A block that nobody announced. At the end of the file it reaches back, since a footer is found from its
 * last bytes. */
static struct block *add_unannounced(struct ranges *r, uint64_t offset, size_t n)
{
    uint64_t size = (uint64_t)r->file->size;
    if (n < UNANNOUNCED)
        n = UNANNOUNCED;
    if (n > LAST_BLOCK)
        n = LAST_BLOCK;
    if (n > size - offset) {
        n = n < size ? n : (size_t)size;
        offset = size - n;
    }
    return add_block(r, offset, n);
}

static struct block *find_block(struct ranges *r, uint64_t offset, size_t n)
{
    struct block *b;
    for (b = r->blocks; b; b = b->next)
        if (!b->passed && has(b->offset, b->n, offset))
            return b;
    drop_oldest(r);
    for (size_t i = 0; i < r->n_wanted && !b; i++)
        if (has(r->wanted[i].offset, r->wanted[i].n, offset))
            b = cut_at(r, i, offset);
    if (!b)
        b = add_unannounced(r, offset, n);
    http_wake(r->http);
    return b;
}

/* Waits for bytes of the block from the offset on. Called with the mutex held; dies when the server failed.
 */
static void wait_for(struct ranges *r, const struct block *b, uint64_t offset)
{
    while (b->got <= offset - b->offset && !r->error)
        pthread_cond_wait(&r->changed, &r->mutex);
    if (!r->error)
        return;
    pthread_mutex_unlock(&r->mutex);
    die("%s: %s", r->file->name, r->error);
}

/* Copies what has come, at most n. */
static size_t take(struct ranges *r, struct block *b, uint64_t offset, void *buf, size_t n)
{
    size_t at = (size_t)(offset - b->offset), here = b->got - at;
    if (n > here)
        n = here;
    memcpy(buf, b->bytes + at, n);
    if (at + n == b->n && b->announced) {
        b->passed = true;
        r->block_bytes = r->block_bytes * 2 < LAST_BLOCK ? r->block_bytes * 2 : LAST_BLOCK;
        http_wake(r->http);
    }
    return n;
}

int64_t ranges_read_at(void *arg, uint64_t offset, void *buf, size_t n)
{
    struct ranges *r = arg;
    uint64_t size = (uint64_t)r->file->size;
    size_t done = 0;
    if (offset >= size)
        return 0;
    if (n > size - offset)
        n = (size_t)(size - offset);
    pthread_mutex_lock(&r->mutex);
    while (done < n) {
        struct block *b = find_block(r, offset + done, n - done);
        wait_for(r, b, offset + done);
        done += take(r, b, offset + done, (char *)buf + done, n - done);
    }
    pthread_mutex_unlock(&r->mutex);
    return (int64_t)done;
}

uint64_t ranges_moved(struct ranges *r)
{
    pthread_mutex_lock(&r->mutex);
    uint64_t moved = r->moved;
    pthread_mutex_unlock(&r->mutex);
    return moved;
}

void ranges_close(struct ranges *r)
{
    if (!r)
        return;
    r->stop = true;
    http_wake(r->http);
    pthread_join(r->thread, NULL);
    http_close(r->http);
    while (r->blocks) {
        struct block *b = r->blocks;
        r->blocks = b->next;
        free(b);
    }
    free(r->wanted);
    free(r->error);
    free(r->landing);
    free(r->etag);
    pthread_mutex_destroy(&r->mutex);
    pthread_cond_destroy(&r->changed);
    free(r);
}
