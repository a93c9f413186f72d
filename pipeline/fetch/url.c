#include "pipeline/fetch/url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One part of an address, or NULL. curl_free releases it. */
static char *part_of(const char *url, CURLUPart part, unsigned flags)
{
    char *value = NULL;
    CURLU *u = curl_url();
    if (!u || curl_url_set(u, CURLUPART_URL, url, 0) || curl_url_get(u, part, &value, flags))
        value = NULL;
    curl_url_cleanup(u);
    return value;
}

static bool same_part(const char *a, const char *b, CURLUPart part)
{
    char *x = part_of(a, part, CURLU_DEFAULT_PORT), *y = part_of(b, part, CURLU_DEFAULT_PORT);
    bool same = x && y && strcasecmp(x, y) == 0;
    curl_free(x);
    curl_free(y);
    return same;
}

bool url_same_origin(const char *a, const char *b)
{
    return same_part(a, b, CURLUPART_SCHEME) && same_part(a, b, CURLUPART_HOST) &&
           same_part(a, b, CURLUPART_PORT);
}

/* 127.0.0.0/8 in full notation: "127.1" or "127.0.0.1.example" are none. */
static bool is_loopback(const char *host)
{
    unsigned a, b, c;
    int end = 0;
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return sscanf(host, "127.%3u.%3u.%3u%n", &a, &b, &c, &end) == 3 && host[end] == '\0' && a < 256 &&
           b < 256 && c < 256;
}

const char *url_refusal(const char *url)
{
    const char *why = NULL;
    for (const char *c = url; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '\\')
            return "it has a space, a control character or a backslash in it";
    char *scheme = part_of(url, CURLUPART_SCHEME, 0), *host = part_of(url, CURLUPART_HOST, 0);
    char *user = part_of(url, CURLUPART_USER, 0);
    if (!scheme || !host)
        why = "it is no address";
    else if (user)
        why = "it has a user name in it";
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        why = "only https is spoken";
    else if (strcmp(scheme, "http") == 0 && !is_loopback(host))
        why = "only https is spoken, but to this machine itself";
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return why;
}

char *url_join(const char *base, const char *reference)
{
    char *joined = NULL, *copy = NULL;
    CURLU *u = curl_url();
    if (u && !curl_url_set(u, CURLUPART_URL, base, 0) && !curl_url_set(u, CURLUPART_URL, reference, 0) &&
        !curl_url_get(u, CURLUPART_URL, &joined, 0))
        copy = xstrdup(joined);
    curl_free(joined);
    curl_url_cleanup(u);
    return copy;
}

void url_escape(struct strbuf *b, const char *s, bool keep_slash)
{
    for (; *s; s++) {
        if (isalnum((unsigned char)*s) || strchr("-._~", *s) || (keep_slash && *s == '/'))
            strbuf_add(b, s, 1);
        else
            strbuf_addf(b, "%%%02X", (unsigned char)*s);
    }
}

char *url_shown(const char *url)
{
    return xasprintf("%.*s", (int)strcspn(url, "?#"), url);
}

char *url_host(const char *url)
{
    const char *host = strstr(url, "://") ? strstr(url, "://") + 3 : url;
    return xasprintf("%.*s", (int)strcspn(host, "/?#"), host);
}
