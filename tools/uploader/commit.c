#include "tools/uploader/repo.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "tools/uploader/base64.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_INLINE = 64 << 20 }; /* of a file that stands in the commit itself; the hub's own limit is lower */

/* One line of the commit; frees value. */
static void add_line(struct strbuf *b, const char *key, json_t *value)
{
    json_t *o = json_pack("{s:s, s:o}", "key", key, "value", value);
    char *line = o ? json_dumps(o, JSON_COMPACT) : NULL;
    if (!line)
        die("out of memory");
    strbuf_addf(b, "%s\n", line);
    free(line);
    json_decref(o);
}

static void add_file(struct strbuf *b, const struct upload_file *f)
{
    if (f->large) {
        add_line(b, "lfsFile",
                 json_pack("{s:s, s:s, s:s, s:I}", "path", f->path, "algo", "sha256", "oid", f->sha256,
                           "size", (json_int_t)f->size));
        return;
    }
    char *content = file_content(f, MAX_INLINE), *text = base64(content, (size_t)f->size);
    add_line(b, "file", json_pack("{s:s, s:s, s:s}", "content", text, "path", f->path, "encoding", "base64"));
    free(content);
    free(text);
}

static struct strbuf commit_body(const struct repo *r, const struct upload_files *files, const char *message)
{
    struct strbuf b = {0};
    add_line(&b, "header",
             json_pack("{s:s, s:s, s:s}", "summary", message, "description", "", "parentCommit", r->head));
    for (size_t i = 0; i < files->n; i++)
        if (!files->file[i].there)
            add_file(&b, &files->file[i]);
    return b;
}

/* Whether the answer leaves open what became of the commit: none came, it passes, or another came first. */
static bool is_open(const struct http_request *q)
{
    return q->failed || q->reply.status == 409 || q->reply.status == 412;
}

bool repo_commit(struct repo *r, const struct upload_files *files, const char *message, double *wait_s,
                 char why[400])
{
    struct http_request q;
    struct strbuf b = commit_body(r, files, message);
    struct repo_text text = {"Content-Type: application/x-ndjson", b.s, b.len, NULL};
    char *url = xasprintf("%s/api/models/%s/commit/main", r->settings->endpoint, r->uri.repo);
    json_decref(repo_ask(r, url, &text, true, &q));
    bool done = !q.failed && q.reply.status >= 200 && q.reply.status < 300;
    if (!done && !is_open(&q))
        repo_refused(r, &q, "the commit");
    *wait_s = q.reply.wait_s;
    if (q.failed)
        snprintf(why, 400, "%s", q.error);
    else
        snprintf(why, 400, "the hub answers %ld", q.reply.status);
    http_done(&q);
    strbuf_free(&b);
    free(url);
    return done;
}
