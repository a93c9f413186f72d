#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/input_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_READ = 1 << 20, /* reading more at once would only touch memory needlessly */
    WAIT_MS = 200       /* how often a wait checks stop_signal */
};

bool input_more(struct input *in)
{
    if (in->eof)
        return false;
    if (in->pos > 0) {
        memmove(in->buf, in->buf + in->pos, in->len - in->pos);
        in->len -= in->pos;
        in->text_before += in->pos;
        in->pos = 0;
    }
    if (in->len == in->cap) {
        in->cap *= 2;
        in->buf = xrealloc(in->buf, in->cap);
    }
    size_t room = in->cap - in->len;
    ssize_t n;
    do
        n = decompress_read(in->file, in->buf + in->len, room < MAX_READ ? room : MAX_READ);
    while (n == DECOMPRESS_AGAIN && !stop_signal);
    if (n == DECOMPRESS_AGAIN) {
        in->stopped = in->eof = true;
        return false;
    }
    if (n < 0)
        die("%s: offset %llu: %s", in->name, (unsigned long long)decompress_offset(in->file),
            decompress_error(in->file));
    in->stats.read_bytes = in->read_before + decompress_offset(in->file);
    in->len += (size_t)n;
    in->eof = n == 0;
    return n > 0;
}

bool input_have(struct input *in, size_t n)
{
    while (in->len - in->pos < n)
        if (!input_more(in))
            return false;
    return true;
}

/* Whether the name promises documents in a compression that is not read. The bytes need not show it: few of
 * them hold no NUL, and would pass for a text. */
static bool is_unread(const char *name)
{
    static const char *const compressions[] = {".br", ".lzma", ".lz", ".lzo", ".sz", ".snappy", ".Z", ".zz"},
                             *const documents[] = {".jsonl", ".ndjson", ".json",    ".txt", ".csv",
                                                   ".tsv",   ".warc",   ".parquet", ".wet", ".tar"};
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof compressions / sizeof *compressions; i++)
        for (size_t k = 0; name_ends(name, len, compressions[i]) && k < sizeof documents / sizeof *documents;
             k++)
            if (name_ends(name, len - strlen(compressions[i]), documents[k]))
                return true;
    return false;
}

/* For what lies in a directory or an archive: there such a file is left out. */
static bool leaves_out(struct input *in, const char *name)
{
    if (!is_unread(name))
        return false;
    detail("%s: left out: its compression is not read", name);
    in->stats.binary++;
    return true;
}

static enum kind kind_of_name(const char *name, size_t len)
{
    if (name_ends(name, len, ".jsonl") || name_ends(name, len, ".ndjson"))
        return JSON_LINES;
    if (name_ends(name, len, ".json"))
        return JSON_VALUES;
    if (name_ends(name, len, ".parquet"))
        return PARQUET;
    if (name_ends(name, len, ".warc") || name_ends(name, len, ".wet"))
        return WARC;
    return name_ends(name, len, ".txt") ? TEXT_SEPARATED : TEXT;
}

/* Returns what a file holds, judged by its name; stem is the name's length without the ending of its
 * compression. A table is a text like others, unless --csv says that each row is a document. */
static enum kind kind_of_file(const struct input *in, const char *name, size_t stem)
{
    if (in->opts.csv && (name_ends(name, stem, ".csv") || name_ends(name, stem, ".tsv")))
        return TABLE;
    return kind_of_name(name, stem);
}

/* Waits for the first byte of a pipe, or its end. False: stop_signal. */
static bool wait_input(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (!stop_signal) {
        int n = poll(&p, 1, WAIT_MS);
        if (n > 0 || (n < 0 && errno != EINTR))
            return true;
    }
    return false;
}

/* Starts reading a file that was opened; if file is NULL, why says why it could not be. */
static void start_stream(struct input *in, struct decompress *file, const char *name, enum kind kind,
                         const char *why)
{
    free(in->name);
    in->name = xstrdup(name);
    in->file = file;
    if (!in->file)
        die("%s: offset 0: %s", name, why);
    in->kind = kind;
    in->eof = in->separated = false;
    in->pos = in->len = 0;
    in->text_before = 0;
    in->line = 1;
    in->place = AT_TOP;
    in->piece = 0;
    size_t stem;
    decompress_kind_of_name(name, &stem);
    in->markup = markup_of_name(name, stem);
    if (input_have(in, 3) && memcmp(in->buf, INPUT_MARK, 3) == 0)
        in->pos = 3; /* skips the byte order mark */
    if (kind == JSON_LINES && input_have(in, 4) && memcmp(in->buf, "PAR1", 4) == 0)
        die("%s: a Parquet file is read from its end: give its path, ending in .parquet", name);
}

static void start_file(struct input *in, int fd, const char *name, enum decompress_kind compression,
                       enum kind kind)
{
    char err[200] = "";
    if (!wait_input(fd)) {
        in->stopped = true;
        close(fd);
        return;
    }
    start_stream(in, decompress_open(fd, compression, err, sizeof err), name, kind, err);
}

