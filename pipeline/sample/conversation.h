/*
 * conversation.h - the messages and tools of a chat's request, checked field by field
 *
 * They stay JSON, in the shape that chat templates know: of OpenAI's, but that the arguments of a tool's call
 * are an object.
 */
#ifndef SAMPLE_CONVERSATION_H
#define SAMPLE_CONVERSATION_H

#include "pipeline/sample/request.h"

#include <jansson.h>

/* Return 0 with *out, which the caller owns; or -1 with the reason. */
int conversation_messages(json_t **out, const json_t *v, struct request_error *e);
/* An empty list is none: *out is NULL then. */
int conversation_tools(json_t **out, const json_t *v, struct request_error *e);
/* Whether a message of these has tool_calls. */
bool conversation_has_calls(const json_t *messages);

#endif
