#include "pipeline/sample/request.h"

#include "pipeline/lib/fs.h"
#include "pipeline/sample/conversation.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int request_refuse(struct request_error *e, const char *param, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->message, sizeof e->message, fmt, ap);
    va_end(ap);
    snprintf(e->param, sizeof e->param, "%s", param);
    return -1;
}

static char *copy_text(const json_t *s, size_t *len)
{
    *len = json_string_length(s);
    char *copy = xmalloc(*len + 1);
    memcpy(copy, json_string_value(s), *len + 1);
    return copy;
}

static int take_bool(bool *out, const char *name, const json_t *v, struct request_error *e)
{
    if (!json_is_boolean(v))
        return request_refuse(e, name, "'%s' must be true or false", name);
    *out = json_is_true(v);
    return 0;
}

static int take_number(double *out, const char *name, const json_t *v, double least, double most,
                       struct request_error *e)
{
    double x = json_number_value(v);
    if (!json_is_number(v) || !(x >= least && x <= most))
        return request_refuse(e, name, "'%s' must be a number within %g and %g", name, least, most);
    *out = x;
    return 0;
}

static int take_int(int64_t *out, const char *name, const json_t *v, int64_t least, int64_t most,
                    struct request_error *e)
{
    json_int_t x = json_integer_value(v);
    if (!json_is_integer(v) || x < least || x > most)
        return request_refuse(e, name, "'%s' must be a whole number within %lld and %lld", name,
                              (long long)least, (long long)most);
    *out = x;
    return 0;
}

static int take_ids(struct request_prompt *p, const json_t *v, struct request_error *e)
{
    p->n_ids = json_array_size(v);
    p->ids = xcalloc(p->n_ids + 1, sizeof *p->ids);
    for (size_t i = 0; i < p->n_ids; i++) {
        const json_t *id = json_array_get(v, i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > INT32_MAX)
            return request_refuse(e, "prompt", "'prompt': element %zu is not a token's id", i);
        p->ids[i] = (int32_t)json_integer_value(id);
    }
    return 0;
}

static int take_one_prompt(struct request *r, const json_t *v, struct request_error *e)
{
    struct request_prompt *p = &r->prompts[r->n_prompts++];
    if (json_is_array(v))
        return take_ids(p, v, e);
    if (!json_is_string(v))
        return request_refuse(e, "prompt", "'prompt' must be a text, ids, or an array of either");
    p->text = copy_text(v, &p->len);
    return 0;
}

/* A text, an array of texts, an array of ids, or an array of arrays of ids. */
static int take_prompts(struct request *r, const json_t *v, struct request_error *e)
{
    bool several = json_is_array(v) && json_array_size(v) && !json_is_integer(json_array_get(v, 0));
    size_t n = several ? json_array_size(v) : 1;
    if (n > REQUEST_MAX_CHOICES)
        return request_refuse(e, "prompt", "'prompt': %zu prompts, the most are %d", n, REQUEST_MAX_CHOICES);
    r->prompts = xcalloc(n, sizeof *r->prompts);
    for (size_t i = 0; i < n; i++)
        if (take_one_prompt(r, several ? json_array_get(v, i) : v, e) != 0)
            return -1;
    return 0;
}

/* The model is not made to call a tool, or a certain one, so no other choice would be obeyed. */
static int take_tool_choice(struct request *r, const json_t *v, struct request_error *e)
{
    const char *choice = json_string_value(v);
    if (!choice || (strcmp(choice, "auto") != 0 && strcmp(choice, "none") != 0))
        return request_refuse(e, "tool_choice", "'tool_choice' must be \"auto\" or \"none\"");
    r->tools_are_off = strcmp(choice, "none") == 0;
    return 0;
}

static int add_stop(struct request *r, const json_t *v, struct request_error *e)
{
    if (!json_is_string(v) || json_string_length(v) == 0 ||
        strlen(json_string_value(v)) != json_string_length(v))
        return request_refuse(e, "stop", "'stop' must be a text or an array of texts, none of them empty");
    r->stops.v = xrealloc((void *)r->stops.v, (r->stops.n + 1) * sizeof *r->stops.v);
    r->stops.v[r->stops.n++] = xstrdup(json_string_value(v));
    return 0;
}

static int take_stops(struct request *r, const json_t *v, struct request_error *e)
{
    if (!json_is_array(v))
        return add_stop(r, v, e);
    if (json_array_size(v) > REQUEST_MAX_STOPS)
        return request_refuse(e, "stop", "'stop': the most are %d texts", REQUEST_MAX_STOPS);
    for (size_t i = 0; i < json_array_size(v); i++)
        if (add_stop(r, json_array_get(v, i), e) != 0)
            return -1;
    return 0;
}

