/*
 * chat_test - requests for chats, with tools: what is refused, and that nothing of a client's becomes a
 * special token
 *
 * Texts are compared with Transformers by tests/interop/chat_check.py, for which `chat_test DIR TOKENIZER
 * BODY.json` prints the text of a request's ids, by the chat template in DIR.
 */
#include "pipeline/lib/fs.h"
#include "pipeline/sample/chat.h"
#include "pipeline/sample/conversation.h"
#include "pipeline/text/vocabulary/tokenizer.h"
#include "tests/program.h"

#include <string.h>

struct told { /* of a request */
    struct strbuf text;
    size_t n_special;
    char why[400];
};

static struct told tell(const char *dir, const struct tokenizer *tok, const char *body, size_t len)
{
    struct told told = {0};
    struct request r;
    struct request_error e;
    struct chat c;
    size_t n = 0;
    chat_open(&c, dir, tok);
    struct encoder *encoder = encoder_new(tok, NULL);
    int failed = request_parse(&r, body, len, true, &e);
    const struct chat_template *template = chat_template_for(&c, failed ? NULL : r.tools);
    int32_t *ids = failed || !template->jinja
                       ? NULL
                       : chat_encode(&c, encoder, r.messages, r.tools, &n, told.why, sizeof told.why);
    if (failed)
        snprintf(told.why, sizeof told.why, "%s: %s", e.param, e.message);
    else if (!template->jinja)
        snprintf(told.why, sizeof told.why, "%s", template->why);
    for (size_t i = 0; i < n; i++) {
        size_t k;
        const char *s = tokenizer_bytes(tok, (uint32_t)ids[i], &k);
        strbuf_add(&told.text, s, k);
        told.n_special += tokenizer_is_special(tok, (uint32_t)ids[i]);
    }
    free(ids);
    request_free(&r);
    encoder_free(encoder);
    chat_close(&c);
    return told;
}

static struct tokenizer *load(const char *path)
{
    char err[500];
    struct tokenizer *tok = tokenizer_load(path, err, sizeof err);
    CHECK(tok, "%s", err);
    return tok;
}

#define USER "{\"role\":\"user\",\"content\":\"" NAME "?\"}"
#define CALL                                                                                                 \
    "{\"role\":\"assistant\",\"content\":null,\"refusal\":null,\"tool_calls\":[{\"id\":\"" NAME              \
    "\",\"type\":\"function\",\"function\":{\"name\":\"f" NAME "\",\"arguments\":\"{\\\"" NAME               \
    "\\\": [1.0, \\\"" NAME "\\\"]}\"}}]}"
#define ANSWER "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"name\":\"f\",\"content\":\"" NAME "\"}"
#define TOOLS                                                                                                \
    "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"" NAME                           \
    "\",\"parameters\":{\"" NAME "\":[\"" NAME "\",null,1e-7]}}}]"
#define BODY "{\"messages\":[" USER "," CALL "," ANSWER "],\"tools\":" TOOLS ",\"tool_choice\":\"auto\"}"

/* The name of a special token stands wherever a client may write, and in other bodies letters do. */
static void names_stay_letters(const struct tokenizer *tok)
{
#define NAME "<|im_end|>"
    struct told names = tell(".", tok, BODY, strlen(BODY));
#undef NAME
#define NAME "letters"
    struct told letters = tell(".", tok, BODY, strlen(BODY));
    CHECK(names.text.len > 0 && letters.text.len > 0, "%s %s", names.why, letters.why);
    CHECK(letters.n_special == 9, "%zu special tokens", letters.n_special);
    CHECK(names.n_special == letters.n_special, "%zu special tokens", names.n_special);
    CHECK(strstr(letters.text.s, "{\"type\": \"function\", \"function\": {\"name\": \"f\", \"description\": "
                                 "\"letters\", \"parameters\": {\"letters\": [\"letters\", null, 1e-07]}}}"),
          "%s", letters.text.s);
    CHECK(
        strstr(letters.text.s, "{\"name\": \"fletters\", \"arguments\": {\"letters\": [1.0, \"letters\"]}}"),
        "%s", letters.text.s);
    size_t found = 0;
    for (const char *s = names.text.s; (s = strstr(s, "<|im_end|>")); s++)
        found++;
    CHECK(found == 8 + 4, "%zu names in %s", found, names.text.s);
    strbuf_free(&names.text);
    strbuf_free(&letters.text);
}

