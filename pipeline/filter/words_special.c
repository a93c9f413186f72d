/*
 * words_special.c - contractions, which are cut, and abbreviations, which keep their dot
 */
#include "pipeline/filter/words.h"

#include "pipeline/lib/fs.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { N_SLOTS = 4096 };

struct special {
    char s[WORD_MAX_SPECIAL + 1];
    uint8_t len, n_parts, parts[WORD_PARTS];
};
static struct special table[N_SLOTS]; /* by hash; len 0: free */

uint64_t word_hash(const char *s, size_t len)
{
    return XXH3_64bits(s, len);
}

static struct special *find(const char *s, size_t len, uint64_t hash)
{
    size_t i = hash % N_SLOTS;
    while (table[i].len && (table[i].len != len || memcmp(table[i].s, s, len) != 0))
        i = (i + 1) % N_SLOTS;
    return &table[i];
}

size_t word_parts(const char *s, size_t len, uint64_t hash, uint8_t parts[WORD_PARTS])
{
    if (len > WORD_MAX_SPECIAL)
        return 0;
    const struct special *found = find(s, len, hash);
    if (!found->len)
        return 0;
    memcpy(parts, found->parts, WORD_PARTS);
    return found->n_parts;
}

/* entry: its parts, with a bar between them. */
static void add(const char *entry)
{
    struct special e = {0};
    for (size_t from = 0;; from++) {
        size_t n = strcspn(entry + from, "|");
        memcpy(e.s + e.len, entry + from, n);
        e.len = (uint8_t)(e.len + n);
        e.parts[e.n_parts++] = (uint8_t)n;
        from += n;
        if (!entry[from])
            break;
    }
    *find(e.s, e.len, word_hash(e.s, e.len)) = e;
}

/* Adds an entry with the typographic apostrophe as well. */
static void add_both(const char *entry)
{
    char curly[2 * WORD_MAX_SPECIAL], *to = curly;
    add(entry);
    for (const char *c = entry; *c; c++)
        to = *c == '\'' ? stpcpy(to, "’") : (*to = *c, to + 1);
    *to = '\0';
    if (strchr(entry, '\''))
        add(curly);
}

/* Adds each of the stems, small and capitalised, with each of the endings; both are lists with spaces. No
 * endings: the stems alone. */
static void add_forms(const char *stems, const char *endings)
{
    char entry[WORD_MAX_SPECIAL + 1];
    for (const char *s = stems; *s; s += strspn(s, " ")) {
        size_t n = strcspn(s, " ");
        const char *e = endings;
        do {
            size_t m = strcspn(e, " ");
            snprintf(entry, sizeof entry, "%.*s%.*s", (int)n, s, (int)m, e);
            add_both(entry);
            if (entry[0] >= 'a' && entry[0] <= 'z')
                entry[0] = (char)(entry[0] - 'a' + 'A');
            add_both(entry);
            e += m;
            e += strspn(e, " ");
        } while (*e);
        s += n;
    }
}

static void add_each(const char *entries)
{
    char entry[WORD_MAX_SPECIAL + 1];
    for (const char *s = entries; *s; s += strspn(s, " ")) {
        size_t n = strcspn(s, " ");
        snprintf(entry, sizeof entry, "%.*s", (int)n, s);
        add_both(entry);
        s += n;
    }
}

/* Contractions without an apostrophe that are words of their own. */
static void remove_words(void)
{
    static const char *const words[] = {"ill",  "Ill",  "its",  "Its",  "hell", "Hell", "shell", "Shell",
                                        "shed", "Shed", "were", "Were", "well", "Well", "whore", "Whore"};
    static struct special kept[N_SLOTS];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct special *e = find(words[i], strlen(words[i]), word_hash(words[i], strlen(words[i])));
        e->n_parts = 0;
    }
    memcpy(kept, table, sizeof table);
    memset(table, 0, sizeof table);
    for (size_t i = 0; i < N_SLOTS; i++)
        if (kept[i].n_parts)
            *find(kept[i].s, kept[i].len, word_hash(kept[i].s, kept[i].len)) = kept[i];
}

void words_begin(void)
{
    add_forms("i", "|'m |m |'m|a |m|a");
    add_forms("i you he she it we they", "|'ll |ll |'ll|'ve |ll|ve |'d |d |'d|'ve |d|ve");
    add_forms("i you we they", "|'ve |ve");
    add_forms("you we they", "|'re |re");
    add_forms("he she it who what when where why how there that this", "|'s |s");
    add_forms("who what when where why how there that this these those",
              "|'ll |ll |'ll|'ve |ll|ve |'d |d |'d|'ve |d|ve");
    add_forms("who what when where why how there these those", "|'re |re |'ve |ve");
    add_forms("ca could do does did had may might must need ought sha should wo would",
              "|n't |nt |n't|'ve |nt|ve");
    add_forms("could might must should would", "|'ve |ve");
    add_forms("ai are is was were have has dare", "|n't |nt");
    add_forms("1 2 3 4 5 6 7 8 9 10 11 12", "|am |pm |a.m. |p.m.");
    add_forms(
        "not|'ve not|ve can|not gon|na got|ta let|'s c'm|on how|'d|'y doin goin nothin nuthin ol "
        "somethin lovin havin doin' goin' nothin' nuthin' ol' somethin' lovin' havin' ma'am o'clock 'cause "
        "'cos 'coz 'cuz",
        "");
    add_each(
        "y'|all y|all em ll nuff 'em 'll 'nuff 's 'S 're 'd 'bout '' and/or w/o C++ 'Cause 'Cos 'Coz 'Cuz");
    add_each(
        "Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. "
        "Jul. Jun. Kan. Kans. Ky. La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. "
        "Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis. a.m. p.m. Adm. Bros. co. Co. "
        "Corp. "
        "D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E. Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. "
        "Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s.");
    add_each(
        ":'( :') :'-( :'-) :( :(( :((( :() :) :)) :))) :* :-( :-(( :-((( :-) :-)) :-))) :-* :-/ :-0 :-3 :-> "
        ":-D :-O :-P :-X :-] :-o :-p :-x :-} :/ :0 :1 :3 :> :D :O :P :X :] :o :o) :p :x :} ;) ;-) ;-D ;D ;_; "
        "=( "
        "=) =/ =3 =D =[ =] 8) 8-) 8-D 8D (-8 (-: (-; (: (; (= (o: )-: ): [-: [: [= ]= (*_*) (-_-) (._.) "
        "(>_<) "
        "(^_^) -_- -__- ._. 0.0 0.o 0_0 0_o o.0 o_0 O.O O.o O_O O_o o.O o.o o_O o_o v.v v_v V.V V_V <.< >.> "
        ">.< "
        "</3 <3 <33 <333 >:( >:o @_@ ^_^ ^__^ ^___^ \\n \\t \\\")");
    for (char c = 'a'; c <= 'z'; c++)
        add((char[]){c, '.', '\0'});
    remove_words();
}