static void begin_parquet(struct input *in, const char *name, enum decompress_kind compression)
{
    if (compression != DECOMPRESS_AUTO)
        die("%s: a Parquet file is read from its end: decompress it first", name);
    free(in->name);
    in->name = xstrdup(name);
    in->kind = PARQUET;
}

bool input_is_parquet(const char *name)
{
    return kind_of_name(name, strlen(name)) == PARQUET;
}

void input_add(struct input *in, const struct input_source *source)
{
    size_t stem;
    char err[200] = "";
    enum decompress_kind compression = decompress_kind_of_name(source->name, &stem);
    enum kind kind = kind_of_file(in, source->name, stem);
    if (kind == PARQUET) {
        begin_parquet(in, source->name, compression);
        in->parquet = parquet_docs_open_source(source, &in->opts);
        return;
    }
    struct decompress *file = decompress_open_source(source->read, source->arg, compression, err, sizeof err);
    if (!file && stop_signal)
        in->stopped = true;
    else
        start_stream(in, file, source->name, kind, err);
}

void input_end_file(struct input *in)
{
    if (in->parquet) {
        in->read_before += parquet_docs_offset(in->parquet);
        parquet_docs_close(in->parquet);
        in->parquet = NULL;
        return;
    }
    in->read_before += decompress_offset(in->file);
    decompress_close(in->file);
    csv_free(in->table);
    in->table = NULL;
    in->file = NULL;
}

/* Starts reading a member of the archive that is open. */
static void start_member(struct input *in, const char *path)
{
    size_t stem;
    char err[200] = "";
    enum decompress_kind compression = decompress_kind_of_name(path, &stem);
    enum kind kind = kind_of_file(in, path, stem);
    if (kind == PARQUET)
        die("%s: a Parquet file is read from its end: extract it first", path);
    if (members_is_archive(path))
        die("%s: an archive within an archive: extract it first", path);
    struct decompress *file = decompress_open_source(members_read, in->members, compression, err, sizeof err);
    start_stream(in, file, path, kind, err);
}

static void start_named(struct input *in, int fd, const char *path)
{
    if (members_is_archive(path)) {
        in->members = members_open(fd, path, &in->opts.globs);
        return;
    }
    size_t stem;
    enum decompress_kind compression = decompress_kind_of_name(path, &stem);
    enum kind kind = kind_of_file(in, path, stem);
    if (kind != PARQUET) {
        start_file(in, fd, path, compression, kind);
        return;
    }
    begin_parquet(in, path, compression);
    in->parquet = parquet_docs_open(fd, path, &in->opts);
}

static void open_in_directory(struct input *in, const char *path)
{
    /* The open does not block, in case the file was replaced by a pipe since the directory was read. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        die_errno("%s", path);
    start_named(in, fd, path);
}

static void open_operand(struct input *in, const char *path)
{
    struct stat st;
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == EINTR && stop_signal) { /* a FIFO that nobody has opened for writing yet */
        in->stopped = true;
        return;
    }
    if (fd < 0 || fstat(fd, &st) != 0)
        die_errno("%s", path);
    if (strcmp(path, "-") == 0) {
        if (isatty(fd))
            usage_error("documents are read from standard input, and that is a terminal");
        start_file(in, fd, "stdin", DECOMPRESS_AUTO, JSON_LINES);
    } else if (S_ISDIR(st.st_mode)) {
        close(fd);
        in->walk = walk_open(path, &in->opts.globs);
    } else if (S_ISREG(st.st_mode) && strncmp(path, "/dev/", 5) != 0) {
        if (is_unread(path))
            die("%s: its compression is not read: only .gz, .zst, .lz4, .bz2 and .xz", path);
        start_named(in, fd, path);
    } else {
        start_file(in, fd, path, DECOMPRESS_AUTO, JSON_LINES); /* pipes and other special files */
    }
}

bool input_next_file(struct input *in)
{
    while (!in->stopped && !in->file && !in->parquet) {
        const char *member = in->members ? members_next(in->members) : NULL;
        const char *path = in->walk && !in->members ? walk_next(in->walk) : NULL;
        if ((member && leaves_out(in, member)) || (!in->members && path && leaves_out(in, path)))
            continue;
        if (member) {
            start_member(in, member);
        } else if (in->members) {
            in->stopped = stop_signal;
            in->read_before += members_offset(in->members);
            members_close(in->members);
            in->members = NULL;
        } else if (path) {
            open_in_directory(in, path);
        } else if (in->walk) {
            in->stats.links += walk_links(in->walk);
            walk_close(in->walk);
            in->walk = NULL;
        } else if (in->next_path < in->n_paths) {
            open_operand(in, in->paths[in->next_path++]);
        } else {
            return false;
        }
    }
    return !in->stopped;
}
