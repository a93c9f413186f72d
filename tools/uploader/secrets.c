#include "tools/uploader/secrets.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <ctype.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TOKEN_LETTERS = 20,     /* hf_ and so many letters and digits look like a token of the hub */
    MAX_TEXT = 512 << 20,   /* of a file that is text */
    MAX_HEADER = 100 << 20, /* of a safetensors file */
    SHOWN = 80,             /* of a path, in a message */
};

/* Names that say nothing about a person. */
static bool is_common(const char *user)
{
    static const char *const names[] = {"root",  "user",   "ubuntu", "debian", "admin",
                                        "build", "runner", "data",   "test",   "nobody"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(user, names[i]) == 0)
            return true;
    return strlen(user) < 3;
}

void secrets_know(struct secrets *s, const char *token, const char *owner, const char *dir)
{
    const struct passwd *pw = getpwuid(getuid());
    const char *home = getenv("HOME"), *user = getenv("USER");
    char *here = getcwd(NULL, 0);
    *s = (struct secrets){.token = token, .here = here, .model = realpath(dir, NULL)};
    s->home = home && *home ? home : pw ? pw->pw_dir : NULL;
    s->user = user && *user ? user : pw ? pw->pw_name : NULL;
    if (s->user && (is_common(s->user) || strcmp(s->user, owner) == 0))
        s->user = NULL;
}

void secrets_forget(struct secrets *s)
{
    free(s->here);
    free(s->model);
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* Where word stands in text by itself, with no letter or digit on either side. NULL: nowhere. */
static const char *find_word(const char *text, size_t n, const char *word)
{
    size_t k = strlen(word);
    for (const char *at = text; (at = memmem(at, n - (size_t)(at - text), word, k)) != NULL; at++) {
        const char *end = at + k;
        if ((at == text || !isalnum((unsigned char)at[-1])) &&
            (end == text + n || !isalnum((unsigned char)*end)))
            return at;
    }
    return NULL;
}

static const char *find_token(const char *text, size_t n)
{
    for (const char *at = text; (at = memmem(at, n - (size_t)(at - text), "hf_", 3)) != NULL; at++) {
        size_t k = 3;
        while (at + k < text + n && isalnum((unsigned char)at[k]))
            k++;
        if (k >= 3 + TOKEN_LETTERS)
            return at;
    }
    return NULL;
}

/* "/x/y" after a blank, a quote, or what else begins a word: not the rest of an address or a fraction. */
static const char *find_path(const char *text, size_t n)
{
    for (const char *at = text; (at = memchr(at, '/', n - (size_t)(at - text))) != NULL; at++) {
        const char *c = at + 1, *end = text + n;
        if (at > text && !strchr(" \t\n\"'`=,([{|", at[-1]))
            continue;
        while (c < end && is_word(*c))
            c++;
        if (c > at + 1 && c + 1 < end && *c == '/' && is_word(c[1]))
            return at;
    }
    return NULL;
}

static char *found(const char *text, const char *at, const char *what)
{
    return xasprintf("byte %zu: %s", (size_t)(at - text), what);
}

static char *found_path(const char *text, size_t n, const char *at)
{
    size_t k = 0, most = n - (size_t)(at - text) < SHOWN ? n - (size_t)(at - text) : SHOWN;
    while (k < most && (is_word(at[k]) || at[k] == '/'))
        k++;
    return xasprintf("byte %zu: an absolute path, %.*s", (size_t)(at - text), (int)k, at);
}

/* Whether a path tells something: one of a single part ("/root", "/tmp") may be a token of any vocabulary. */
static bool is_telling(const char *path)
{
    return path && path[0] == '/' && strchr(path + 1, '/') != NULL;
}

char *secrets_in(const struct secrets *s, const char *text, size_t n, enum file_kind kind)
{
    const char *at, *paths[] = {s->home, s->here, s->model};
    if (s->token && (at = memmem(text, n, s->token, strlen(s->token))) != NULL)
        return found(text, at, "the token that opens the hub");
    if ((at = find_token(text, n)) != NULL)
        return found(text, at, "what looks like a token of the hub");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (is_telling(paths[i]) && (at = find_word(text, n, paths[i])) != NULL)
            return found_path(text, n, at);
    if (kind == FILE_VOCABULARY)
        return NULL;
    if ((at = find_path(text, n)) != NULL)
        return found_path(text, n, at);
    if (s->user && (at = find_word(text, n, s->user)) != NULL)
        return found(text, at, "the user's name");
    return NULL;
}

/* The JSON at the head of a safetensors file. */
static char *tensors_header(const struct upload_file *f, size_t *n)
{
    unsigned char b[8];
    uint64_t length = 0;
    if (file_read(f, 0, (char *)b, 8) != 8)
        die("%s: is shorter than the head of a safetensors file", f->path);
    for (int i = 7; i >= 0; i--)
        length = length << 8 | b[i];
    if (length > MAX_HEADER || length > f->size - 8)
        die("%s: byte 0: says that its header has %llu bytes", f->path, (unsigned long long)length);
    char *text = xmalloc((size_t)length + 1);
    for (*n = 0; *n < length;) {
        size_t k = file_read(f, 8 + *n, text + *n, (size_t)length - *n);
        if (k == 0)
            die("%s: has become shorter while it was read", f->path);
        *n += k;
    }
    return text;
}

void secrets_check_file(const struct secrets *s, const struct upload_file *f)
{
    size_t n = (size_t)f->size;
    char *text = f->kind == FILE_TENSORS ? tensors_header(f, &n) : file_content(f, MAX_TEXT);
    char *what = secrets_in(s, text, n, f->kind);
    if (what)
        die("%s: %s; nothing was sent", f->path, what);
    free(text);
}
