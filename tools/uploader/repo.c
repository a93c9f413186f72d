#include "tools/uploader/repo.h"

#include "pipeline/fetch/explain.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "tools/uploader/base64.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ANSWER = 64 << 20, MAX_CARD = 16 << 20 };

/* --- one request ----------------------------------------------------------- */

struct exchange {
    const struct repo_text *sent;
    struct strbuf answer;
};

static void begin(struct http_request *q)
{
    struct exchange *x = q->arg;
    strbuf_reset(&x->answer);
}

static const char *take(struct http_request *q, const char *bytes, size_t n)
{
    struct exchange *x = q->arg;
    if (x->answer.len + n > MAX_ANSWER) {
        q->final = true;
        return "the answer is longer than 64 MiB";
    }
    strbuf_add(&x->answer, bytes, n);
    return NULL;
}

static size_t give(struct http_request *q, uint64_t at, char *bytes, size_t n)
{
    struct exchange *x = q->arg;
    memcpy(bytes, x->sent->bytes + at, n);
    return n;
}

json_t *repo_ask(struct repo *r, const char *url, const struct repo_text *text, bool once,
                 struct http_request *q)
{
    struct exchange x = {.sent = text};
    const char *headers[16] = {0};
    json_error_t e;
    *q = (struct http_request){
        .url = url, .stay = true, .begin = begin, .body = take, .arg = &x, .once = once};
    if (text) {
        q->send = give;
        q->send_size = text->n;
        headers[0] = text->type;
        for (size_t i = 0; text->headers && text->headers[i] && i + 2 < sizeof headers / sizeof *headers; i++)
            headers[i + 1] = text->headers[i];
        q->headers = headers;
    }
    http_run(r->http, q);
    q->headers = NULL;
    bool good = !q->failed && q->reply.status >= 200 && q->reply.status < 300;
    json_t *root = good ? json_loadb(x.answer.len ? x.answer.s : "", x.answer.len, 0, &e) : NULL;
    strbuf_free(&x.answer);
    return root;
}

_Noreturn void repo_refused(const struct repo *r, const struct http_request *q, const char *what)
{
    const struct http_reply *reply = &q->reply;
    const char *said = reply->error_message ? reply->error_message : "";
    if (q->failed)
        die("%s: %s: %s", r->word, what, q->error);
    if (reply->status >= 200 && reply->status < 300)
        die("%s: %s: the hub's answer is not as formats/hub.md says", r->word, what);
    if (reply->status >= 300 && reply->status < 400)
        die("%s: %s: the hub sends it to another address, which is not followed", r->word, what);
    bool gated = reply->error_code && strcmp(reply->error_code, "GatedRepo") == 0;
    if (reply->status == 403 && !gated)
        die("%s: %s: the hub forbids it%s%s: the token in %s needs the right to write to %s", r->word, what,
            *said ? ": " : "", said, r->settings->token_from, r->page);
    die("%s: %s: %s", r->word, what, explain_refusal(r->settings, reply, r->page));
}

static struct repo_text as_json(json_t *o)
{
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    if (!text)
        die("out of memory");
    json_decref(o);
    return (struct repo_text){"Content-Type: application/json", text, strlen(text), NULL};
}

/* Posts o, which it frees, to ENDPOINT/api/models/ORG/NAME/VERB. Dies unless the answer is of the type. */
static json_t *post(struct repo *r, const char *verb, json_t *o, json_type type)
{
    struct http_request q;
    struct repo_text text = as_json(o);
    char *url = xasprintf("%s/api/models/%s/%s", r->settings->endpoint, r->uri.repo, verb);
    json_t *answer = repo_ask(r, url, &text, false, &q);
    if (!answer || json_typeof(answer) != type)
        repo_refused(r, &q, verb);
    http_done(&q);
    free((char *)text.bytes);
    free(url);
    return answer;
}

/* --- the repository -------------------------------------------------------- */

void repo_open(struct repo *r, const struct hub_settings *settings, const char *word)
{
    const char *why;
    *r = (struct repo){.settings = settings, .word = word};
    if (strncmp(word, "hf://", 5) != 0)
        usage_error("%s: the repository is hf://ORG/NAME", word);
    if ((why = hub_uri_parse(&r->uri, word)) != NULL)
        usage_error("%s: %s", word, why);
    if (strcmp(r->uri.kind, "models") != 0 || r->uri.revision_given || *r->uri.path)
        usage_error("%s: the repository is hf://ORG/NAME: a model's, no revision, no path", word);
    r->page = xasprintf("%s/%s", settings->endpoint, r->uri.repo);
    r->http = http_open(settings);
}

void repo_close(struct repo *r)
{
    http_close(r->http);
    hub_uri_free(&r->uri);
    free(r->page);
}

static bool is_commit(const char *s)
{
    return s && strlen(s) == 40 && strspn(s, "0123456789abcdef") == 40;
}