static int take_biases(struct request *r, const json_t *v, struct request_error *e)
{
    const char *key;
    json_t *value;
    if (!json_is_object(v) || json_object_size(v) > REQUEST_MAX_BIASES)
        return request_refuse(e, "logit_bias", "'logit_bias' must be an object with at most %d tokens",
                              REQUEST_MAX_BIASES);
    r->biases = xcalloc(json_object_size(v) + 1, sizeof *r->biases);
    json_object_foreach((json_t *)(uintptr_t)v, key, value)
    {
        uint64_t id;
        double bias = 0;
        if (parse_u64(key, &id) != 0 || id > INT32_MAX)
            return request_refuse(e, "logit_bias", "'logit_bias': '%.40s' is not a token's id", key);
        if (take_number(&bias, "logit_bias", value, -100, 100, e) != 0)
            return -1;
        r->biases[r->n_biases++] = (struct request_bias){(int32_t)id, (float)bias};
    }
    return 0;
}

static int take_stream_options(struct request *r, const json_t *v, struct request_error *e)
{
    const char *key;
    json_t *value;
    if (!json_is_object(v))
        return request_refuse(e, "stream_options", "'stream_options' must be an object");
    json_object_foreach((json_t *)(uintptr_t)v, key, value)
    {
        if (strcmp(key, "include_usage") != 0)
            return request_refuse(e, "stream_options", "'stream_options': '%.40s' is not known", key);
        if (take_bool(&r->usage_in_stream, "stream_options", value, e) != 0)
            return -1;
    }
    return 0;
}

static int take_model(struct request *r, const json_t *v, struct request_error *e)
{
    size_t len;
    if (!json_is_string(v))
        return request_refuse(e, "model", "'model' must be a text");
    free(r->model);
    r->model = copy_text(v, &len);
    return 0;
}

/* A completion's logprobs are a number; a chat's are true or false, and top_logprobs is the number. */
static int take_logprobs(struct request *r, const char *name, const json_t *v, struct request_error *e)
{
    int64_t top = 0;
    bool wanted = false;
    if (r->chat && strcmp(name, "logprobs") == 0) {
        if (take_bool(&wanted, name, v, e) != 0)
            return -1;
        r->logprobs = !wanted ? -1 : r->logprobs < 0 ? 0 : r->logprobs;
        return 0;
    }
    if (take_int(&top, name, v, 0, 20, e) != 0)
        return -1;
    r->logprobs = (int)top;
    return 0;
}

static int take_top_k(struct request *r, const json_t *v, struct request_error *e)
{
    int64_t k = 0;
    if (take_int(&k, "top_k", v, 0, INT32_MAX, e) != 0)
        return -1;
    r->sampling.top_k = (int)k;
    return 0;
}

static int take_n(struct request *r, const json_t *v, struct request_error *e)
{
    int64_t n = 1;
    if (take_int(&n, "n", v, 1, REQUEST_MAX_CHOICES, e) != 0)
        return -1;
    r->n = (int)n;
    return 0;
}

static int take_seed(struct request *r, const json_t *v, struct request_error *e)
{
    if (!json_is_integer(v))
        return request_refuse(e, "seed", "'seed' must be a whole number");
    r->has_seed = true;
    r->seed = (uint64_t)json_integer_value(v);
    return 0;
}

/* Fields that choose tokens. Returns 1 when name is none of them. */
static int take_sampling(struct request *r, const char *name, const json_t *v, struct request_error *e)
{
    static const struct {
        const char *name;
        double least, most;
        size_t at;
    } numbers[] = {
        {"temperature", 0, 100, offsetof(struct request, sampling.temperature)},
        {"top_p", 0, 1, offsetof(struct request, sampling.top_p)},
        {"min_p", 0, 1, offsetof(struct request, sampling.min_p)},
        {"repetition_penalty", 0.01, 100, offsetof(struct request, sampling.repetition_penalty)},
        {"presence_penalty", -2, 2, offsetof(struct request, presence_penalty)},
        {"frequency_penalty", -2, 2, offsetof(struct request, frequency_penalty)},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i].name) == 0)
            return take_number((double *)(void *)((char *)r + numbers[i].at), name, v, numbers[i].least,
                               numbers[i].most, e);
    return strcmp(name, "top_k") == 0        ? take_top_k(r, v, e)
           : strcmp(name, "seed") == 0       ? take_seed(r, v, e)
           : strcmp(name, "logit_bias") == 0 ? take_biases(r, v, e)
                                             : 1;
}

