#include "pipeline/fetch/hub.h"

#include "pipeline/fetch/digest.h"
#include "pipeline/fetch/explain.h"
#include "pipeline/fetch/http.h"
#include "pipeline/fetch/uri.h"
#include "pipeline/fetch/url.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

/* The last part of the address's path, if it can be a file's name. */
static char *base_name(const char *shown)
{
    const char *slash = strrchr(shown, '/');
    return xstrdup(slash && slash[1] && hub_path_is_safe(slash + 1) ? slash + 1 : "index");
}

/* Another address, or another content of it, is another file. */
static void place(const struct hub_settings *s, const char *url, struct remote_file *f)
{
    char address[DIGEST_HEX], version[DIGEST_HEX];
    struct digest *d = digest_new(DIGEST_SHA256);
    digest_add(d, url, strlen(url));
    digest_end(d, address);
    if (f->etag)
        digest_add(d, f->etag, strlen(f->etag));
    digest_end(d, version);
    digest_free(d);
    f->blob = xasprintf("%s/%s/%.16s-%s", s->web_cache, address, version, f->path);
    f->lock = xasprintf("%s.lock", f->blob);
}

void web_list(const struct hub_settings *s, const char *url, struct file_list *files)
{
    struct http_request r = {.url = url, .head = true};
    const char *why = url_refusal(url);
    if (why)
        die("%s: %s", url, why);
    if (s->offline)
        die("%s: HF_HUB_OFFLINE is set", url);
    struct http *h = http_open(s);
    http_run(h, &r);
    char *shown = url_shown(url);
    if (r.failed)
        die("%s: %s", shown, r.error);
    if (r.reply.status < 200 || r.reply.status >= 300)
        die("%s: %s", shown, explain_refusal(s, &r.reply, NULL));
    struct remote_file *f = file_list_add(files);
    f->name = shown;
    f->path = base_name(shown);
    f->url = xstrdup(url);
    f->etag = r.reply.etag ? xstrdup(r.reply.etag) : NULL;
    f->size = r.reply.length;
    place(s, url, f);
    http_done(&r);
    http_close(h);
}
