#include "pipeline/alerts/webhook.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 5000, ALL_MS = 10000 };

struct webhook {
    char *url, *host;
    bool local;
    CURL *easy;
    struct curl_slist *headers;
};

static bool is_this_machine(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && host[strspn(host, "0123456789.")] == 0);
}

/* Returns the URL's host, malloc'd, or NULL: it is not allowed. */
static char *check_url(const char *url, bool *local)
{
    CURLU *u = curl_url();
    char *scheme = NULL, *host = NULL, *out = NULL;
    if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        *local = is_this_machine(host);
        if (strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && *local))
            out = xstrdup(host);
    }
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(u);
    return out;
}

static size_t ignore_body(char *bytes, size_t size, size_t n, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * n;
}

struct webhook *webhook_open(const char *url, char *err, size_t cap)
{
    bool local = false;
    char *host = check_url(url, &local);
    if (!host) {
        snprintf(err, cap, "--alert-url: neither an https:// address nor an http:// one of this machine");
        return NULL;
    }
    struct webhook *w = xcalloc(1, sizeof *w);
    w->url = xstrdup(url);
    w->host = host;
    w->local = local;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
        w->easy = curl_easy_init();
    w->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (!w->easy || !w->headers)
        die("libcurl cannot be started");
    return w;
}

static CURLcode request(struct webhook *w, const char *json, long *status)
{
    curl_easy_reset(w->easy); /* the connection is kept */
    curl_easy_setopt(w->easy, CURLOPT_URL, w->url);
    curl_easy_setopt(w->easy, CURLOPT_POSTFIELDS, json);
    curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER, w->headers);
    curl_easy_setopt(w->easy, CURLOPT_PROTOCOLS_STR, w->local ? "http,https" : "https");
    curl_easy_setopt(w->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(w->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(w->easy, CURLOPT_TIMEOUT_MS, (long)ALL_MS);
    curl_easy_setopt(w->easy, CURLOPT_WRITEFUNCTION, ignore_body);
    if (w->local)
        curl_easy_setopt(w->easy, CURLOPT_NOPROXY, "*");
    CURLcode rc = curl_easy_perform(w->easy);
    curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, status);
    return rc;
}

bool webhook_post(struct webhook *w, const char *json)
{
    long status = 0;
    CURLcode rc = request(w, json, &status);
    bool well = rc == CURLE_OK && status >= 200 && status < 300;
    if (rc != CURLE_OK)
        warn("--alert-url: %s: %s", w->host, curl_easy_strerror(rc));
    else if (!well)
        warn("--alert-url: %s: answers with status %ld", w->host, status);
    return well;
}

void webhook_close(struct webhook *w)
{
    if (!w)
        return;
    curl_slist_free_all(w->headers);
    curl_easy_cleanup(w->easy);
    free(w->url);
    free(w->host);
    free(w);
}
