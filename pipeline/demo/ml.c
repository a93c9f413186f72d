/* ml.c - explanations of machine-learning terms: paragraphs, questions and answers, cards, worked numbers */
#include <pthread.h>
#include <string.h>

#include "pipeline/demo/data.h"
#include "pipeline/demo/ml.h"

/* A term's lines in data/ml_terms.txt, and the slots of what they say. */
enum { TERM_LINES = 6, MAX_TERMS = 512 };
static const char *const term_slots[TERM_LINES] = {"na", "is", "wy", "ex", "ot", "ct"};

static struct term {
    const char *article; /* "the ", or empty */
    const char *line[TERM_LINES];
} terms[MAX_TERMS];
static unsigned n_terms;

static void load_term(struct term *t, char *line, char **text)
{
    static const char *const articles[] = {"", "a", "an", "the"}, *const shown[] = {"", "a ", "an ", "the "};
    size_t n = strcspn(line, "|");
    for (int i = 0; i < 4; i++)
        if (strlen(articles[i]) == n && memcmp(articles[i], line, n) == 0)
            t->article = shown[i];
    if (!t->article || line[n] != '|')
        data_wrong("ml_terms.txt", line);
    t->line[0] = line + n + 1;
    for (int i = 1; i < TERM_LINES; i++) {
        t->line[i] = data_line(text);
        if (!t->line[i] || !t->line[i][0])
            data_wrong("ml_terms.txt", line);
    }
}

static void load_terms(void)
{
    char *text = data_ml_terms(), *line;
    while ((line = data_line(&text)))
        if (*line) {
            if (n_terms == MAX_TERMS)
                data_wrong("ml_terms.txt", line);
            load_term(&terms[n_terms++], line, &text);
        }
}

static void bind_term(struct gen *g)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_terms);
    const struct term *t = &terms[gen_below(g, n_terms)];
    gen_set(g, "ar", t->article);
    gen_set(g, "tn", "$ar$na");
    for (int i = 0; i < TERM_LINES; i++)
        gen_set(g, term_slots[i], t->line[i]);
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
