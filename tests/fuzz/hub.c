/*
 * what comes from a hub: header lines, whatever they hold, leave a reply that can be used and freed; a path
 * that passes is one below its folder; words are refused or say what they mean
 */
#include "pipeline/fetch/reply.h"
#include "pipeline/fetch/uri.h"
#include "pipeline/fetch/url.h"

#include "tests/fuzz/fuzz.h"

static void check_headers(const char *text, size_t len)
{
    struct http_reply reply = {0};
    reply_start_hop(&reply);
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - text) - at + 1 : len - at;
        reply_header(&reply, text + at, n, at % 2 == 0);
        at += n;
    }
    MUST(reply.length >= -1 && reply.linked_size >= -1 && reply.range_total >= reply.range_first);
    MUST(reply.wait_s >= 0);
    for (const char *c = reply.error_message; c && *c; c++)
        MUST((unsigned char)*c >= ' ' && *c != 0x7f);
    free(reply_plain_etag(reply.etag));
    reply_free(&reply);
}

static void check_path(const char *path)
{
    if (!hub_path_is_safe(path))
        return;
    MUST(path[0] != '/' && !strchr(path, '\\') && !strstr(path, "//") && strcmp(path, "..") != 0);
    MUST(strncmp(path, "../", 3) != 0 && !strstr(path, "/../") && path[strlen(path) - 1] != '/');
    MUST(hub_glob_matches("**", path));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    unsigned what = fuzz_choice(&bytes, &len) % 4;
    char *text = malloc(len + 1);
    struct hub_uri u;
    MUST(text);
    memcpy(text, bytes, len);
    text[len] = '\0';
    if (what == 0) {
        check_headers(text, len);
    } else if (what == 1) {
        check_path(text);
    } else if (what == 2 && strncmp(text, "hf://", 5) == 0 && !hub_uri_parse(&u, text)) {
        MUST(strchr(u.repo, '/') && *u.revision && (!*u.path || hub_path_is_safe(u.path)));
        MUST(hub_path_is_safe(u.repo) && hub_path_is_safe(u.revision));
        hub_uri_free(&u);
    } else if (what == 3 && !url_refusal(text)) {
        MUST(url_same_origin(text, text) && !strchr(text, ' '));
        free(url_join(text, "/a"));
    }
    free(text);
    return 0;
}
