#include "pipeline/fetch/settings.h"

#include "pipeline/fetch/url.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { MAX_TOKEN = 4096, TIMEOUT_S = 10 };

static const char *env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* A folder from the environment, else DEFAULT/name. */
static char *folder(const char *variable, const char *base, const char *name)
{
    const char *value = env(variable), *home = env("HOME");
    if (!value)
        return path_join(base, name);
    return value[0] == '~' && value[1] == '/' && home ? path_join(home, value + 2) : xstrdup(value);
}

static bool is_true(const char *value)
{
    static const char *const words[] = {"1", "on", "yes", "true"};
    for (size_t i = 0; value && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(value, words[i]) == 0)
            return true;
    return false;
}

/* Takes the white space off both ends, as huggingface_hub does; nothing else may be in a header's value. */
static char *clean_token(const char *value, const char *from)
{
    while (isspace((unsigned char)*value))
        value++;
    size_t n = strlen(value);
    while (n > 0 && isspace((unsigned char)value[n - 1]))
        n--;
    for (size_t i = 0; i < n; i++)
        if (!isgraph((unsigned char)value[i]))
            die("%s: the token in it has a space or a control character in it", from);
    return n > 0 ? xasprintf("%.*s", (int)n, value) : NULL;
}

static void find_token(struct hub_settings *s, const char *home)
{
    static const char *const variables[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};
    for (size_t i = 0; i < 2; i++) {
        s->token = env(variables[i]) ? clean_token(env(variables[i]), variables[i]) : NULL;
        if (s->token) {
            s->token_from = xstrdup(variables[i]);
            return;
        }
    }
    struct stat st;
    s->token_from = folder("HF_TOKEN_PATH", home, "token");
    if (stat(s->token_from, &st) != 0)
        return;
    if (st.st_mode & 077)
        warn("%s: others may read this token; chmod 600 it", s->token_from);
    char *content = read_file(s->token_from, NULL, MAX_TOKEN);
    s->token = clean_token(content, s->token_from);
    free(content);
}

static void read_endpoint(struct hub_settings *s)
{
    const char *endpoint = env("HF_ENDPOINT") ? env("HF_ENDPOINT") : "https://huggingface.co";
    const char *why = url_refusal(endpoint);
    if (why)
        die("HF_ENDPOINT: %s: %s", endpoint, why);
    size_t n = strlen(endpoint);
    while (n > 0 && endpoint[n - 1] == '/')
        n--;
    s->endpoint = xasprintf("%.*s", (int)n, endpoint);
}

void hub_settings_read(struct hub_settings *s)
{
    const char *user = env("HOME");
    char *dot_cache = path_join(user ? user : ".", ".cache"),
         *caches = folder("XDG_CACHE_HOME", dot_cache, "");
    char *home = folder("HF_HOME", caches, "huggingface");
    uint64_t timeout = TIMEOUT_S;
    const char *word = env("HF_HUB_DOWNLOAD_TIMEOUT");
    if (word && (parse_u64(word, &timeout) != 0 || timeout == 0 || timeout > 86400))
        die("HF_HUB_DOWNLOAD_TIMEOUT: '%s' is no number of seconds", word);
    read_endpoint(s);
    find_token(s, home);
    s->cache = folder("HF_HUB_CACHE", home, "hub");
    s->web_cache = path_join(caches, "tritter/web");
    s->uploads = path_join(caches, "tritter/uploads");
    s->offline = is_true(env("HF_HUB_OFFLINE"));
    s->timeout_s = (long)timeout;
    s->certificates = env("SSL_CERT_FILE");
    free(dot_cache);
    free(caches);
    free(home);
}
