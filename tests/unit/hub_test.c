/*
 * hub_test - the words of the hub, globs, addresses that are refused, and headers
 */
#include "pipeline/fetch/reply.h"
#include "pipeline/fetch/uri.h"
#include "pipeline/fetch/url.h"
#include "tests/check.h"

#include <string.h>

static void words_say_what_they_mean(void)
{
    static const struct {
        const char *word, *kind, *repo, *revision, *path;
        bool folder;
    } cases[] = {
        {"hf://datasets/org/name", "datasets", "org/name", "main", "", true},
        {"hf://datasets/org/name/", "datasets", "org/name", "main", "", true},
        {"hf://org/name/a/b.txt", "models", "org/name", "main", "a/b.txt", false},
        {"hf://models/org/name@v1/a/", "models", "org/name", "v1", "a", true},
        {"hf://datasets/org/name@refs/convert/parquet/default/*.parquet", "datasets", "org/name",
         "refs/convert/parquet", "default/*.parquet", false},
        {"hf://datasets/org/name@refs/pr/7/x", "datasets", "org/name", "refs/pr/7", "x", false},
        {"hf://datasets/org/name@a%2Fb/x", "datasets", "org/name", "a/b", "x", false},
        {"hf://datasets/or.g/na_me-1.5@main", "datasets", "or.g/na_me-1.5", "main", "", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hub_uri u;
        const char *why = hub_uri_parse(&u, cases[i].word);
        CHECK(!why, "%s: %s", cases[i].word, why);
        CHECK(strcmp(u.kind, cases[i].kind) == 0 && strcmp(u.repo, cases[i].repo) == 0, "%s", cases[i].word);
        CHECK(strcmp(u.revision, cases[i].revision) == 0, "%s: %s", cases[i].word, u.revision);
        CHECK(strcmp(u.path, cases[i].path) == 0 && u.folder == cases[i].folder, "%s: %s", cases[i].word,
              u.path);
        hub_uri_free(&u);
    }
}

static void bad_words_are_refused(void)
{
    static const char *const words[] = {
        "hf://",
        "hf://org",
        "hf://datasets/org",
        "hf://spaces/org/name",
        "hf://buckets/org/name",
        "hf://-a/b",
        "hf://org/na me",
        "hf://org/a--b",
        "hf://org/name@",
        "hf://org/name@../x",
        "hf://org/name@a%2f..%2fb/x",
        "hf://org/name/../x",
        "hf://org/name/a//b",
        "hf://org/name/a\\b",
        "hf://org/name/a\nb",
        "hf://org/name@a:b",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct hub_uri u;
        CHECK(hub_uri_parse(&u, words[i]), "%s", words[i]);
    }
}

static void globs_stay_within_folders(void)
{
    static const struct {
        const char *glob, *path;
        bool matches;
    } cases[] = {
        {"*", "a", true},
        {"*", "a/b", false},
        {"**", "a/b/c", true},
        {"**/c", "c", true},
        {"**/c", "a/b/c", true},
        {"**/c", "a/b/c/d", false},
        {"a/**", "a", false},
        {"a/**", "a/b/c", true},
        {"a/**/d", "a/d", true},
        {"a/**/d", "a/b/c/d", true},
        {"**/b/**/d", "a/b/c/b/x/d", true},
        {"a/*/c", "a/b/c", true},
        {"a/*/c", "a/b/b/c", false},
        {"x[0-3].?", "x2.y", true},
        {"x[0-3].?", "x4.y", false},
        {"**/**/**/**/**/**/**/**/z", "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/y", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(hub_glob_matches(cases[i].glob, cases[i].path) == cases[i].matches, "%s %s", cases[i].glob,
              cases[i].path);
}

static void addresses_are_https_or_here(void)
{
    static const char *const good[] = {"https://example.org/a?b=c", "http://127.0.0.1:8080/",
                                       "http://localhost/a", "http://127.9.9.9/", "http://[::1]:80/"};
    static const char *const bad[] = {"http://example.org/",
                                      "ftp://127.0.0.1/",
                                      "http://127.0.0.1.example.org/",
                                      "https://user@example.org/",
                                      "http://128.0.0.1/",
                                      "https://a b/",
                                      "http://localhost.evil/",
                                      "file:///etc",
                                      "https://a/\\b",
                                      ""};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(!url_refusal(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(url_refusal(bad[i]), "%s", bad[i]);
    CHECK(url_same_origin("https://a.b/x", "https://A.b:443/y?z"));
    CHECK(!url_same_origin("https://a.b/x", "https://a.b:444/x"));
    CHECK(!url_same_origin("https://a.b/x", "http://a.b/x"));
    CHECK(!url_same_origin("https://a.b/x", "https://c.b/x"));
}

static void header(struct http_reply *r, const char *line, bool ours)
{
    reply_header(r, line, strlen(line), ours);
}

static void headers_are_read(void)
{
    struct http_reply r = {0};
    reply_start_hop(&r);
    header(&r, "HTTP/1.1 302 Found\r\n", true);
    header(&r, "x-linked-etag: \"abc\"\r\n", true);
    header(&r, "X-Linked-Size: 12\r\n", true);
    header(&r, "Link: <https://a/1>; rel=\"prev\", <https://a/3?x=1>; rel=\"next\"\r\n", true);
    CHECK(r.status == 302 && r.linked_size == 12 && strcmp(r.next, "https://a/3?x=1") == 0);
    header(&r, "HTTP/2 206\r\n", false);
    header(&r, "X-Linked-Etag: \"evil\"\r\n", false); /* another host's word on it does not count */
    header(&r, "Content-Range: bytes 5-9/10\r\n", false);
    CHECK(r.status == 206 && strcmp(r.linked_etag, "\"abc\"") == 0 && !r.next);
    CHECK(r.range_first == 5 && r.range_total == 10 && r.length == -1);
    header(&r, "HTTP/1.1 429 Too Many\r\n", false);
    header(&r, "RateLimit: \"api\";r=0;t=55\r\n", false);
    CHECK(r.wait_s == 55);
    header(&r, "Retry-After: 60\r\n", false);
    CHECK(r.wait_s == 60);
    header(&r, "Content-Length: 99999999999999999999\r\n", false);
    CHECK(r.length == -1);
    CHECK(reply_header(&r, "\r\n", 2, false));
    reply_free(&r);
    char *plain = reply_plain_etag("W/\"x\"");
    CHECK(strcmp(plain, "x") == 0);
    free(plain);
}

int main(void)
{
    test_begin(20);
    words_say_what_they_mean();
    bad_words_are_refused();
    globs_stay_within_folders();
    addresses_are_https_or_here();
    headers_are_read();
    return 0;
}