void repo_look(struct repo *r)
{
    struct http_request q;
    char *url = xasprintf("%s/api/models/%s/revision/main", r->settings->endpoint, r->uri.repo);
    json_t *o = repo_ask(r, url, NULL, false, &q);
    const char *code = q.reply.error_code ? q.reply.error_code : "";
    const char *sha = json_string_value(json_object_get(o, "sha"));
    r->exists = o != NULL;
    if (!o && (q.failed || q.reply.status != 404 || strcmp(code, "RepoNotFound") != 0))
        repo_refused(r, &q, "looking for it");
    if (o && !is_commit(sha))
        repo_refused(r, &q, "looking for it");
    snprintf(r->head, sizeof r->head, "%s", o ? sha : "");
    r->closed = json_is_true(json_object_get(o, "private"));
    json_decref(o);
    http_done(&q);
    free(url);
}

void repo_create(struct repo *r, bool closed)
{
    struct http_request q;
    const char *slash = strchr(r->uri.repo, '/');
    struct repo_text text =
        as_json(json_pack("{s:s, s:s, s:s%, s:b}", "type", "model", "name", slash + 1, "organization",
                          r->uri.repo, (size_t)(slash - r->uri.repo), "private", (int)closed));
    char *url = xasprintf("%s/api/repos/create", r->settings->endpoint);
    json_t *o = repo_ask(r, url, &text, false, &q);
    if (!o && (q.failed || q.reply.status != 409)) /* 409: an earlier try made it, whose answer was lost */
        repo_refused(r, &q, "creating it");
    json_decref(o);
    http_done(&q);
    free((char *)text.bytes);
    free(url);
}

void repo_check_card(struct repo *r, const struct upload_file *f)
{
    struct http_request q;
    char *content = file_content(f, MAX_CARD);
    json_t *o = json_pack("{s:s, s:s}", "repoType", "model", "content", content);
    if (!o)
        die("%s: is not UTF-8", f->path);
    struct repo_text text = as_json(o);
    char *url = xasprintf("%s/api/validate-yaml", r->settings->endpoint);
    json_decref(repo_ask(r, url, &text, false, &q));
    if (!q.failed && q.reply.status == 400)
        die("%s: %s: the hub refuses its metadata: %s", r->word, f->path,
            q.reply.error_message ? q.reply.error_message : "it does not say why");
    if (q.failed || q.reply.status >= 300)
        repo_refused(r, &q, "checking the card");
    http_done(&q);
    free((char *)text.bytes);
    free(content);
    free(url);
}

/* --- what is there, and what is to be sent how ----------------------------- */

static json_t *paths_of(const struct upload_files *files)
{
    json_t *paths = json_array();
    for (size_t i = 0; i < files->n; i++)
        json_array_append_new(paths, json_string(files->file[i].path));
    return paths;
}

bool repo_compare(struct repo *r, struct upload_files *files)
{
    char *verb = xasprintf("paths-info/%s", r->head);
    json_t *list = post(r, verb, json_pack("{s:o}", "paths", paths_of(files)), JSON_ARRAY), *entry;
    size_t i, same = 0;
    for (i = 0; i < files->n; i++)
        files->file[i].there = false;
    json_array_foreach(list, i, entry)
    {
        const char *path = json_string_value(json_object_get(entry, "path"));
        const char *git = json_string_value(json_object_get(entry, "oid"));
        const char *sha256 = json_string_value(json_object_get(json_object_get(entry, "lfs"), "oid"));
        struct upload_file *f = path ? files_find(files, path) : NULL;
        if (f && !f->there) {
            f->there = sha256 ? strcmp(sha256, f->sha256) == 0 : git && strcmp(git, f->git) == 0;
            same += f->there;
        }
    }
    json_decref(list);
    free(verb);
    return same == files->n;
}

void repo_preupload(struct repo *r, struct upload_files *files)
{
    json_t *ask = json_array(), *answer, *list, *entry;
    size_t i, n = 0, asked = 0;
    for (i = 0; i < files->n; i++) {
        struct upload_file *f = &files->file[i];
        char sample[UPLOAD_SAMPLE];
        if (f->there)
            continue;
        char *text = base64(sample, file_read(f, 0, sample, sizeof sample));
        json_array_append_new(
            ask, json_pack("{s:s, s:s, s:I}", "path", f->path, "sample", text, "size", (json_int_t)f->size));
        free(text);
        asked++;
    }
    answer = post(r, "preupload/main", json_pack("{s:o}", "files", ask), JSON_OBJECT);
    list = json_object_get(answer, "files");
    json_array_foreach(list, i, entry)
    {
        const char *path = json_string_value(json_object_get(entry, "path"));
        const char *mode = json_string_value(json_object_get(entry, "uploadMode"));
        struct upload_file *f = path ? files_find(files, path) : NULL;
        if (!f || f->there || !mode)
            continue;
        if (json_is_true(json_object_get(entry, "shouldIgnore")))
            die("%s: the repository's .gitignore leaves %s out", r->word, path);
        f->large = strcmp(mode, "lfs") == 0 && f->size > 0; /* an empty file has no place in LFS */
        n++;
    }
    if (n != asked)
        die("%s: preupload: the hub says nothing of %zu of %zu files", r->word, asked - n, asked);
    json_decref(answer);
}
