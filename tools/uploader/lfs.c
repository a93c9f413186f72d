#include "tools/uploader/lfs.h"

#include "pipeline/fetch/url.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "tools/uploader/pieces.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_PARTS = 10000,
    MAX_HEADERS = 12,
    BATCHES = 3, /* addresses of the storage end after a while: they are asked for anew so many times */
};

static const char lfs_type[] = "Content-Type: application/vnd.git-lfs+json";
static const char *const lfs_accept[] = {"Accept: application/vnd.git-lfs+json", NULL};

/* --- what the server says of one file -------------------------------------- */

/* The address of an action, which is refused like any other from outside. */
static const char *address(const struct repo *r, const struct upload_file *f, const char *url)
{
    const char *why = url ? url_refusal(url) : "there is none";
    if (why)
        die("%s: %s: the hub names an address for it that is refused: %s", r->word, f->path, why);
    return url;
}

/* Headers that an action asks for, "Name: value" each. Those about parts are no headers; a token of ours goes
 * to the hub by itself. */
static void action_headers(const struct repo *r, json_t *action, const char *headers[MAX_HEADERS + 1])
{
    const char *name, *href = json_string_value(json_object_get(action, "href"));
    json_t *value;
    size_t n = 0;
    json_object_foreach(json_object_get(action, "header"), name, value)
    {
        const char *text = json_string_value(value);
        bool plain = text && !strpbrk(text, "\r\n") && !strpbrk(name, "\r\n: ");
        bool ours = strcasecmp(name, "Authorization") == 0 && url_same_origin(href, r->settings->endpoint);
        if (plain && !ours && n < MAX_HEADERS)
            headers[n++] = xasprintf("%s: %s", name, text);
    }
    headers[n] = NULL;
}

static void free_headers(const char *headers[])
{
    for (size_t i = 0; headers[i]; i++)
        free((char *)headers[i]);
}

/* Posts o, which it frees, to an address that the hub named. Dies unless it is taken. */
static void tell(struct repo *r, const struct upload_file *f, const char *url, json_t *o,
                 const char *const *headers, const char *what)
{
    struct http_request q;
    char *text = json_dumps(o, JSON_COMPACT);
    struct repo_text sent = {lfs_type, text, strlen(text), headers};
    json_decref(repo_ask(r, url, &sent, false, &q));
    if (q.failed)
        die("%s: %s: %s: %s", r->word, f->path, what, q.error);
    if (q.reply.status < 200 || q.reply.status >= 300)
        die("%s: %s: %s: the server refuses it: it answers %ld%s%s", r->word, f->path, what, q.reply.status,
            q.reply.error_message ? ": " : "", q.reply.error_message ? q.reply.error_message : "");
    http_done(&q);
    json_decref(o);
    free(text);
}

static bool upload_basic(struct repo *r, const struct upload_file *f, json_t *action)
{
    const char *headers[MAX_HEADERS + 1];
    action_headers(r, action, headers);
    struct piece p = {.file = f, .headers = headers, .size = f->size};
    p.url = address(r, f, json_string_value(json_object_get(action, "href")));
    bool done = pieces_send(r, &p, 1);
    free(p.etag);
    free_headers(headers);
    return done;
}

/* The address of a part: under its number, which may have zeros before it. */
static const char *part_address(const struct repo *r, const struct upload_file *f, json_t *header,
                                uint64_t number)
{
    char name[24];
    json_t *url = NULL;
    for (int digits = 1; digits <= 5 && !url; digits++) {
        snprintf(name, sizeof name, "%0*llu", digits, (unsigned long long)number);
        url = json_object_get(header, name);
    }
    return address(r, f, json_string_value(url));
}

/* How long a part is to be. */
static uint64_t part_size(const struct repo *r, const struct upload_file *f, json_t *header)
{
    uint64_t size = 0;
    const char *text = json_string_value(json_object_get(header, "chunk_size"));
    if (!text || parse_u64(text, &size) != 0 || size == 0 || size > INT64_MAX ||
        (f->size + size - 1) / size > MAX_PARTS)
        die("%s: %s: the hub asks for parts of a size that cannot be", r->word, f->path);
    return size;
}

/* The part of that number. */
static struct piece part_of(const struct repo *r, const struct upload_file *f, json_t *header, uint64_t size,
                            struct parts *parts, size_t number)
{
    uint64_t from = (number - 1) * size;
    return (struct piece){.file = f,
                          .url = part_address(r, f, header, number),
                          .from = from,
                          .size = f->size - from < size ? f->size - from : size,
                          .parts = parts,
                          .number = number};
}

/* Sends the parts that the storage is not known to have. False: an address has ended. */
static bool send_parts(struct repo *r, const struct upload_file *f, json_t *header, uint64_t size, size_t n,
                       struct parts *parts)
{
    struct piece *pieces = xcalloc(n, sizeof *pieces);
    size_t wanted = 0;
    for (size_t i = 1; i <= n; i++)
        if (!parts_etag(parts, i))
            pieces[wanted++] = part_of(r, f, header, size, parts, i);
    if (wanted < n)
        detail("%s: the storage has %zu of its %zu parts", f->path, n - wanted, n);
    bool done = pieces_send(r, pieces, wanted);
    for (size_t i = 0; i < wanted; i++)
        free(pieces[i].etag);
    free(pieces);
    return done;
}