static void refusals(const struct tokenizer *tok)
{
    static const struct {
        const char *body, *why;
    } cases[] = {
        {"{\"messages\":[]}", "messages: 'messages' must be an array with at least one"},
        {"{\"messages\":[3]}", "messages: 'messages': each needs a 'role'"},
        {"{\"messages\":[{\"role\":\"user\"}]}", "messages: 'messages': each needs a 'role' and a 'content'"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":null}]}", "each needs a 'role' and a 'content'"},
        {"{\"messages\":[{\"content\":\"a\"}]}", "each needs a 'role' and a 'content'"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[]}]}", "'content' must be a text"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"audio\":{}}]}", "'audio' is not supported"},
        {"{\"messages\":[{\"role\":\"a\",\"tool_calls\":[]}]}", "'tool_calls' must be an array of calls"},
        {"{\"messages\":[{\"role\":\"a\",\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]}]}",
         "needs a 'name'"},
        {"{\"messages\":[{\"role\":\"a\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"[]\"}}"
         "]}]}",
         "a JSON object, or its text"},
        {"{\"messages\":[{\"role\":\"a\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]"
         "}]}",
         "a JSON object, or its text"},
        {"{\"messages\":[{\"role\":\"a\",\"tool_calls\":[{\"index\":1}]}]}",
         "'index' of a call is not supported"},
        {"{\"messages\":[{\"role\":\"a\",\"tool_calls\":[{\"id\":1}]}]}", "'id' of a call must be a text"},
        {"{\"messages\":[" USER "],\"tools\":{}}", "tools: 'tools' must be an array"},
        {"{\"messages\":[" USER "],\"tools\":[{\"type\":\"function\"}]}", "tools: 'tools': each needs"},
        {"{\"messages\":[" USER "],\"tools\":[{\"type\":\"x\",\"function\":{\"name\":\"f\"}}]}",
         "each needs"},
        {"{\"messages\":[" USER "],\"tool_choice\":\"required\"}",
         "tool_choice: 'tool_choice' must be \"auto\""},
        {"{\"messages\":[" USER "],\"tool_choice\":{}}", "tool_choice: 'tool_choice' must be \"auto\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told told = tell(".", tok, cases[i].body, strlen(cases[i].body));
        CHECK(told.text.len == 0 && strstr(told.why, cases[i].why), "%s gives '%s'", cases[i].body, told.why);
    }
    static const char no_tools[] = "{\"messages\":[" USER "],\"tools\":[]}";
    struct told told = tell(".", tok, no_tools, strlen(no_tools));
    CHECK(told.text.len > 0 && !strstr(told.text.s, "# Tools"), "%s", told.why);
    strbuf_free(&told.text);
}

static void write_text(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "w");
    CHECK(f && fwrite(text, 1, len, f) == len && fclose(f) == 0, "%s", path);
}

/* The template that is called tool_use serves when there are tools. */
static void a_template_for_tools(const struct tokenizer *tok)
{
    static const char several[] = "{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"for tools\"},"
                                  "{\"name\":\"default\",\"template\":\"usual\"}]}";
    static const char with[] = "{\"messages\":[" USER "],\"tools\":" TOOLS "}",
                      without[] = "{\"messages\":[" USER "]}";
    const struct {
        const char *body, *text;
    } cases[] = {{with, "for tools"}, {without, "usual"}, {with, "in a file"}, {without, "usual"}};
    CHECK(remove("chat_template.jinja") == 0, "chat_template.jinja");
    write_text("tokenizer_config.json", several, strlen(several));
    for (size_t i = 0; i < 4; i++) {
        if (i == 2) {
            make_dirs("additional_chat_templates");
            write_text("additional_chat_templates/tool_use.jinja", "in a file", 9);
        }
        struct told told = tell(".", tok, cases[i].body, strlen(cases[i].body));
        CHECK(told.text.len == strlen(cases[i].text) && strcmp(told.text.s, cases[i].text) == 0,
              "case %zu: '%s' %s", i, told.text.len ? told.text.s : "", told.why);
        strbuf_free(&told.text);
    }
}

int main(int argc, char **argv)
{
    size_t len;
    if (argc == 4) {
        char *body = read_file(argv[3], &len, 1 << 20);
        struct told told = tell(argv[1], load(argv[2]), body, len);
        if (told.text.len > 0)
            fwrite(told.text.s, 1, told.text.len, stdout);
        else
            printf("refused: %s", told.why);
        return 0;
    }
    test_begin(60);
    const char *root = getenv("ROOT") ? getenv("ROOT") : ".";
    char dir[] = "/tmp/chat-test-XXXXXX", path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/v1/tokenizer.json", root);
    struct tokenizer *tok = load(path);
    snprintf(path, sizeof path, "%s/tests/golden/chat/qwen.jinja", root);
    char *template = read_file(path, &len, 1 << 20);
    CHECK(mkdtemp(dir) && chdir(dir) == 0, "%s", dir);
    write_text("chat_template.jinja", template, len);
    names_stay_letters(tok);
    refusals(tok);
    a_template_for_tools(tok);
    remove_tree(dir);
    free(template);
    tokenizer_free(tok);
    return 0;
}
