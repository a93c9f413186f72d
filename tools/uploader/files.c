#include "tools/uploader/files.h"

#include "pipeline/lib/dir.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The list for the directory itself: what those need who load the model. */
static const struct {
    const char *pattern;
    enum file_kind kind;
} allowed[] = {
    {"README.md", FILE_TEXT},
    {"config.json", FILE_TEXT},
    {"generation_config.json", FILE_TEXT},
    {"chat_template.jinja", FILE_TEXT},
    {"model.safetensors", FILE_TENSORS},
    {"model-[0-9][0-9][0-9][0-9][0-9]-of-[0-9][0-9][0-9][0-9][0-9].safetensors", FILE_TENSORS},
    {"model.safetensors.index.json", FILE_TEXT},
    {"tokenizer.json", FILE_VOCABULARY},
    {"tokenizer_config.json", FILE_TEXT},
    {"special_tokens_map.json", FILE_TEXT},
    {"added_tokens.json", FILE_VOCABULARY},
    {"vocab.json", FILE_VOCABULARY},
    {"merges.txt", FILE_VOCABULARY},
};
/* The list for trainer/, which --with-trainer sends. */
static const struct {
    const char *pattern;
    enum file_kind kind;
} allowed_trainer[] = {
    {"state.json", FILE_TEXT},
    {"optimizer.safetensors", FILE_TENSORS},
    {"lookahead.safetensors", FILE_TENSORS},
    {"finish.safetensors", FILE_TENSORS},
    {"finish-averages.safetensors", FILE_TENSORS},
};

static struct upload_file *add(struct upload_files *files, const char *path, enum file_kind kind, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        die_errno("%s", path);
    if (!S_ISREG(st.st_mode))
        die("%s: is no plain file", path);
    if (files->n == UPLOAD_MAX_FILES)
        die("more than %d files: the hub takes no more in a commit (tools/export hf --shard-size makes "
            "larger "
            "ones)",
            UPLOAD_MAX_FILES);
    struct upload_file *f = &files->file[files->n++];
    *f = (struct upload_file){.path = xstrdup(path), .kind = kind, .fd = fd, .size = (uint64_t)st.st_size};
    return f;
}

static void add_from(struct upload_files *files, const char *dir, const char *path, enum file_kind kind)
{
    char *full = path_join(dir, path);
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        die_errno("%s", full);
    add(files, path, kind, fd);
    free(full);
}

void files_collect(struct upload_files *files, const char *dir, bool trainer)
{
    char *inside = path_join(dir, "trainer");
    struct dir d = dir_read(dir), t = trainer ? dir_read_if_there(inside) : (struct dir){0};
    files->n = 0;
    for (size_t i = 0; i < d.n; i++)
        for (size_t k = 0; k < sizeof allowed / sizeof *allowed; k++)
            if (fnmatch(allowed[k].pattern, d.names[i], 0) == 0)
                add_from(files, dir, d.names[i], allowed[k].kind);
    if (trainer && t.n == 0)
        die("%s: there is no such directory, or nothing in it", inside);
    for (size_t i = 0; i < t.n; i++)
        for (size_t k = 0; k < sizeof allowed_trainer / sizeof *allowed_trainer; k++)
            if (strcmp(allowed_trainer[k].pattern, t.names[i]) == 0) {
                char *path = path_join("trainer", t.names[i]);
                add_from(files, dir, path, allowed_trainer[k].kind);
                free(path);
            }
    dir_free(&d);
    dir_free(&t);
    free(inside);
}

struct upload_file *files_find(struct upload_files *files, const char *path)
{
    for (size_t i = 0; i < files->n; i++)
        if (strcmp(files->file[i].path, path) == 0)
            return &files->file[i];
    return NULL;
}

void files_put(struct upload_files *files, const char *path, const char *text, size_t n)
{
    struct upload_file *old = files_find(files, path);
    int fd = memfd_create(path, MFD_CLOEXEC);
    if (fd < 0)
        die_errno("%s: memory for it", path);
    write_all(fd, text, n, path);
    if (old) {
        close(old->fd);
        old->fd = fd;
        old->size = n;
    } else {
        add(files, path, FILE_TEXT, fd);
    }
}

static void release(struct upload_file *f)
{
    close(f->fd);
    free(f->path);
}

void files_remove(struct upload_files *files, const char *path)
{
    struct upload_file *f = files_find(files, path);
    if (!f)
        return;
    release(f);
    memmove(f, f + 1, (size_t)(files->file + --files->n - f) * sizeof *f);
}

void files_close(struct upload_files *files)
{
    while (files->n > 0)
        release(&files->file[--files->n]);
}

void files_hash(struct upload_files *files)
{
    struct digest *d = digest_new(DIGEST_SHA256);
    for (size_t i = 0; i < files->n; i++) {
        struct upload_file *f = &files->file[i];
        progress("reading", i, files->n, "files", f->path);
        if (!digest_add_file(d, f->fd, f->size) || !digest_git_blob(f->fd, f->size, f->git))
            die("%s: has become shorter while it was read", f->path);
        digest_end(d, f->sha256);
    }
    progress_end();
    digest_free(d);
}

size_t file_read(const struct upload_file *f, uint64_t at, char *bytes, size_t n)
{
    ssize_t k;
    do
        k = pread(f->fd, bytes, n, (off_t)at);
    while (k < 0 && errno == EINTR);
    return k > 0 ? (size_t)k : 0;
}

char *file_content(const struct upload_file *f, uint64_t most)
{
    if (f->size > most)
        die("%s: has %llu bytes, more than the %llu that such a file may have", f->path,
            (unsigned long long)f->size, (unsigned long long)most);
    char *text = xmalloc((size_t)f->size + 1);
    uint64_t at = 0;
    while (at < f->size) {
        size_t n = file_read(f, at, text + at, (size_t)(f->size - at));
        if (n == 0)
            die("%s: has become shorter while it was read", f->path);
        at += n;
    }
    text[at] = '\0';
    return text;
}