static bool upload_parts(struct repo *r, const struct upload_file *f, json_t *action)
{
    struct parts parts;
    json_t *header = json_object_get(action, "header"), *names = json_array();
    const char *href = address(r, f, json_string_value(json_object_get(action, "href")));
    uint64_t size = part_size(r, f, header);
    size_t n = (size_t)((f->size + size - 1) / size);
    parts_open(&parts, r->settings->uploads, f->sha256, part_address(r, f, header, 1), size);
    bool done = send_parts(r, f, header, size, n, &parts);
    for (size_t i = 1; i <= n && done; i++) {
        const char *etag = parts_etag(&parts, i);
        if (!etag)
            die("%s: %s: the storage has no name for part %zu", r->word, f->path, i);
        json_array_append_new(names, json_pack("{s:I, s:s}", "partNumber", (json_int_t)i, "etag", etag));
    }
    if (done) {
        parts_forget(&parts);
        tell(r, f, href, json_pack("{s:s, s:O}", "oid", f->sha256, "parts", names), lfs_accept,
             "joining its parts");
    }
    parts_close(&parts);
    json_decref(names);
    return done;
}

/* True: the server has the file now. False: the addresses have ended. */
static bool upload_one(struct repo *r, const struct upload_file *f, json_t *actions)
{
    json_t *upload = json_object_get(actions, "upload"), *verify = json_object_get(actions, "verify");
    const char *headers[MAX_HEADERS + 1];
    if (!json_is_object(upload)) {
        detail("%s: the server has it", f->path);
        return true;
    }
    bool parts = json_object_get(json_object_get(upload, "header"), "chunk_size") != NULL;
    if (!(parts ? upload_parts : upload_basic)(r, f, upload))
        return false;
    if (json_is_object(verify)) {
        action_headers(r, verify, headers);
        tell(r, f, address(r, f, json_string_value(json_object_get(verify, "href"))),
             json_pack("{s:s, s:I}", "oid", f->sha256, "size", (json_int_t)f->size), headers, "verifying it");
        free_headers(headers);
    }
    return true;
}

/* --- all files ------------------------------------------------------------- */

static bool is_wanted(const struct upload_file *f)
{
    return f->large && !f->there;
}

/* Asks what is to be done for each of the files. Dies unless the answer says it. */
static json_t *batch(struct repo *r, const struct upload_files *files)
{
    struct http_request q;
    json_t *objects = json_array();
    for (size_t i = 0; i < files->n; i++)
        if (is_wanted(&files->file[i]))
            json_array_append_new(objects, json_pack("{s:s, s:I}", "oid", files->file[i].sha256, "size",
                                                     (json_int_t)files->file[i].size));
    json_t *o = json_pack("{s:s, s:[s, s], s:o, s:s, s:{s:s}}", "operation", "upload", "transfers", "basic",
                          "multipart", "objects", objects, "hash_algo", "sha256", "ref", "name", "main");
    char *url = xasprintf("%s.git/info/lfs/objects/batch", r->page), *text = json_dumps(o, JSON_COMPACT);
    struct repo_text sent = {lfs_type, text, strlen(text), lfs_accept};
    json_t *answer = repo_ask(r, url, &sent, false, &q);
    if (!json_is_array(json_object_get(answer, "objects")))
        repo_refused(r, &q, "asking where large files go");
    http_done(&q);
    json_decref(o);
    free(text);
    free(url);
    return answer;
}

/* Why the hub does not take a file, in its own words, with nothing in them that steers a terminal. */
static _Noreturn void refuse_object(const struct repo *r, const struct upload_file *f, const json_t *error)
{
    const char *said = json_string_value(json_object_get(error, "message"));
    char *text = xasprintf("%.200s", said ? said : "it gives no reason");
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    die("%s: %s: the hub does not take it: %s", r->word, f->path, text);
}

static json_t *object_of(const struct repo *r, json_t *answer, const struct upload_file *f)
{
    size_t i;
    json_t *o;
    json_array_foreach(json_object_get(answer, "objects"), i, o)
    {
        const char *oid = json_string_value(json_object_get(o, "oid"));
        if (!oid || strcmp(oid, f->sha256) != 0)
            continue;
        if (json_object_get(o, "error"))
            refuse_object(r, f, json_object_get(o, "error"));
        return o;
    }
    die("%s: %s: the hub does not say where it goes", r->word, f->path);
}

void lfs_upload(struct repo *r, const struct upload_files *files)
{
    json_t *answer = NULL;
    int batches = 0;
    for (size_t i = 0; i < files->n; i++) {
        const struct upload_file *f = &files->file[i];
        if (!is_wanted(f))
            continue;
        if (!answer) {
            answer = batch(r, files);
            batches++;
        }
        if (upload_one(r, f, json_object_get(object_of(r, answer, f), "actions")))
            continue;
        if (batches == BATCHES)
            die("%s: %s: the storage forbids it (403), with new addresses too", r->word, f->path);
        json_decref(answer);
        answer = NULL;
        i--;
    }
    progress_end();
    json_decref(answer);
}
