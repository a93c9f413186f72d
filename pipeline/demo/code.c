/* code.c - the mix of code documents, and one function in each language around a family's body */
#include "pipeline/demo/code.h"

static const struct family *random_family(struct gen *g)
{
    unsigned r = gen_below(g, n_code_numbers + n_code_lists + n_code_strings);
    if (r < n_code_numbers)
        return &code_numbers[r];
    r -= n_code_numbers;
    return r < n_code_lists ? &code_lists[r] : &code_strings[r - n_code_lists];
}

static const char *type_name(char type, char result, enum code_language lang)
{
    bool list = type == 'l', text = type == 'w' || type == 'p' || type == 't' || type == 'n' || type == 's';
    if (lang == PYTHON)
        return list ? "list[int]" : text ? "str" : type == 'b' ? "bool" : "int";
    if (lang == TYPESCRIPT)
        return list ? "number[]" : text ? "string" : type == 'b' ? "boolean" : "number";
    if (list)
        return result == 'l' ? "Vec<i64>" : "&[i64]";
    return text ? (result ? "&str" : "String") : type == 'b' ? "bool" : "i64";
}

static void put_parameters(struct gen *g, const struct family *f, enum code_language lang, bool typed)
{
    static const char *const names[] = {"$a0", "$b0", "$c0"};
    for (unsigned i = 0; i < code_n_params(f); i++) {
        gen_code(g, i ? ", " : "");
        gen_code(g, names[i]);
        if (typed) {
            gen_code(g, ": ");
            gen_code(g, type_name(f->types[i], code_result_type(f), lang));
        }
    }
}

void code_python(struct gen *g, const struct family *f)
{
    struct example e;
    char name[64];
    long k = code_bind(g, f, PYTHON, name);
    bool typed = gen_chance(g, 25);
    gen_code(g, "def $fn(");
    put_parameters(g, f, PYTHON, typed);
    if (typed) {
        gen_code(g, ") -> ");
        gen_code(g, type_name(code_result_type(f), 0, PYTHON));
    } else {
        gen_code(g, ")");
    }
    gen_code(g, ":\n    \"\"\"Return ");
    gen_code(g, f->doc);
    gen_code(g, "\n\n");
    for (int i = 0, n = gen_range(g, 1, 2); i < n; i++) {
        code_example(g, f, k, &e);
        gen_code(g, "    >>> ");
        code_put_call(g, f, &e, PYTHON);
        gen_code(g, "\n    ");
        code_put_value(g, &e.result, PYTHON);
        gen_code(g, "\n");
    }
    gen_code(g, "    \"\"\"\n");
    unsigned bodies = f->py[1] ? f->py[2] ? 3 : 2 : 1;
    code_put_body(g, f->py[gen_below(g, bodies)], "    ");
}

/* An empty vec![] has no type of its own, so it cannot be compared with. */
static void rust_assert(struct gen *g, const struct family *f, long k)
{
    struct example e;
    do
        code_example(g, f, k, &e);
    while (e.result.type == 'l' && !e.result.n);
    if (e.result.type == 'b') {
        gen_code(g, e.result.i ? "    assert!(" : "    assert!(!");
        code_put_call(g, f, &e, RUST);
    } else {
        gen_code(g, "    assert_eq!(");
        code_put_call(g, f, &e, RUST);
        gen_code(g, e.result.type == 'l' ? ", vec!" : ", ");
        code_put_value(g, &e.result, RUST);
    }
    gen_code(g, ");\n");
}

void code_rust(struct gen *g, const struct family *f)
{
    char name[64];
    long k = code_bind(g, f, RUST, name);
    gen_code(g, "// Rust\n/// Returns ");
    gen_code(g, f->doc);
    gen_code(g, "\nfn $fn(");
    put_parameters(g, f, RUST, true);
    gen_code(g, ") -> ");
    gen_code(g, code_result_type(f) == 'l' ? "Vec<i64>" : type_name(code_result_type(f), 0, RUST));
    gen_code(g, " {\n");
    code_put_body(g, f->rs, "    ");
    gen_code(g, "}\n\nfn main() {\n");
    for (int i = 0, n = gen_range(g, 1, 2); i < n; i++)
        rust_assert(g, f, k);
    gen_code(g, "}\n");
}

void code_typescript(struct gen *g, const struct family *f)
{
    struct example e;
    char name[64];
    long k = code_bind(g, f, TYPESCRIPT, name);
    bool exported = gen_chance(g, 30);
    gen_code(g, "// TypeScript\n/** Returns ");
    gen_code(g, f->doc);
    gen_code(g, exported ? " */\nexport function $fn(" : " */\nfunction $fn(");
    put_parameters(g, f, TYPESCRIPT, true);
    gen_code(g, "): ");
    gen_code(g, type_name(code_result_type(f), 0, TYPESCRIPT));
    gen_code(g, " {\n");
    code_put_body(g, f->ts, "  ");
    gen_code(g, "}\n\n");
    for (int i = 0, n = gen_range(g, 1, 2); i < n; i++) {
        code_example(g, f, k, &e);
        gen_code(g, "console.log(");
        code_put_call(g, f, &e, TYPESCRIPT);
        gen_code(g, "); // ");
        code_put_value(g, &e.result, TYPESCRIPT);
        gen_code(g, "\n");
    }
}

static void write_python(struct gen *g)
{
    const struct family *first = random_family(g), *second = random_family(g);
    if (gen_chance(g, 50))
        gen_code(g, "# Python\n");
    code_python(g, first);
    if (second != first && gen_chance(g, 40)) {
        gen_code(g, "\n\n");
        code_python(g, second);
    }
}

static void write_rust(struct gen *g)
{
    const struct family *f;
    do
        f = random_family(g);
    while (!f->rs);
    code_rust(g, f);
}

static void write_typescript(struct gen *g)
{
    const struct family *f;
    do
        f = random_family(g);
    while (!f->ts);
    code_typescript(g, f);
}

void demo_code(struct gen *g)
{
    static const struct kind kinds[] = {
        {60, write_python},     {5, code_python_class}, {14, write_rust},
        {13, write_typescript}, {8, code_triton},
    };
    gen_kind(g, kinds, sizeof kinds / sizeof *kinds);
    if (g->out->len && g->out->s[g->out->len - 1] == '\n')
        g->out->s[--g->out->len] = '\0';
}
