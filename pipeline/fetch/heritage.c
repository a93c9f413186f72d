#include "pipeline/fetch/heritage.h"

#include "pipeline/fetch/digest.h"
#include "pipeline/fetch/http.h"
#include "pipeline/fetch/url.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/input.h"

#include <iconv.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

enum { ID_DIGITS = 40, MAX_ENCODING = 40, OBJECTS_A_JOB = 4, WAIT_MS = 200 };
static const char bucket[] = "https://softwareheritage.s3.amazonaws.com";

struct object {
    char id[ID_DIGITS + 1], encoding[MAX_ENCODING];
    int domain;
    char *url;
    struct http_request request;
    struct strbuf packed, text;
    bool running, missing, damaged;
};

struct heritage {
    struct http *http;
    const char *base;
    struct object *ring; /* objects first .. first + n, modulo room */
    size_t room, first, n;
    struct strbuf text, name; /* of the document given out */
    struct heritage_counts counts;
};

struct heritage *heritage_open(const struct hub_settings *settings, unsigned jobs)
{
    struct heritage *h = xcalloc(1, sizeof *h);
    const char *base = getenv("TRITTER_SWH_URL");
    h->base = base && *base ? base : bucket;
    const char *why = url_refusal(h->base);
    if (why)
        die("TRITTER_SWH_URL: %s: %s", h->base, why);
    if (settings->offline)
        die("%s: HF_HUB_OFFLINE is set", h->base);
    h->http = http_open(settings);
    h->room = (size_t)jobs * OBJECTS_A_JOB;
    h->ring = xcalloc(h->room, sizeof *h->ring);
    return h;
}

bool heritage_wants(const struct heritage *h)
{
    return h->n < h->room;
}

static const char *add_bytes(struct http_request *r, const char *bytes, size_t n)
{
    struct object *o = r->arg;
    if (o->packed.len + n > INPUT_MAX_TEXT) {
        r->final = true;
        return "the object is longer than 64 MiB";
    }
    strbuf_add(&o->packed, bytes, n);
    return NULL;
}

static void begin(struct http_request *r)
{
    strbuf_reset(&((struct object *)r->arg)->packed);
}

/* Unpacks what came. False: it is no whole gzip stream, or a bomb. */
static bool unpack(struct object *o)
{
    z_stream z = {.next_in = (Bytef *)o->packed.s, .avail_in = (uInt)o->packed.len};
    char block[1 << 16];
    int rc = Z_OK;
    strbuf_reset(&o->text);
    if (o->packed.len == 0 || inflateInit2(&z, 15 + 16) != Z_OK)
        return false;
    while (rc == Z_OK && o->text.len <= INPUT_MAX_TEXT) {
        z.next_out = (Bytef *)block;
        z.avail_out = sizeof block;
        rc = inflate(&z, Z_NO_FLUSH);
        strbuf_add(&o->text, block, sizeof block - z.avail_out);
    }
    inflateEnd(&z);
    return rc == Z_STREAM_END && z.avail_in == 0 && o->text.len <= INPUT_MAX_TEXT;
}

static bool has_its_hash(const struct object *o)
{
    char hex[DIGEST_HEX];
    struct digest *d = digest_new(DIGEST_SHA1);
    digest_add(d, o->text.s ? o->text.s : "", o->text.len);
    digest_end(d, hex);
    digest_free(d);
    return strcmp(hex, o->id) == 0;
}

static const char *check(struct http_request *r)
{
    struct object *o = r->arg;
    o->damaged = !unpack(o) || !has_its_hash(o);
    return o->damaged ? "the object is damaged" : NULL;
}

static bool is_id(const char *s, size_t n)
{
    return n == ID_DIGITS && strspn(s, "0123456789abcdef") >= ID_DIGITS;
}

void heritage_add(struct heritage *h, const char *object, size_t len, int domain)
{
    struct object *o = &h->ring[(h->first + h->n++) % h->room];
    const char *space = memchr(object, ' ', len);
    size_t id = space ? (size_t)(space - object) : len, rest = space ? len - id - 1 : 0;
    o->domain = domain;
    o->damaged = o->running = false;
    o->missing = !is_id(object, id) || rest >= MAX_ENCODING;
    if (o->missing)
        return;
    memcpy(o->id, object, ID_DIGITS);
    memcpy(o->encoding, space ? space + 1 : "", rest);
    o->encoding[rest] = '\0';
    free(o->url);
    o->url = xasprintf("%s/content/%s", h->base, o->id);
    o->request =
        (struct http_request){.url = o->url, .begin = begin, .body = add_bytes, .end = check, .arg = o};
    o->running = true;
    http_add(h->http, &o->request);
}

/* A storage host says 403 instead of 404 to those who may not list what it has. */
static bool is_missing(const struct http_reply *reply)
{
    return reply->status == 404 || reply->status == 403 || reply->status == 410;
}

static void finish(struct object *o)
{
    struct http_request *r = &o->request;
    o->running = false;
    if (r->failed && !o->damaged)
        die("%s: %s", o->url, r->error);
    o->missing = !r->failed && is_missing(&r->reply);
    if (!r->failed && !o->missing && r->reply.status != 200)
        die("%s: the server answers %ld", o->url, r->reply.status);
    if (o->damaged)
        warn("%s: it is damaged, and left out", o->url);
    http_done(r);
}

/* As UTF-8. Bytes that are not of the encoding stay as they are, and become U+FFFD when they are written. */
static void decode(struct heritage *h, struct object *o)
{
    iconv_t c = strcasecmp(o->encoding, "UTF-8") == 0 || !o->encoding[0] ? (iconv_t)-1
                                                                         : iconv_open("UTF-8", o->encoding);
    char block[1 << 14], *in = o->text.s;
    size_t left = o->text.len;
    strbuf_reset(&h->text);
    bool odd = false;
    while (c != (iconv_t)-1 && left > 0) {
        char *out = block;
        size_t room = sizeof block;
        size_t rc = iconv(c, &in, &left, &out, &room);
        strbuf_add(&h->text, block, sizeof block - room);
        if (rc != (size_t)-1 || errno == E2BIG)
            continue;
        odd = true;
        strbuf_add(&h->text, in++, 1);
        left--;
    }
    strbuf_add(&h->text, in ? in : "", left);
    if (c != (iconv_t)-1)
        iconv_close(c);
    h->counts.odd += odd;
}

bool heritage_next(struct heritage *h, struct doc *d)
{
    while (h->n > 0 && !stop_signal) {
        struct object *o = &h->ring[h->first];
        if (o->running) {
            struct http_request *r = http_step(h->http, WAIT_MS);
            if (r)
                finish(r->arg);
            continue;
        }
        h->first = (h->first + 1) % h->room;
        h->n--;
        h->counts.missing += o->missing;
        h->counts.damaged += o->damaged;
        if (o->missing || o->damaged)
            continue;
        decode(h, o);
        h->counts.texts++;
        strbuf_reset(&h->name);
        strbuf_addf(&h->name, "softwareheritage:%s", o->id);
        *d = (struct doc){.text = h->text.s, .len = h->text.len, .id = h->name.s, .domain = o->domain};
        return true;
    }
    return false;
}

void heritage_counts(const struct heritage *h, struct heritage_counts *c)
{
    *c = h->counts;
}

void heritage_close(struct heritage *h)
{
    http_close(h->http);
    for (size_t i = 0; i < h->room; i++) {
        free(h->ring[i].url);
        strbuf_free(&h->ring[i].packed);
        strbuf_free(&h->ring[i].text);
    }
    strbuf_free(&h->text);
    strbuf_free(&h->name);
    free(h->ring);
    free(h);
}
