/* ml.c - explanations of machine-learning terms: paragraphs, questions and answers, cards, worked numbers */
#include "pipeline/demo/ml.h"

static void bind_term(struct gen *g)
{
    unsigned i = gen_below(g, n_ml_terms + n_ml_more_terms);
    const struct ml_term *t = i < n_ml_terms ? &ml_terms[i] : &ml_more_terms[i - n_ml_terms];
    gen_set(g, "ar", t->article);
    gen_set(g, "na", t->name);
    gen_set(g, "tn", "$ar$na");
    gen_set(g, "is", t->is);
    gen_set(g, "wy", t->why);
    gen_set(g, "ex", t->example);
    gen_set(g, "ot", t->other);
    gen_set(g, "ct", t->contrast);
}

static void paragraph(struct gen *g)
{
    bind_term(g);
    gen_say(g, "{In machine learning, $tn is $is.|$tn is $is.|$tn is $is.}");
    gen_say(g, gen_chance(g, 60) ? " $wy For example, $ex" : " For example, $ex $wy");
    if (gen_chance(g, 75))
        gen_say(g, " $ct");
}

static const char *const questions[] = {
    "Question: What is $tn?\nAnswer: ^$tn is $is.{| $wy| For example, $ex}",
    "Question: Why does $tn matter?\nAnswer: $wy{| For example, $ex}",
    "Question: Can you give an example of $tn?\nAnswer: Yes. For example, $ex",
    "Question: How does $tn differ from $ot?\nAnswer: $ct",
};

/* One term asked about from two sides, then another one. */
static void interview(struct gen *g)
{
    bind_term(g);
    gen_say(g, "Question: What is $tn?\nAnswer: ^$tn is $is.\n\n");
    gen_say(g, questions[gen_range(g, 1, 3)]);
    gen_put(g, "\n\n");
    bind_term(g);
    gen_say(g, questions[gen_below(g, 4)]);
}

static void two_terms(struct gen *g)
{
    for (int i = 0; i < 2; i++) {
        gen_put(g, i ? "\n\n" : "");
        bind_term(g);
        gen_say(g, questions[i ? (gen_chance(g, 50) ? 0 : 3) : 0]);
    }
}

static void paragraphs(struct gen *g)
{
    paragraph(g);
    gen_put(g, "\n\n");
    if (gen_chance(g, 60))
        paragraph(g);
    else
        ml_number(g);
}

static void card(struct gen *g)
{
    bind_term(g);
    gen_say(g, "Term: $na\nMeaning: ^$is.\nPurpose: $wy\nExample: ^$ex");
    if (gen_chance(g, 60))
        gen_say(g, "\nCompare: $ct");
}

static void cards(struct gen *g)
{
    card(g);
    gen_put(g, "\n\n");
    card(g);
}

static void numbers(struct gen *g)
{
    for (int i = 0; i < 2; i++) {
        gen_put(g, i ? "\n\n" : "");
        ml_number(g);
    }
}

void demo_ml(struct gen *g)
{
    static const struct kind kinds[] = {
        {28, paragraphs}, {14, interview}, {28, two_terms}, {5, cards}, {25, numbers},
    };
    gen_kind(g, kinds, sizeof kinds / sizeof *kinds);
}
