/*
 * the rules of filter: whatever the bytes of a document, each is judged, twice alike, and what is left of it
 * was in it
 */
#include "pipeline/filter/judge.h"

#include <math.h>

#include "tests/fuzz/fuzz.h"

/* One rule set, or all in their order; the rest of the choice byte turns on what follows the rules. */
static void choose(struct filter_options *o, uint8_t choice)
{
    unsigned set = choice % N_SETS;
    *o = (struct filter_options){
        .exact = true, .near = choice & 8, .mask = choice & 16, .sample = choice & 32 ? 0.5 : 1};
    for (unsigned i = 1; i < N_SETS; i++)
        if (set == SET_NONE || i == set)
            o->rules.sets[o->rules.n_sets++] = (enum rule_set)i;
    if (choice & 64) /* so that the rules behind the first are reached by texts of any kind */
        for (unsigned i = RULE_SHORT_DOC; i <= RULE_STOP_WORDS; i++)
            o->rules.without[i] = true;
}

static bool same(double a, double b)
{
    return isnan(a) ? isnan(b) : a == b;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct judge first, second;
    static bool begun;
    struct filter_options o;
    if (!begun) {
        chars_begin();
        words_begin();
        begun = true;
    }
    choose(&o, fuzz_choice(&bytes, &len));
    struct law law = {.options = &o};
    struct span text = {(const char *)bytes, len};
    struct judgement a = judge_document(&first, &law, text), b = judge_document(&second, &law, text);
    MUST(a.verdict.rule < N_RULES && a.verdict.rule == b.verdict.rule);
    MUST(same(a.verdict.value, b.verdict.value));
    MUST(a.text.len == b.text.len && (a.text.len == 0 || memcmp(a.text.s, b.text.s, a.text.len) == 0));
    MUST(memcmp(&a.keys, &b.keys, sizeof a.keys) == 0);
    if (a.masked.emails + a.masked.addresses == 0)
        MUST(a.text.len <= len);
    return 0;
}