/* Fields that a completion and a chat have each for themselves. Returns 1 when name is none of them. */
static int take_own(struct request *r, const char *name, const json_t *v, struct request_error *e)
{
    int64_t best;
    if (r->chat)
        return strcmp(name, "messages") == 0       ? conversation_messages(&r->messages, v, e)
               : strcmp(name, "tools") == 0        ? conversation_tools(&r->tools, v, e)
               : strcmp(name, "tool_choice") == 0  ? take_tool_choice(r, v, e)
               : strcmp(name, "top_logprobs") == 0 ? take_logprobs(r, name, v, e)
               : strcmp(name, "max_completion_tokens") == 0
                   ? take_int(&r->max_tokens, name, v, 0, REQUEST_MAX_TOKENS, e)
                   : 1;
    return strcmp(name, "prompt") == 0    ? take_prompts(r, v, e)
           : strcmp(name, "echo") == 0    ? take_bool(&r->echo, name, v, e)
           : strcmp(name, "best_of") == 0 ? take_int(&best, name, v, 1, 1, e)
                                          : 1;
}

static int take_field(struct request *r, const char *name, const json_t *v, struct request_error *e)
{
    if (json_is_null(v) || strcmp(name, "user") == 0)
        return 0;
    int done = take_sampling(r, name, v, e);
    if (done == 1)
        done = take_own(r, name, v, e);
    if (done != 1)
        return done;
    if (strcmp(name, "model") == 0)
        return take_model(r, v, e);
    if (strcmp(name, "max_tokens") == 0)
        return take_int(&r->max_tokens, name, v, 0, REQUEST_MAX_TOKENS, e);
    if (strcmp(name, "n") == 0)
        return take_n(r, v, e);
    if (strcmp(name, "stop") == 0)
        return take_stops(r, v, e);
    if (strcmp(name, "stream") == 0)
        return take_bool(&r->stream, name, v, e);
    if (strcmp(name, "stream_options") == 0)
        return take_stream_options(r, v, e);
    if (strcmp(name, "logprobs") == 0)
        return take_logprobs(r, name, v, e);
    if (strcmp(name, "ignore_eos") == 0)
        return take_bool(&r->ignore_eos, name, v, e);
    return request_refuse(e, name, "'%.60s' is not supported", name);
}

static int check_whole(const struct request *r, struct request_error *e)
{
    if (r->chat ? !r->messages : r->n_prompts == 0)
        return request_refuse(e, r->chat ? "messages" : "prompt", "'%s' is missing",
                              r->chat ? "messages" : "prompt");
    if (!r->chat && r->n_prompts * (size_t)r->n > REQUEST_MAX_CHOICES)
        return request_refuse(e, "n", "%zu prompts, %d choices each: the most are %d in all", r->n_prompts,
                              r->n, REQUEST_MAX_CHOICES);
    if (r->usage_in_stream && !r->stream)
        return request_refuse(e, "stream_options", "'stream_options' is for streams only");
    return 0;
}

int request_parse(struct request *r, const char *body, size_t len, bool chat, struct request_error *e)
{
    json_error_t why;
    const char *key;
    json_t *value;
    *e = (struct request_error){0};
    *r = (struct request){.chat = chat,
                          .sampling = {.temperature = 1, .top_p = 1, .repetition_penalty = 1},
                          .max_tokens = chat ? -1 : 16,
                          .n = 1,
                          .logprobs = -1};
    json_t *j = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (!j)
        return request_refuse(e, "", "the body is not JSON: byte %d: %.180s", why.position, why.text);
    int failed = json_is_object(j) ? 0 : request_refuse(e, "", "the body is not a JSON object");
    json_object_foreach(j, key, value)
    {
        if (!failed)
            failed = take_field(r, key, value, e);
    }
    json_decref(j);
    return failed ? failed : check_whole(r, e);
}

void request_free(struct request *r)
{
    for (size_t i = 0; i < r->n_prompts; i++) {
        free(r->prompts[i].text);
        free(r->prompts[i].ids);
    }
    for (size_t i = 0; i < r->stops.n; i++)
        free((char *)(uintptr_t)r->stops.v[i]);
    free((void *)r->stops.v);
    free(r->prompts);
    json_decref(r->messages);
    json_decref(r->tools);
    free(r->biases);
    free(r->model);
}
