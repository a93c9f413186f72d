#include "pipeline/fetch/uri.h"

#include "pipeline/lib/fs.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATH = 1024, MAX_SEGMENT = 255 };

/* The hub's own rule for names of users and repositories. */
static bool is_name(const char *s, size_t n)
{
    if (n == 0 || n > 96 || s[0] == '.' || s[0] == '-' || s[n - 1] == '.' || s[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && !strchr("-_.", s[i]))
            return false;
    return !memmem(s, n, "..", 2) && !memmem(s, n, "--", 2);
}

/* A branch, a tag or a commit, as git allows them and as far as they can be a file's name. */
static bool is_revision(const char *s)
{
    return *s && hub_path_is_safe(s) && !strpbrk(s, " ~^:?*[");
}

static int hex(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

static void unescape(char *s)
{
    char *to = s;
    for (; *s; s++) {
        if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
            *to++ = (char)(hex(s[1]) * 16 + hex(s[2]));
            s += 2;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

/* Length of the revision at s: up to the next slash, but refs/pr/N and refs/convert/NAME have two in them. */
static size_t revision_length(const char *s)
{
    size_t n = strncmp(s, "refs/pr/", 8) == 0 ? 8 : strncmp(s, "refs/convert/", 13) == 0 ? 13 : 0;
    return n + strcspn(s + n, "/");
}

static const char *parse_path(struct hub_uri *u, const char *s)
{
    size_t n = strlen(s);
    u->folder = n == 0;
    while (n > 0 && s[n - 1] == '/') {
        n--;
        u->folder = true;
    }
    u->path = xasprintf("%.*s", (int)n, s);
    if (n > 0 && !hub_path_is_safe(u->path))
        return "the path has an empty part, \"..\", a control character or a backslash in it";
    return NULL;
}

static const char *parse(struct hub_uri *u, const char *s)
{
    static const char *const others[] = {"spaces/", "buckets/", "kernels/"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(s, others[i], strlen(others[i])) == 0)
            return "only datasets and models are fetched";
    u->kind = "models";
    if (strncmp(s, "datasets/", 9) == 0) {
        u->kind = "datasets";
        s += 9;
    } else if (strncmp(s, "models/", 7) == 0) {
        s += 7;
    }
    size_t org = strcspn(s, "/@");
    if (s[org] != '/')
        return "hf://datasets/ORG/NAME[@REVISION]/PATH or hf://ORG/NAME[@REVISION]/PATH is expected";
    size_t name = strcspn(s + org + 1, "/@");
    if (!is_name(s, org) || !is_name(s + org + 1, name))
        return "hf://datasets/ORG/NAME[@REVISION]/PATH or hf://ORG/NAME[@REVISION]/PATH is expected";
    u->repo = xasprintf("%.*s", (int)(org + 1 + name), s);
    s += org + 1 + name;
    u->revision_given = *s == '@';
    if (u->revision_given) {
        size_t n = revision_length(++s);
        u->revision = xasprintf("%.*s", (int)n, s);
        unescape(u->revision);
        s += n;
    } else {
        u->revision = xstrdup("main");
    }
    if (!is_revision(u->revision))
        return "the revision after @ is no name of a branch, a tag or a commit";
    return parse_path(u, *s == '/' ? s + 1 : s);
}

const char *hub_uri_parse(struct hub_uri *u, const char *word)
{
    *u = (struct hub_uri){0};
    const char *why = parse(u, word + strlen("hf://"));
    if (why)
        hub_uri_free(u);
    return why;
}

void hub_uri_free(struct hub_uri *u)
{
    free(u->repo);
    free(u->revision);
    free(u->path);
    *u = (struct hub_uri){0};
}

char *hub_uri_repo(const struct hub_uri *u)
{
    const char *kind = strcmp(u->kind, "datasets") == 0 ? "datasets/" : "";
    return xasprintf("hf://%s%s%s%s", kind, u->repo, u->revision_given ? "@" : "",
                     u->revision_given ? u->revision : "");
}

bool hub_path_is_safe(const char *path)
{
    size_t len = strlen(path), segment = 0;
    if (len == 0 || len > MAX_PATH)
        return false;
    for (size_t i = 0; i <= len; i++) {
        if ((unsigned char)path[i] >= ' ' && path[i] != 0x7f && path[i] != '\\' && path[i] != '/') {
            segment++;
            continue;
        }
        if (path[i] != '/' && path[i] != '\0')
            return false;
        const char *s = path + i - segment;
        bool dots = (segment == 1 && s[0] == '.') || (segment == 2 && s[0] == '.' && s[1] == '.');
        if (segment == 0 || segment > MAX_SEGMENT || dots)
            return false;
        segment = 0;
    }
    return true;
}

bool hub_is_glob(const char *path)
{
    return strpbrk(path, "*?[") != NULL;
}

/* The part after the one at s, or NULL. */
static const char *next_part(const char *s)
{
    const char *slash = strchr(s, '/');
    return slash ? slash + 1 : NULL;
}

static bool is_any(const char *glob)
{
    return strncmp(glob, "**", 2) == 0 && (glob[2] == '/' || glob[2] == '\0');
}

static bool part_matches(const char *glob, const char *path)
{
    char pattern[MAX_PATH + 1], part[MAX_PATH + 1];
    size_t g = strcspn(glob, "/"), p = strcspn(path, "/");
    if (g > MAX_PATH || p > MAX_PATH)
        return false;
    memcpy(pattern, glob, g);
    memcpy(part, path, p);
    pattern[g] = part[p] = '\0';
    return fnmatch(pattern, part, 0) == 0;
}

/* Part by part; after a mismatch the last "**" takes one part more. */
bool hub_glob_matches(const char *glob, const char *path)
{
    const char *after_any = NULL, *taken = NULL;
    while (path) {
        if (glob && is_any(glob)) {
            glob = after_any = next_part(glob);
            taken = path;
            if (!glob)
                return true;
        } else if (glob && part_matches(glob, path)) {
            glob = next_part(glob);
            path = next_part(path);
        } else if (after_any) {
            path = taken = next_part(taken);
            glob = after_any;
        } else {
            return false;
        }
    }
    return !glob;
}
