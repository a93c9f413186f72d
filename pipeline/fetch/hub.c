#include "pipeline/fetch/hub.h"

#include "pipeline/fetch/cache.h"
#include "pipeline/fetch/explain.h"
#include "pipeline/fetch/http.h"
#include "pipeline/fetch/reply.h"
#include "pipeline/fetch/url.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PAGES = 10000 };

/* A word, and what is needed to find out what it means. */
struct question {
    const struct hub_settings *settings;
    const char *word;
    struct hub_uri uri;
    char *page; /* for people: ENDPOINT/datasets/ORG/NAME */
    struct http *http;
    struct hub_listing *answer;
};

/* --- small requests -------------------------------------------------------- */

struct text {
    struct strbuf body;
};

static const char *add_text(struct http_request *r, const char *bytes, size_t n)
{
    struct text *t = r->arg;
    if (t->body.len + n > HUB_MAX_PAGE_BYTES) {
        r->final = true;
        return "the answer is longer than 64 MiB";
    }
    strbuf_add(&t->body, bytes, n);
    return NULL;
}

static void begin_text(struct http_request *r)
{
    strbuf_reset(&((struct text *)r->arg)->body);
}

static bool is_success(const struct http_request *r)
{
    return !r->failed && r->reply.status >= 200 && r->reply.status < 300;
}

static _Noreturn void die_refused(const struct question *q, const struct http_reply *reply)
{
    die("%s: %s", q->word, explain_refusal(q->settings, reply, q->page));
}

/* Gets JSON from the hub. Dies unless the answer is some; *next: the next page's address or NULL. */
static json_t *get_json(const struct question *q, const char *url, char **next)
{
    struct text t = {0};
    struct http_request r = {.url = url, .begin = begin_text, .body = add_text, .arg = &t};
    json_error_t e;
    http_run(q->http, &r);
    if (r.failed)
        die("%s: %s", q->word, r.error);
    if (!is_success(&r))
        die_refused(q, &r.reply);
    json_t *root = json_loadb(t.body.len ? t.body.s : "", t.body.len, JSON_REJECT_DUPLICATES, &e);
    if (!root)
        die("%s: the hub's answer is no JSON: %s", q->word, e.text);
    if (next)
        *next = r.reply.next ? xstrdup(r.reply.next) : NULL;
    http_done(&r);
    strbuf_free(&t.body);
    return root;
}

/* --- which files ----------------------------------------------------------- */

/* ENDPOINT/api/datasets/ORG/NAME/VERB/REVISION */
static struct strbuf api_url(const struct question *q, const char *verb, const char *revision)
{
    struct strbuf url = {0};
    strbuf_addf(&url, "%s/api/%s/%s/%s/", q->settings->endpoint, q->uri.kind, q->uri.repo, verb);
    url_escape(&url, revision, false);
    return url;
}

static char *resolve_url(const struct question *q, const char *revision, const char *path)
{
    struct strbuf url = {0};
    strbuf_addf(&url, "%s/resolve/", q->page);
    url_escape(&url, revision, false);
    strbuf_addf(&url, "/");
    url_escape(&url, path, true);
    return url.s;
}

/* Everything of a file that follows from its path and ETag. */
static void complete(const struct question *q, struct remote_file *f)
{
    char *repo = hub_uri_repo(&q->uri);
    f->name = xasprintf("%s/%s", repo, f->path);
    f->page = xstrdup(q->page);
    f->url = resolve_url(q, q->answer->commit, f->path);
    if (f->etag)
        cache_place(q->settings->cache, &q->uri, q->answer->commit, f);
    free(repo);
}

/* A file of a snapshot that is here, whose blob is what its link leads to. */
static void complete_cached(const struct question *q, struct remote_file *f)
{
    complete(q, f);
    if (!f->blob) {
        f->blob = cache_find(q->answer->folder, q->answer->commit, f->path);
        f->lock = xstrdup("");
    }
}

/* One entry of a tree listing, if it is a file's. */
static void add_entry(const struct question *q, json_t *entry, struct file_list *files)
{
    const char *type = json_string_value(json_object_get(entry, "type"));
    const char *path = json_string_value(json_object_get(entry, "path"));
    const char *oid = json_string_value(json_object_get(entry, "oid"));
    const json_t *lfs = json_object_get(entry, "lfs"), *size = json_object_get(lfs ? lfs : entry, "size");
    const char *sha256 = json_string_value(json_object_get(lfs, "oid")), *etag = sha256 ? sha256 : oid;
    if (!type || !path)
        die("%s: the hub's listing has an entry without a type or a path", q->word);
    if (strcmp(type, "file") != 0)
        return;
    if (!hub_path_is_safe(path))
        die("%s: the hub lists a file whose name is refused: it is absolute, or has \"..\", a control "
            "character or "
            "a backslash in it",
            q->word);
    if (!etag || !is_hub_etag(etag) || !json_is_integer(size) || json_integer_value(size) < 0)
        die("%s: the hub's listing of %s has no hash or no size", q->word, path);
    struct remote_file *f = file_list_add(files);
    f->path = xstrdup(path);
    f->etag = xstrdup(etag);
    f->git_oid = sha256 && oid ? xstrdup(oid) : NULL;
    f->size = json_integer_value(size);
}

