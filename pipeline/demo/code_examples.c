/* code_examples.c - arguments at random, results from the family's evaluator, both written as source of a
 * language */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/demo/code.h"

static const struct list words =
    LIST("apple", "banana", "cat", "dog", "flower", "garden", "house", "table", "river", "window", "yellow",
         "orange", "python", "letter", "music", "number", "pencil", "rabbit", "summer", "winter");
static const struct list palindromes =
    LIST("level", "noon", "radar", "kayak", "civic", "mom", "dad", "stats", "rotor");
static const struct list subjects =
    LIST("the cat", "the dog", "a bird", "my friend", "the boy", "the girl", "an owl", "the fox");
static const struct list verbs = LIST("sees", "likes", "finds", "has", "wants", "draws", "follows");
static const struct list objects =
    LIST("a red ball", "the moon", "a tree", "a small house", "the river", "an apple", "two books");
static const struct list people =
    LIST("Anna", "Ben", "Mia", "Tom", "Lily", "Sam", "Leo", "Emma", "Max", "Zoe");

static const char *const number_words[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                           "seven", "eight", "nine", "ten",   "eleven", "twelve"};

/* Parameter names by parameter types: a '/'-separated choice of '.'-separated names. */
static const struct {
    const char *types, *names;
} parameters[] = {
    {"i", "n/x/number/value"},
    {"ii", "a.b/x.y"},
    {"iii", "a.b.c/x.y.z"},
    {"ijk", "x.low.high"},
    {"ie", "base.exponent"},
    {"l", "numbers/values/items/nums"},
    {"li", "numbers.target/values.target/items.target"},
    {"w", "word/text/s"},
    {"p", "word/text/s"},
    {"t", "text/sentence"},
    {"n", "name"},
};

unsigned code_n_params(const struct family *f)
{
    return (unsigned)strcspn(f->types, ">");
}

char code_result_type(const struct family *f)
{
    return f->types[code_n_params(f) + 1];
}

/* One of the '/'-separated parts of s, at random. */
static const char *choose_part(struct gen *g, const char *s, size_t *n)
{
    unsigned parts = 1;
    for (const char *p = s; *p; p++)
        parts += *p == '/';
    for (unsigned k = gen_below(g, parts); k > 0; k--)
        s = strchr(s, '/') + 1;
    *n = strcspn(s, "/");
    return s;
}

static void bind_parameters(struct gen *g, const struct family *f)
{
    size_t n = code_n_params(f), len;
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        if (strlen(parameters[i].types) != n || memcmp(parameters[i].types, f->types, n))
            continue;
        const char *s = choose_part(g, parameters[i].names, &len), *end = s + len;
        for (char key = 'a'; s < end; key++) {
            size_t word = strcspn(s, "./");
            gen_set_n(g, (char[]){key, '0', '\0'}, s, word);
            s += word + 1;
        }
    }
}

/* The function's name with its constant put in; camelCase for TypeScript. The text is kept in slot fn. */
static void bind_name(struct gen *g, const struct family *f, long k, enum code_language lang, char out[64])
{
    size_t n, len = 0;
    const char *s = choose_part(g, f->names, &n), *end = s + n;
    while (s < end) {
        if (*s == '$') {
            size_t w = strlen(number_words[k]);
            memcpy(out + len, number_words[k], w);
            len += w;
            s += 3;
        } else {
            out[len++] = *s++;
        }
    }
    out[len] = '\0';
    if (lang == TYPESCRIPT) {
        size_t to = 0;
        for (size_t i = 0; i <= len; i++) {
            if (out[i] == '_') {
                i++;
                out[to++] = (char)toupper((unsigned char)out[i]);
            } else {
                out[to++] = out[i];
            }
        }
    }
    gen_set(g, "fn", out);
}

long code_bind(struct gen *g, const struct family *f, enum code_language lang, char name[64])
{
    long k = f->k_hi ? gen_range(g, f->k_lo, f->k_hi) : 0;
    gen_num(g, "k0", k);
    bind_name(g, f, k, lang, name);
    bind_parameters(g, f);
    return k;
}

static void random_sentence(struct gen *g, struct value *v)
{
    const struct list *const parts[] = {&subjects, &verbs, &objects};
    size_t len = 0;
    for (int i = 0, n = gen_chance(g, 40) ? 1 : 3; i < n; i++) {
        const char *s = gen_pick(g, parts[i]);
        if (i)
            v->s[len++] = ' ';
        memcpy(v->s + len, s, strlen(s) + 1);
        len += strlen(s);
    }
}

static void random_argument(struct gen *g, const struct family *f, char type, struct value *v)
{
    memset(v, 0, sizeof *v);
    v->type = strchr("wptn", type) ? 's' : type == 'l' ? 'l' : 'i';
    switch (type) {
    case 'l':
        v->n = gen_range(g, 3, 5);
        for (int i = 0; i < v->n; i++)
            v->v[i] = gen_range(g, f->lo, f->hi);
        break;
    case 'e':
        v->i = gen_range(g, 0, 3);
        break;
    case 'j':
        v->i = gen_range(g, 0, 9);
        break;
    case 'k':
        v->i = gen_range(g, 10, 20);
        break;
    case 'w':
        strcpy(v->s, gen_pick(g, &words));
        break;
    case 'p':
        strcpy(v->s, gen_pick(g, gen_chance(g, 50) ? &palindromes : &words));
        break;
    case 'n':
        strcpy(v->s, gen_pick(g, &people));
        break;
    case 't':
        random_sentence(g, v);
        break;
    default:
        v->i = gen_range(g, f->lo, f->hi);
        break;
    }
}

void code_example(struct gen *g, const struct family *f, long k, struct example *e)
{
    for (unsigned i = 0; i < code_n_params(f); i++)
        random_argument(g, f, f->types[i], &e->args[i]);
    memset(&e->result, 0, sizeof e->result);
    e->result.type = code_result_type(f);
    f->eval(e->args, k, &e->result);
}

static void put_list(struct gen *g, const struct value *v)
{
    gen_code(g, "[");
    for (int i = 0; i < v->n; i++) {
        gen_num(g, "zv", v->v[i]);
        gen_code(g, i ? ", $zv" : "$zv");
    }
    gen_code(g, "]");
}

void code_put_value(struct gen *g, const struct value *v, enum code_language lang)
{
    if (v->type == 'i') {
        gen_num(g, "zv", v->i);
        gen_code(g, "$zv");
    } else if (v->type == 'b') {
        gen_code(g, lang == PYTHON ? (v->i ? "True" : "False") : v->i ? "true" : "false");
    } else if (v->type == 's') {
        gen_set(g, "zv", v->s);
        gen_code(g, lang == PYTHON ? "'$zv'" : "\"$zv\"");
    } else {
        put_list(g, v);
    }
}

void code_put_call(struct gen *g, const struct family *f, const struct example *e, enum code_language lang)
{
    gen_code(g, "$fn(");
    for (unsigned i = 0; i < code_n_params(f); i++) {
        gen_code(g, i ? ", " : "");
        if (lang == RUST && e->args[i].type == 'l')
            gen_code(g, code_result_type(f) == 'l' ? "vec!" : "&");
        code_put_value(g, &e->args[i], lang);
    }
    gen_code(g, ")");
}

void code_put_body(struct gen *g, const char *body, const char *indent)
{
    for (;;) {
        size_t n = strcspn(body, "\n");
        gen_code(g, indent);
        gen_code_n(g, body, n);
        gen_code(g, "\n");
        if (!body[n])
            return;
        body += n + 1;
    }
}
