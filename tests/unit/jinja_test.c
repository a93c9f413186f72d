/*
 * jinja_test - chat templates that are refused, by parsing or by rendering, and limits
 *
 * What templates make is compared with Transformers by tests/interop/chat_check.py, for which
 * `jinja_test TEMPLATE VARIABLES.json` prints a rendering.
 */
#include "pipeline/lib/fs.h"
#include "pipeline/sample/jinja/jinja.h"
#include "tests/program.h"

#include <jansson.h>
#include <string.h>

static char *render(const char *template, size_t len, json_t *variables, size_t *n, char why[256])
{
    struct jinja *j = jinja_parse(template, len, why, 256);
    char *text = j ? jinja_render(j, variables, n, why, 256) : NULL;
    jinja_free(j);
    return text;
}

static void texts(void)
{
    static const struct {
        const char *template, *text;
    } cases[] = {
        {"", ""},
        {"a\n", "a"},
        {"a\n\n", "a\n"},
        {"a\n  {% if x %}\n b\n  {% endif %}\nc", "a\n b\nc"},
        {"a {%- if x -%} b {%- endif -%} c", "abc"},
        {"{{ '}}' }}{{ {'a': {'b': 1}}['a'].b }}", "}}1"},
        {"{% set n = namespace(a=1) %}{% for i in [1, 2] %}{% set n.a = n.a + i %}{% set y = i %}{% endfor "
         "%}{{ n.a }}{{ y }}",
         "4"},
        {"{% set n = namespace() %}{% set n.me = [n] %}{{ n.me | tojson }}", "[{}]"},
        {"{{ 1.0 }} {{ 0.1 }} {{ 3 == 3.0 }} {{ x }}", "1.0 0.1 True yes"},
        {"{{ 'ab'[::-1] }}{{ [1, 2, 3][:-1] | join }}{{ 'abc'[-9:9] }}", "ba12abc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[256] = "";
        size_t n = 0;
        json_t *variables = json_pack("{s:s}", "x", "yes");
        char *text = render(cases[i].template, strlen(cases[i].template), variables, &n, why);
        CHECK(text && n == strlen(cases[i].text) && memcmp(text, cases[i].text, n) == 0,
              "'%s' gives '%s' (%s)", cases[i].template, text ? text : "", why);
        free(text);
        json_decref(variables);
    }
}

/* A message of megabytes costs time in proportion, or is refused. */
static void large(void)
{
    static char text[2 << 20];
    static const char *const templates[] = {"{{ x.split(' ') | length }}", "{{ x | list | length }}",
                                            "{{ x.split() | length }}"};
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = i % 2 ? ' ' : 'a';
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        char why[256] = "";
        size_t n;
        json_t *variables = json_pack("{s:s}", "x", text);
        char *made = render(templates[i], strlen(templates[i]), variables, &n, why);
        CHECK(!made && strcmp(why, "the template takes too many steps") == 0, "'%s': %s", templates[i], why);
        free(made);
        json_decref(variables);
    }
}

static void refusals(void)
{
    static const struct {
        const char *template, *why;
    } cases[] = {
        {"a\n{% import 'x' as y %}", "line 2: the statement 'import' is not known here"},
        {"{{ x | md5 }}", "line 1: there is no filter 'md5' here"},
        {"{{ x is callable }}", "line 1: there is no test 'callable' here"},
        {"{% if x %}", "line 1: 'elif' is missing"},
        {"{{ x", "line 1: a tag without its end"},
        {"{{ 'x }}", "line 1: a text without its end"},
        {"{{ x y }}", "line 1: the tag does not end where it should"},
        {"{{ x.__class__() }}", "texts have no method '__class__' here"},
        {"{{ open('/etc/passwd') }}", "there is no function 'open' here"},
        {"{{ raise_exception('no ' ~ x) }}", "no yes"},
        {"{{ missing.a }}", "'a' of what is not there"},
        {"{{ [1] }}", "a list or object is written out as a text"},
        {"{{ 'a' + 1 }}", "'+' between values that have none"},
        {"{{ 9223372036854775807 + 1 }}", "a number that is too large"},
        {"{{ 1 % 0 }}", "a division by zero"},
        {"{{ range(1000000) }}", "range of more than 100000"},
        {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "the template goes too deep"},
        {"{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
         "the template takes too many steps"},
        {"{% set n = namespace(t='xxxxxxxx') %}{% for a in range(99) %}{% set n.t = n.t + n.t %}{% endfor %}",
         "the template makes too much text"},
        {"{% set n = namespace(l=[1]) %}{% for a in range(99) %}{% set n.l = n.l + n.l %}{% endfor %}",
         "the template takes too many steps"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[256] = "";
        size_t n;
        json_t *variables = json_pack("{s:s}", "x", "yes");
        char *text = render(cases[i].template, strlen(cases[i].template), variables, &n, why);
        CHECK(!text && strcmp(why, cases[i].why) == 0, "'%s': '%s'", cases[i].template, text ? text : why);
        free(text);
        json_decref(variables);
    }
}

/* Brackets that are open without an end, in thousands. */
static void depth(void)
{
    char why[256] = "", many[5003] = "{{";
    size_t n;
    memset(many + 2, '(', 5000);
    CHECK(!render(many, 5002, NULL, &n, why) && strcmp(why, "line 1: too deep") == 0, "%s", why);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        char why[256];
        size_t len, n;
        char *template = read_file(argv[1], &len, 1 << 20), *text;
        json_t *variables = json_load_file(argv[2], 0, NULL);
        if (!(text = render(template, len, variables, &n, why)))
            printf("refused: %s", why);
        else
            fwrite(text, 1, n, stdout);
        free(text);
        free(template);
        json_decref(variables);
        return 0;
    }
    alarm(60);
    texts();
    refusals();
    large();
    depth();
    return 0;
}
