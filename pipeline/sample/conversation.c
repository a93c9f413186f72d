#include "pipeline/sample/conversation.h"

#include <string.h>

/* The arguments of a call, which clients send as a text, as templates take them: an object. NULL: they are
 * none. The caller owns them. */
static json_t *arguments_of(json_t *v)
{
    if (json_is_object(v))
        return json_incref(v);
    json_t *parsed = json_is_string(v) ? json_loadb(json_string_value(v), json_string_length(v),
                                                    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL)
                                       : NULL;
    if (json_is_object(parsed))
        return parsed;
    json_decref(parsed);
    return NULL;
}

static int add_call(json_t *calls, const json_t *v, struct request_error *e)
{
    const char *key;
    json_t *field, *function = json_object_get(v, "function"), *name = json_object_get(function, "name");
    json_object_foreach((json_t *)(uintptr_t)v, key, field)
    {
        if (strcmp(key, "id") != 0 && strcmp(key, "type") != 0 && field != function)
            return request_refuse(e, "messages", "'messages': the field '%.40s' of a call is not supported",
                                  key);
        if (field != function && !json_is_string(field))
            return request_refuse(e, "messages", "'messages': '%s' of a call must be a text", key);
    }
    json_t *arguments = arguments_of(json_object_get(function, "arguments"));
    if (!json_is_string(name) || json_object_size(function) != 2 || !arguments) {
        json_decref(arguments);
        return request_refuse(e, "messages",
                              "'messages': the 'function' of a call needs a 'name' and 'arguments' alone: a "
                              "JSON object, or its text");
    }
    json_t *call = json_copy((json_t *)(uintptr_t)v);
    json_object_set_new(call, "function", json_pack("{s:O, s:o}", "name", name, "arguments", arguments));
    return json_array_append_new(calls, call);
}

static int take_calls(json_t *message, const json_t *v, struct request_error *e)
{
    json_t *calls = json_array(), *one;
    size_t i;
    if (!json_is_array(v) || json_array_size(v) == 0) {
        json_decref(calls);
        return request_refuse(e, "messages", "'messages': 'tool_calls' must be an array of calls");
    }
    json_object_set_new(message, "tool_calls", calls);
    json_array_foreach(v, i, one)
    {
        if (add_call(calls, one, e) != 0)
            return -1;
    }
    return 0;
}

static int take_field(json_t *message, const char *key, json_t *v, struct request_error *e)
{
    if (strcmp(key, "tool_calls") == 0)
        return take_calls(message, v, e);
    if (strcmp(key, "role") != 0 && strcmp(key, "content") != 0 && strcmp(key, "name") != 0 &&
        strcmp(key, "tool_call_id") != 0)
        return request_refuse(e, "messages", "'messages': the field '%.40s' is not supported", key);
    if (!json_is_string(v))
        return request_refuse(e, "messages", "'messages': '%s' must be a text", key);
    return json_object_set(message, key, v);
}

/* A message needs no content when it calls tools; templates see then whether it was null or not there. */
static int take_message(json_t *message, const json_t *v, struct request_error *e)
{
    const char *key;
    json_t *field, *content = json_object_get(v, "content");
    json_object_foreach((json_t *)(uintptr_t)v, key, field)
    {
        if (!json_is_null(field) && take_field(message, key, field, e) != 0)
            return -1;
    }
    if (!json_object_get(message, "role") ||
        (!json_is_string(content) && !json_object_get(message, "tool_calls")))
        return request_refuse(e, "messages",
                              "'messages': each needs a 'role' and a 'content' that are texts");
    return json_is_null(content) ? json_object_set(message, "content", content) : 0;
}

int conversation_messages(json_t **out, const json_t *v, struct request_error *e)
{
    json_t *one, *message;
    size_t i;
    if (!json_is_array(v) || json_array_size(v) == 0)
        return request_refuse(e, "messages", "'messages' must be an array with at least one message");
    *out = json_array();
    json_array_foreach(v, i, one)
    {
        json_array_append_new(*out, message = json_object());
        if (take_message(message, one, e) != 0)
            return -1;
    }
    return 0;
}

int conversation_tools(json_t **out, const json_t *v, struct request_error *e)
{
    json_t *one;
    size_t i;
    if (!json_is_array(v))
        return request_refuse(e, "tools", "'tools' must be an array");
    json_array_foreach(v, i, one)
    {
        const char *type = json_string_value(json_object_get(one, "type"));
        if (!type || strcmp(type, "function") != 0 ||
            !json_is_string(json_object_get(json_object_get(one, "function"), "name")))
            return request_refuse(
                e, "tools", "'tools': each needs the 'type' \"function\", and a 'function' with a 'name'");
    }
    *out = json_array_size(v) ? json_incref((json_t *)(uintptr_t)v) : NULL;
    return 0;
}

bool conversation_has_calls(const json_t *messages)
{
    const json_t *one;
    size_t i;
    json_array_foreach(messages, i, one)
    {
        if (json_object_get(one, "tool_calls"))
            return true;
    }
    return false;
}
