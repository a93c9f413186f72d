#include "pipeline/media/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/decompress.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/walk.h"
#include "pipeline/media/picture.h"

enum { MAX_FILE = 1 << 30 }; /* bytes of a media file */

struct media_source {
    const struct modality *m;
    struct input_opts opts;
    const char *const *paths;
    size_t n_paths, next;
    struct walk *walk;   /* the directory being read */
    struct input *input; /* the file of documents being read */
    char *input_path;
    uint64_t passed_by; /* files in directories that were skipped */
};

struct media_source *media_source_open(const struct modality *m, const struct input_opts *opts,
                                       const char *const *paths, size_t n_paths)
{
    struct media_source *s = xcalloc(1, sizeof *s);
    *s = (struct media_source){.m = m, .opts = *opts, .paths = paths, .n_paths = n_paths};
    for (size_t i = 0; i < n_paths; i++)
        apart_input(paths[i]);
    s->opts.raw_json = true;
    return s;
}

static bool is_json(const char *path)
{
    static const char *const endings[] = {".jsonl", ".ndjson", ".json"};
    size_t stem;
    decompress_kind_of_name(path, &stem);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(endings[i]);
        if (stem > n && strncasecmp(path + stem - n, endings[i], n) == 0)
            return true;
    }
    return strcmp(path, "-") == 0;
}

static void start_input(struct media_source *s, const char *path)
{
    s->input_path = xstrdup(path);
    s->input = input_open(&s->opts, (const char *const *)&s->input_path, 1);
}

/* Opens a file below the directory. False: it is neither a media file nor one of documents. */
static bool take_walked(struct media_source *s, const char *path, struct media_item *item)
{
    if (is_json(path)) {
        start_input(s, path);
        return false;
    }
    if (!s->m->named(path)) {
        s->passed_by++;
        return false;
    }
    *item = (struct media_item){.name = path};
    return true;
}

bool media_source_next(struct media_source *s, struct media_item *item)
{
    struct doc d;
    while (!stop_signal) {
        if (s->input) {
            if (input_next(s->input, &d)) {
                *item = (struct media_item){d.id, d.text, d.len};
                return true;
            }
            input_close(s->input);
            free(s->input_path);
            s->input = NULL;
        } else if (s->walk) {
            const char *path = walk_next(s->walk);
            if (path && take_walked(s, path, item))
                return true;
            if (!path) {
                walk_close(s->walk);
                s->walk = NULL;
            }
        } else if (s->next == s->n_paths) {
            return false;
        } else {
            const char *path = s->paths[s->next++];
            if (is_json(path)) {
                start_input(s, path);
            } else if (is_dir(path)) {
                s->walk = walk_open(path, &s->opts.globs);
            } else {
                *item = (struct media_item){.name = path};
                return true;
            }
        }
    }
    return false;
}

void media_source_close(struct media_source *s)
{
    if (s->passed_by)
        say("left out: %llu %s neither %s nor JSON by name", (unsigned long long)s->passed_by,
            s->passed_by == 1 ? "file that is" : "files that are", s->m->name);
    if (s->input) {
        input_close(s->input);
        free(s->input_path);
    }
    walk_close(s->walk);
    free(s);
}

void *media_read(const char *path, size_t *len, char *err, size_t cap)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_FILE) {
        media_fail(err, cap, "%s",
                   fd < 0                 ? strerror(errno)
                   : !S_ISREG(st.st_mode) ? "not a regular file"
                                          : "larger than 1 GiB");
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    size_t room = (size_t)st.st_size;
    char *bytes = xmalloc(room + 1);
    *len = 0;
    for (ssize_t n; *len < room && (n = read(fd, bytes + *len, room - *len)) != 0;) {
        if (n > 0) {
            *len += (size_t)n;
        } else if (errno != EINTR) {
            media_fail(err, cap, "%s", strerror(errno));
            free(bytes);
            bytes = NULL;
            break;
        }
    }
    close(fd);
    return bytes;
}