/* The next page is asked of the endpoint, whatever host the link names: a mirror's links may name the hub
 * itself. */
static char *next_page(const struct question *q, const char *next)
{
    const char *path = strstr(next, "://") ? strchr(strstr(next, "://") + 3, '/') : next;
    if (!path || *path != '/')
        die("%s: the hub's listing goes on at an address that is none", q->word);
    char *joined = url_join(q->settings->endpoint, path);
    if (!joined || !url_same_origin(joined, q->settings->endpoint))
        die("%s: the hub's listing goes on at an address that is none", q->word);
    return joined;
}

/* All files below a folder of the commit ("" is the whole repository), page after page. */
static void list_folder(const struct question *q, const char *folder, struct file_list *files)
{
    struct strbuf first = api_url(q, "tree", q->answer->commit);
    if (*folder)
        strbuf_addf(&first, "/");
    url_escape(&first, folder, true);
    strbuf_addf(&first, "?recursive=true");
    char *url = first.s, *next, *mark = xstrdup("");
    for (unsigned pages = 1; url; pages++) {
        json_t *entries = get_json(q, url, &next), *entry;
        size_t i;
        if (!json_is_array(entries))
            die("%s: the hub's listing is no array", q->word);
        json_array_foreach(entries, i, entry) add_entry(q, entry, files);
        if (files->n > HUB_MAX_FILES || (next && (pages == MAX_PAGES || json_array_size(entries) == 0)))
            die("%s: the hub's listing does not end", q->word);
        json_decref(entries);
        free(url);
        url = next ? next_page(q, next) : NULL;
        free(next);
        /* A chain of pages that comes back to itself comes back to a page whose number is a power of two. */
        if (url && strcmp(url, mark) == 0)
            die("%s: the hub's listing does not end", q->word);
        if (url && (pages & (pages - 1)) == 0) {
            free(mark);
            mark = xstrdup(url);
        }
    }
    free(mark);
    file_list_sort(files);
}

/* The longest beginning of a glob that is a folder's name as it stands. */
static char *literal_folder(const struct hub_uri *u)
{
    if (!hub_is_glob(u->path))
        return xstrdup(u->path);
    size_t n = strcspn(u->path, "*?[");
    while (n > 0 && u->path[n - 1] != '/')
        n--;
    return xasprintf("%.*s", (int)(n > 0 ? n - 1 : 0), u->path);
}

static bool is_wanted(const struct remote_file *f, const void *arg)
{
    const struct hub_uri *u = arg;
    size_t n = strlen(u->path);
    if (hub_is_glob(u->path))
        return hub_glob_matches(u->path, f->path);
    return n == 0 ||
           (strncmp(f->path, u->path, n) == 0 && (f->path[n] == '/' || (f->path[n] == '\0' && !u->folder)));
}

/* Lists what the commit has and keeps what the path means. */
static void list_commit(struct question *q)
{
    struct hub_listing *l = q->answer;
    char *folder = literal_folder(&q->uri);
    if (!cache_read_tree(l->folder, l->commit, &l->files)) {
        list_folder(q, folder, &l->files);
        if (!*folder)
            cache_write_tree(l->folder, l->commit, &l->files);
    }
    file_list_keep(&l->files, is_wanted, &q->uri);
    for (size_t i = 0; i < l->files.n; i++)
        complete(q, &l->files.v[i]);
    if (l->files.n == 0)
        die("%s: nothing in the repository fits this; what it has is at %s/tree/main", q->word, q->page);
    free(folder);
}

/* --- without the hub ------------------------------------------------------- */

static bool is_here(const struct remote_file *f)
{
    return f->blob && path_exists(f->blob);
}

/* Lists the files of the commit that the cache has. Where the listing is known too, a file that is missing is
 * an error, not left out. */
static void list_cached(struct question *q, const char *why)
{
    struct hub_listing *l = q->answer;
    size_t missing = 0;
    l->commit = cache_commit(l->folder, q->uri.revision);
    if (!l->commit)
        die("%s: %s, and the cache does not have it (%s)", q->word, why, l->folder);
    if (!cache_read_tree(l->folder, l->commit, &l->files))
        cache_list_snapshot(l->folder, l->commit, &l->files);
    file_list_keep(&l->files, is_wanted, &q->uri);
    for (size_t i = 0; i < l->files.n; i++) {
        complete_cached(q, &l->files.v[i]);
        missing += !is_here(&l->files.v[i]);
    }
    if (l->files.n == 0)
        die("%s: %s, and the cache does not have it (%s)", q->word, why, l->folder);
    if (missing > 0)
        die("%s: %s, and the cache lacks %zu of %zu files (%s)", q->word, why, missing, l->files.n,
            l->folder);
}

