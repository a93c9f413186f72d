#include "tools/uploader/pieces.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>

enum { AT_ONCE = 4, TICK_MS = 200 };

static size_t give(struct http_request *q, uint64_t at, char *bytes, size_t n)
{
    const struct piece *p = q->arg;
    progress("sending", p->from + at, p->file->size, "bytes", p->file->path);
    return file_read(p->file, p->from + at, bytes, n);
}

static void start(struct repo *r, struct piece *p)
{
    p->request = (struct http_request){
        .url = p->url, .headers = p->headers, .put = true, .send = give, .send_size = p->size, .arg = p};
    http_add(r->http, &p->request);
}

/* Takes the answer to one piece. False: its address has ended. */
static bool finish(struct repo *r, struct piece *p)
{
    const struct http_request *q = &p->request;
    long status = q->reply.status;
    if (q->failed)
        die("%s: %s: %s", r->word, p->file->path, q->error);
    bool done = status >= 200 && status < 300;
    if (!done && status != 403)
        die("%s: %s: the storage refuses it: it answers %ld", r->word, p->file->path, status);
    if (done && q->reply.etag)
        p->etag = xstrdup(q->reply.etag);
    if (p->etag && p->parts)
        parts_note(p->parts, p->number, p->etag);
    http_done(&p->request);
    return done;
}

bool pieces_send(struct repo *r, struct piece *pieces, size_t n)
{
    size_t started = 0, ended = 0;
    bool open = true; /* no address has ended */
    while (ended < started || (open && started < n)) {
        while (open && started < n && started - ended < AT_ONCE)
            start(r, &pieces[started++]);
        struct http_request *q = http_step(r->http, TICK_MS);
        if (!q)
            continue;
        open &= finish(r, q->arg);
        ended++;
    }
    return open;
}
