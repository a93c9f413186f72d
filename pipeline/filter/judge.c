#include "pipeline/filter/judge.h"

#include "pipeline/filter/simplify.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

/* A number from 0 to 1 that depends on the text and the seed. */
static double draw(struct span text, uint64_t seed)
{
    return (double)(XXH3_64bits_withSeed(text.s, text.len, seed) >> 11) * 0x1p-53;
}

static void exact_key(struct judge *j, struct judgement *to)
{
    squeeze(&j->squeezed, to->text);
    XXH128_hash_t h = XXH3_128bits(j->squeezed.s ? j->squeezed.s : "", j->squeezed.len);
    to->keys.exact[0] = h.high64;
    to->keys.exact[1] = h.low64;
}

/* Prepares the comparison with other documents: evaluation texts and near-duplicates. */
static void compare(struct judge *j, const struct law *law, struct judgement *to)
{
    simplify(&j->simple, to->text);
    words_split(&j->words, j->simple.s ? j->simple.s : "", j->simple.len);
    if (law->evaluation && evaluation_has(law->evaluation, &j->words))
        to->verdict.rule = RULE_CONTAMINATED;
    else if (law->options->near)
        minhash(&j->words, to->keys.near);
}

struct judgement judge_document(struct judge *j, const struct law *law, struct span text)
{
    const struct filter_options *o = law->options;
    struct judgement to = {.verdict = {RULE_KEEP, NAN}, .text = text};
    if (o->sample < 1 && draw(text, o->seed) >= o->sample) {
        to.verdict.rule = RULE_SAMPLE;
        return to;
    }
    if (law->language) {
        double score = language_score(law->language, &j->line, text);
        if (!(score > o->language_threshold))
            to.verdict = (struct verdict){RULE_LANGUAGE, score};
    }
    if (to.verdict.rule == RULE_KEEP && o->rules.n_sets > 0) {
        to.verdict = rules_apply(&o->rules, &j->rules, &to.text);
        memcpy(to.lines, j->rules.lines, sizeof to.lines);
    }
    if (to.verdict.rule == RULE_KEEP && (law->evaluation || o->near))
        compare(j, law, &to);
    if (to.verdict.rule == RULE_KEEP && o->exact)
        exact_key(j, &to);
    if (to.verdict.rule == RULE_KEEP && o->mask)
        to.text = mask_personal(&j->masked, to.text, &to.masked);
    return to;
}

void judge_free(struct judge *j)
{
    rules_scratch_free(&j->rules);
    words_free(&j->words);
    strbuf_free(&j->line);
    strbuf_free(&j->simple);
    strbuf_free(&j->squeezed);
    strbuf_free(&j->masked);
}