/* --- with it --------------------------------------------------------------- */

static void check_commit(const struct question *q, const char *commit)
{
    if (!commit || !is_commit(commit))
        die("%s: %s does not say which commit this is: is it a hub?", q->word, q->settings->endpoint);
}

/* Asks for one file. False: the path is not one. */
static bool list_file(struct question *q)
{
    struct hub_listing *l = q->answer;
    char *url = resolve_url(q, q->uri.revision, q->uri.path);
    struct http_request r = {.url = url, .head = true, .stay = true};
    http_run(q->http, &r);
    if (r.failed) {
        list_cached(q, r.error);
        warn("%s: %s; this is what the cache has", q->word, r.error);
        return true;
    }
    bool missing = r.reply.error_code && strcmp(r.reply.error_code, "EntryNotFound") == 0;
    bool stored = r.reply.status / 100 == 3 && r.reply.linked_etag; /* at another host, as large files are */
    if (!is_success(&r) && !stored && !missing)
        die_refused(q, &r.reply);
    check_commit(q, r.reply.commit);
    l->commit = xstrdup(r.reply.commit);
    if (!missing) {
        struct remote_file *f = file_list_add(&l->files);
        f->path = xstrdup(q->uri.path);
        f->etag = reply_plain_etag(r.reply.linked_etag ? r.reply.linked_etag : r.reply.etag);
        f->size = r.reply.linked_etag ? r.reply.linked_size : r.reply.length;
        if (!f->etag || !is_hub_etag(f->etag))
            die("%s: the hub does not say the hash of this file", q->word);
        complete(q, f);
    }
    http_done(&r);
    free(url);
    return !missing;
}

/* Asks which commit the revision is. False: the hub cannot be reached, and the cache has answered. */
static bool ask_commit(struct question *q)
{
    struct strbuf url = api_url(q, "revision", q->uri.revision);
    struct text t = {0};
    struct http_request r = {.url = url.s, .begin = begin_text, .body = add_text, .arg = &t};
    http_run(q->http, &r);
    if (r.failed) {
        list_cached(q, r.error);
        warn("%s: %s; this is what the cache has", q->word, r.error);
        return false;
    }
    if (!is_success(&r))
        die_refused(q, &r.reply);
    json_t *root = json_loadb(t.body.len ? t.body.s : "", t.body.len, 0, NULL);
    const char *commit = json_string_value(json_object_get(root, "sha"));
    check_commit(q, commit);
    q->answer->commit = xstrdup(commit);
    json_decref(root);
    http_done(&r);
    strbuf_free(&t.body);
    strbuf_free(&url);
    return true;
}

/* A commit's file that is here already needs no question. */
static bool is_known(struct question *q)
{
    struct hub_listing *l = q->answer;
    char *file = is_commit(q->uri.revision) ? cache_find(l->folder, q->uri.revision, q->uri.path) : NULL;
    if (!file)
        return false;
    l->commit = xstrdup(q->uri.revision);
    struct remote_file *f = file_list_add(&l->files);
    f->path = xstrdup(q->uri.path);
    complete_cached(q, f);
    free(file);
    return true;
}

static void answer(struct question *q)
{
    bool file = *q->uri.path && !q->uri.folder && !hub_is_glob(q->uri.path);
    if (q->settings->offline)
        list_cached(q, "HF_HUB_OFFLINE is set");
    else if (file && (is_known(q) || list_file(q)))
        return;
    else if (q->answer->commit || ask_commit(q))
        list_commit(q);
}

void hub_list(const struct hub_settings *s, const char *word, struct hub_listing *l)
{
    struct question q = {.settings = s, .word = word, .answer = l};
    const char *why = hub_uri_parse(&q.uri, word);
    *l = (struct hub_listing){0};
    if (why)
        die("%s: %s", word, why);
    q.page =
        xasprintf("%s/%s%s", s->endpoint, strcmp(q.uri.kind, "datasets") == 0 ? "datasets/" : "", q.uri.repo);
    l->folder = cache_folder(s->cache, &q.uri);
    l->revision = xstrdup(q.uri.revision);
    q.http = http_open(s);
    answer(&q);
    http_close(q.http);
    hub_uri_free(&q.uri);
    free(q.page);
}

void hub_note_revision(const struct hub_listing *l)
{
    if (!is_commit(l->revision))
        cache_set_ref(l->folder, l->revision, l->commit);
}

void hub_listing_free(struct hub_listing *l)
{
    free(l->folder);
    free(l->revision);
    free(l->commit);
    file_list_free(&l->files);
}
