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
        {"{{ 'a' \"b\"\n'c' }}{{ 'a\\tb' }}{{ 'x' -}} y", "abca\tbxy"},
        {"{{ '\xc3\xa9x'.find('x') }}{{ 'ab'.endswith(('x', 'b')) }}{{ '' | join }}", "1True"},
        {"{{ 1e3 + 2.5E-1 }} {{ 1.e }}", "1000.25 "},
        {"{{ 'a\\x00\\nb' | indent(2) | length }}{{ 'a\\x00b'.find('b') }}{{ 'a\\x00b' > 'a\\x00a' }}",
         "62True"},
        {"{{ range(9223372036854775800, 9223372036854775807, 100) | length }}", "1"},
        {"{{ [1, 2, 3][1::9223372036854775807] | join }}{{ [1, 2, 3][1:: 0 - 9223372036854775807] | join }}",
         "22"},
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
        {"{{ (-9223372036854775807 - 1) // -1 }}", "a number that is too large"},
        {"{{ 99999999999999999999.0 | int }}", "a number that is too large"},
        {"{{ (1 2) }}", "line 1: ',' is missing"},
        {"{{ range(1000000) }}", "range of more than 100000"},
        {"{{ 1e999 }}", "line 1: a number that is too large"},
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

#define DOUBLE "{% set s = s + s %}"
#define OFTEN(what) "{% for i in range(49999) %}{% set t = " what " %}{% endfor %}"

/* Templates that would take hours, all memory or all of the stack: a unit n times, between two texts. */
static void hostile(void)
{
    static const char steps[] = "the template takes too many steps",
                      text[] = "the template makes too much text",
                      deep[] = "lists and objects within others go too deep";
    static const struct {
        const char *before, *unit;
        size_t n;
        const char *after, *why; /* why NULL: a text is made */
    } cases[] = {
        {"{{", "(", 5000, "", "line 1: too deep"},
        {"{{ ", "-", 500000, "1 }}", "line 1: too deep"},
        {"{{ ", "not ", 200000, "1 }}", "line 1: too deep"},
        {"{% if x %}", "{% elif x %}", 80000, "{% endif %}", "line 1: too deep"},
        {"{{ ", "'a' ", 250000, "}}", NULL},
        {"", "x", (1 << 20) + 1, "", "line 1: a template of more than 1048576 bytes"},
        {"{% set x = 1 %}", "{%set x=[x]%}", 75000, "", NULL},
        {"{% set x = 1 %}", "{%set x=[x]%}", 75000, "{{ x | tojson }}", deep},
        {"{% set x = 1 %}", "{%set x=[x]%}", 75000, "{{ x == [x] }}", deep},
        {"{% set x = [1] %}", "{% set x = [x, x] %}", 40, "{{ x | tojson }}", steps},
        {"{% set x = [1] %}{% set y = [1] %}", "{% set x = [x, x] %}{% set y = [y, y] %}", 40, "{{ x == y }}",
         steps},
        {"{% set x = ['b'] %}", "{% set x = [x, x] %}", 40, "{{ 'a'.startswith(x) }}", NULL},
        {"{% set s = 'a' %}", DOUBLE, 20, "{{ range(99999) | join(s) }}", text},
        {"{% set s = 'a\\n' %}", DOUBLE, 20, "{{ s | indent(255) }}", text},
        {"{% set s = '\\n' %}", DOUBLE, 20, "{{ s.replace('\\n', s) }}", text},
        {"{% set s = 'a' %}", DOUBLE, 20, OFTEN("s | upper"), steps},
        {"{% set s = 'a' %}", DOUBLE, 20, OFTEN("[s] | tojson"), steps},
        {"{% set s = ' ' %}", DOUBLE, 20, OFTEN("s | trim"), steps},
        {"{% set s = ' ' %}", DOUBLE, 20, OFTEN("s | length"), steps},
        {"{% set s = ' ' %}", DOUBLE, 20, OFTEN("'b' in s"), steps},
        {"{% set s = ' ' %}", DOUBLE, 20, OFTEN("s.find('b')"), steps},
        {"{% set s = ' ' %}", DOUBLE, 20, OFTEN("''.startswith(s)"), steps},
        {"{% set s = ' ' %}", DOUBLE, 20, "{% set t = s + 'a' %}" OFTEN("s < t"), steps},
        {"{% set s = ' ' %}", DOUBLE, 20, "{{ (s + 'a').strip('b' + s) }}", steps},
        {"{% set s = [1] %}", DOUBLE, 16, OFTEN("2 in s"), steps},
        {"{% set s = [1] %}", DOUBLE, 16, OFTEN("s | join"), steps},
        {"", "", 0, OFTEN("range(99999)"), steps},
        {"", "{% macro a() %}{% endmacro %}", 30000, OFTEN("range(1)"), steps},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[256] = "";
        size_t n;
        struct strbuf b = {0};
        strbuf_addf(&b, "%s", cases[i].before);
        for (size_t k = 0; k < cases[i].n; k++)
            strbuf_add(&b, cases[i].unit, strlen(cases[i].unit));
        strbuf_addf(&b, "%s", cases[i].after);
        json_t *variables = json_object();
        char *made = render(b.s, b.len, variables, &n, why);
        CHECK(!made == !!cases[i].why && (made || strcmp(why, cases[i].why) == 0), "'%s...%s': '%s'",
              cases[i].before, cases[i].after, made ? "is made" : why);
        free(made);
        strbuf_free(&b);
        json_decref(variables);
    }
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
    test_begin(60);
    texts();
    refusals();
    large();
    hostile();
    return 0;
}
