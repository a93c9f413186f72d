#include "tools/uploader/parts.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_STATE = 4 << 20 };

/* The uploadId of an address, malloc'd; NULL: it has none. */
static char *upload_of(const char *url)
{
    const char *at = strpbrk(url, "?");
    for (; at; at = strchr(at + 1, '&'))
        if (strncasecmp(at + 1, "uploadId=", 9) == 0)
            return strndup(at + 10, strcspn(at + 10, "&#"));
    return NULL;
}

static json_t *read_state(const char *path)
{
    size_t len;
    char *text = path_exists(path) ? read_file(path, &len, MAX_STATE) : NULL;
    json_t *state = text ? json_loadb(text, len, 0, NULL) : NULL;
    free(text);
    return state;
}

void parts_open(struct parts *p, const char *folder, const char *sha256, const char *url, uint64_t size)
{
    char *upload = upload_of(url), *name = xasprintf("%s.json", sha256);
    *p = (struct parts){.path = upload ? path_join(folder, name) : NULL};
    if (!upload) {
        p->state = json_pack("{s:{}}", "etags");
    } else {
        json_t *known = read_state(p->path);
        const char *id = json_string_value(json_object_get(known, "upload"));
        if (id && strcmp(id, upload) == 0 && json_is_object(json_object_get(known, "etags")) &&
            json_integer_value(json_object_get(known, "size")) == (json_int_t)size)
            p->state = json_incref(known);
        else
            p->state = json_pack("{s:s, s:I, s:{}}", "upload", upload, "size", (json_int_t)size, "etags");
        json_decref(known);
        if (!p->state)
            die("%s: no memory, or an upload whose name is no UTF-8", p->path);
        make_dirs(folder);
    }
    free(upload);
    free(name);
}

const char *parts_etag(const struct parts *p, size_t number)
{
    char key[24];
    snprintf(key, sizeof key, "%zu", number);
    return json_string_value(json_object_get(json_object_get(p->state, "etags"), key));
}

void parts_note(struct parts *p, size_t number, const char *etag)
{
    char key[24];
    snprintf(key, sizeof key, "%zu", number);
    json_object_set_new(json_object_get(p->state, "etags"), key, json_string(etag));
    if (!p->path)
        return;
    /* Two programs may send one file: each writes what it knows, and the last one's stays. */
    char *made = xasprintf("%s.%ld", p->path, (long)getpid());
    if (json_dump_file(p->state, made, JSON_INDENT(1)) != 0 || rename(made, p->path) != 0)
        die_errno("%s", made);
    free(made);
}

void parts_forget(struct parts *p)
{
    if (p->path && unlink(p->path) != 0 && errno != ENOENT)
        die_errno("%s", p->path);
}

void parts_close(struct parts *p)
{
    json_decref(p->state);
    free(p->path);
}
