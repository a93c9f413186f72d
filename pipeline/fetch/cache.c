#include "pipeline/fetch/cache.h"

#include "pipeline/fetch/place.h"
#include "pipeline/lib/dir.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_REF = 4096, MAX_TREE_BYTES = 512 << 20, TREE_VERSION = 1 };

static bool is_hex(const char *s, size_t n)
{
    return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

bool is_commit(const char *s)
{
    return is_hex(s, 40);
}

bool is_hub_etag(const char *s)
{
    return is_hex(s, 40) || is_hex(s, 64);
}

/* datasets--ORG--NAME */
static char *folder_name(const struct hub_uri *u)
{
    const char *slash = strchr(u->repo, '/');
    return xasprintf("%s--%.*s--%s", u->kind, (int)(slash - u->repo), u->repo, slash + 1);
}

char *cache_folder(const char *cache, const struct hub_uri *u)
{
    char *name = folder_name(u), *folder = path_join(cache, name);
    free(name);
    return folder;
}

char *cache_commit(const char *folder, const char *revision)
{
    char commit[MAX_REF + 1];
    if (is_commit(revision))
        return xstrdup(revision);
    char *ref = xasprintf("%s/refs/%s", folder, revision);
    int fd = open(ref, O_RDONLY | O_CLOEXEC);
    free(ref);
    if (fd < 0)
        return NULL;
    ssize_t n = read(fd, commit, MAX_REF);
    close(fd);
    commit[n > 0 ? n : 0] = '\0';
    commit[strcspn(commit, " \r\n")] = '\0';
    return is_commit(commit) ? xstrdup(commit) : NULL;
}

/* Writes a small file under another name and renames it: readers see it whole. False: it could not be. */
static bool replace_file(const char *path, const char *content, size_t n)
{
    char *partial = partial_name(path);
    int fd = partial_open(partial);
    bool ok = fd >= 0 && write(fd, content, n) == (ssize_t)n && fsync(fd) == 0 && rename(partial, path) == 0;
    if (fd >= 0 && !ok)
        unlink(partial);
    if (fd >= 0)
        close(fd);
    free(partial);
    return ok;
}

/* Puts a small file into the cache, with the folders above it. A cache that cannot be written to is no
 * failure. */
static void put_file(const char *path, const char *content, size_t n)
{
    char *why = place_make_parents(path);
    if (why || !replace_file(path, content, n))
        detail("%s: cannot be written", path);
    free(why);
}

void cache_set_ref(const char *folder, const char *revision, const char *commit)
{
    char *known = cache_commit(folder, revision);
    if (!known || strcmp(known, commit) != 0) {
        char *ref = xasprintf("%s/refs/%s", folder, revision);
        put_file(ref, commit, strlen(commit));
        free(ref);
    }
    free(known);
}

char *cache_find(const char *folder, const char *commit, const char *path)
{
    char *file = xasprintf("%s/snapshots/%s/%s", folder, commit, path);
    struct stat st;
    if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
        return file;
    free(file);
    return NULL;
}

static char *tree_path(const char *folder, const char *commit)
{
    return xasprintf("%s/trees/%s.json", folder, commit);
}

/* False: the entry is none that we can use, and so the whole tree is not. */
static bool read_entry(const char *path, json_t *entry, struct file_list *files)
{
    const char *oid = json_string_value(json_object_get(entry, "blob_id"));
    const char *sha256 = json_string_value(json_object_get(entry, "lfs_sha256"));
    const json_t *size = json_object_get(entry, sha256 ? "lfs_size" : "size");
    if (!hub_path_is_safe(path) || !oid || !json_is_integer(size) || !is_hub_etag(sha256 ? sha256 : oid))
        return false;
    struct remote_file *f = file_list_add(files);
    f->path = xstrdup(path);
    f->etag = xstrdup(sha256 ? sha256 : oid);
    f->git_oid = sha256 ? xstrdup(oid) : NULL;
    f->size = json_integer_value(size);
    return f->size >= 0;
}

bool cache_read_tree(const char *folder, const char *commit, struct file_list *files)
{
    char *path = tree_path(folder, commit);
    const char *key;
    json_t *entry, *root = path_exists(path) ? json_load_file(path, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_t *all = json_object_get(root, "files");
    bool ok =
        json_integer_value(json_object_get(root, "format_version")) == TREE_VERSION && json_is_object(all);
    if (ok)
        json_object_foreach(all, key, entry) ok = ok && read_entry(key, entry, files);
    if (!ok)
        file_list_free(files);
    json_decref(root);
    free(path);
    file_list_sort(files);
    return ok;
}

void cache_write_tree(const char *folder, const char *commit, const struct file_list *files)
{
    json_t *all = json_object();
    for (size_t i = 0; i < files->n; i++) {
        const struct remote_file *f = &files->v[i];
        json_int_t size = (json_int_t)f->size;
        json_t *entry = f->git_oid ? json_pack("{sI ss ss sI}", "size", size, "blob_id", f->git_oid,
                                               "lfs_sha256", f->etag, "lfs_size", size)
                                   : json_pack("{sI ss}", "size", size, "blob_id", f->etag);
        json_object_set_new(all, f->path, entry);
    }
    json_t *root = json_pack("{si so}", "format_version", TREE_VERSION, "files", all);
    char *text = json_dumps(root, JSON_INDENT(1)), *path = tree_path(folder, commit);
    if (text)
        put_file(path, text, strlen(text));
    free(text);
    free(path);
    json_decref(root);
}

static void list_below(const char *dir, const char *prefix, struct file_list *files);

static void list_entry(const char *dir, const char *prefix, const char *name, struct file_list *files)
{
    char *full = path_join(dir, name), *path = *prefix ? path_join(prefix, name) : xstrdup(name);
    struct stat st;
    if (lstat(full, &st) == 0 && S_ISDIR(st.st_mode)) {
        list_below(full, path, files);
    } else if (stat(full, &st) == 0 && S_ISREG(st.st_mode)) {
        struct remote_file *f = file_list_add(files);
        f->path = xstrdup(path);
        f->size = st.st_size;
    }
    free(full);
    free(path);
}

static void list_below(const char *dir, const char *prefix, struct file_list *files)
{
    struct dir d = dir_read_if_there(dir);
    for (size_t i = 0; i < d.n; i++)
        list_entry(dir, prefix, d.names[i], files);
    dir_free(&d);
}

void cache_list_snapshot(const char *folder, const char *commit, struct file_list *files)
{
    char *dir = xasprintf("%s/snapshots/%s", folder, commit);
    list_below(dir, "", files);
    file_list_sort(files);
    free(dir);
}

void cache_place(const char *cache, const struct hub_uri *u, const char *commit, struct remote_file *f)
{
    char *name = folder_name(u);
    struct strbuf up = {0};
    for (const char *s = f->path; s; s = strchr(s, '/') ? strchr(s, '/') + 1 : NULL)
        strbuf_addf(&up, "../");
    f->blob = xasprintf("%s/%s/blobs/%s", cache, name, f->etag);
    f->lock = xasprintf("%s/.locks/%s/%s.lock", cache, name, f->etag);
    f->link = xasprintf("%s/%s/snapshots/%s/%s", cache, name, commit, f->path);
    f->link_target = xasprintf("%s../blobs/%s", up.s, f->etag);
    f->hashed = true;
    strbuf_free(&up);
    free(name);
}
