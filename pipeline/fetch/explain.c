#include "pipeline/fetch/explain.h"

#include "pipeline/lib/fs.h"

#include <string.h>

static bool is_code(const struct http_reply *r, const char *code)
{
    return r->error_code && strcmp(r->error_code, code) == 0;
}

static char *explain_gated(const struct hub_settings *s, const char *page)
{
    if (s->token)
        return xasprintf(
            "it is gated, and the account of the token in %s has not been let in: accept its terms at %s",
            s->token_from, page);
    return xasprintf("it is gated: accept its terms at %s, then log in (hf auth login) or set HF_TOKEN",
                     page);
}

static char *explain_missing_repo(const struct hub_settings *s, const char *page)
{
    if (s->token)
        return xasprintf("there is no such repository for the account of the token in %s: look at %s",
                         s->token_from, page);
    return xasprintf(
        "there is no such repository: look at %s; if it is private, log in (hf auth login) or set HF_TOKEN",
        page);
}

char *explain_refusal(const struct hub_settings *s, const struct http_reply *r, const char *page)
{
    const char *said = r->error_message ? r->error_message : "";
    if (!page)
        return xasprintf("the server answers %ld%s%s", r->status, *said ? ": " : "", said);
    if (is_code(r, "GatedRepo"))
        return explain_gated(s, page);
    if (is_code(r, "RevisionNotFound"))
        return xasprintf("it has no such branch, tag or commit: those it has are at %s/tree/main", page);
    if (is_code(r, "EntryNotFound"))
        return xasprintf("it has no such file or folder in this revision: those it has are at %s/tree/main",
                         page);
    if (r->status == 401 && strstr(said, "Invalid credentials"))
        return xasprintf("the hub does not know the token in %s: make a new one at %s/settings/tokens",
                         s->token_from, s->endpoint);
    if (r->status == 401 || is_code(r, "RepoNotFound"))
        return explain_missing_repo(s, page);
    if (r->status == 403)
        return xasprintf("the hub forbids it%s%s: the token needs the right to read %s", *said ? ": " : "",
                         said, page);
    return xasprintf("the hub answers %ld%s%s", r->status, *said ? ": " : "", said);
}
