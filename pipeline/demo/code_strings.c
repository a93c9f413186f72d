/* code_strings.c - functions of strings: lower-case words with single spaces between them */
#include <ctype.h>
#include <string.h>
#include "pipeline/demo/code.h"

#define EVAL(name) static void name(const struct value *a, long k, struct value *r)

static bool vowel(char c)
{
    return c && strchr("aeiou", c);
}

static void append(char *to, const char *from, size_t n)
{
    size_t len = strlen(to);
    if (len + n < CODE_MAX_TEXT) {
        memcpy(to + len, from, n);
        to[len + n] = '\0';
    }
}

EVAL(count_vowels)
{
    (void)k;
    for (const char *s = a->s; *s; s++)
        r->i += vowel(*s);
}

EVAL(count_words)
{
    (void)k;
    r->i = 1;
    for (const char *s = a->s; *s; s++)
        r->i += *s == ' ';
}

EVAL(length)
{
    (void)k;
    r->i = (long)strlen(a->s);
}

EVAL(reverse)
{
    (void)k;
    for (size_t n = strlen(a->s); n-- > 0;)
        append(r->s, a->s + n, 1);
}

EVAL(reverse_words)
{
    const char *end = a->s + strlen(a->s);
    (void)k;
    for (const char *s = end; s-- > a->s;) {
        if (s != a->s && s[-1] != ' ')
            continue;
        append(r->s, s, (size_t)(end - s));
        if (s != a->s)
            append(r->s, " ", 1);
        end = s - 1;
    }
}

EVAL(upper)
{
    (void)k;
    for (const char *s = a->s; *s; s++)
        append(r->s, (char[]){(char)toupper((unsigned char)*s)}, 1);
}

EVAL(capitalize)
{
    (void)k;
    append(r->s, a->s, strlen(a->s));
    r->s[0] = (char)toupper((unsigned char)r->s[0]);
}

EVAL(no_spaces)
{
    (void)k;
    for (const char *s = a->s; *s; s++)
        if (*s != ' ')
            append(r->s, s, 1);
}

EVAL(no_vowels)
{
    (void)k;
    for (const char *s = a->s; *s; s++)
        if (!vowel(*s))
            append(r->s, s, 1);
}

EVAL(repeat)
{
    for (long i = 0; i < k; i++)
        append(r->s, a->s, strlen(a->s));
}

EVAL(first_letters)
{
    size_t n = strlen(a->s);
    append(r->s, a->s, n < (size_t)k ? n : (size_t)k);
}

EVAL(first_word)
{
    (void)k;
    append(r->s, a->s, strcspn(a->s, " "));
}

EVAL(palindrome)
{
    size_t n = strlen(a->s);
    (void)k;
    r->i = 1;
    for (size_t i = 0; i < n; i++)
        r->i &= a->s[i] == a->s[n - 1 - i];
}

EVAL(longest_word)
{
    const char *best = a->s;
    size_t best_n = strcspn(a->s, " ");
    (void)k;
    for (const char *s = a->s; *s; s++) {
        size_t n = strcspn(s, " ");
        if ((s == a->s || s[-1] == ' ') && n > best_n) {
            best = s;
            best_n = n;
        }
    }
    append(r->s, best, best_n);
}

EVAL(longer_than)
{
    r->i = (long)strlen(a->s) > k;
}

EVAL(greet)
{
    (void)k;
    append(r->s, "Hello, ", 7);
    append(r->s, a->s, strlen(a->s));
    append(r->s, "!", 1);
}

const struct family code_strings[] = {
    {"count_vowels",
     "the number of vowels in $a0.",
     "t>i",
     0,
     0,
     0,
     0,
     count_vowels,
     {"count = 0\nfor c in $a0:\n    if c in \"aeiou\":\n        count += 1\nreturn count",
      "return sum(1 for c in $a0 if c in \"aeiou\")"},
     "$a0.chars().filter(|c| \"aeiou\".contains(*c)).count() as "
     "i64",
     "return [...$a0].filter((c) => \"aeiou\".includes(c)).length;"},
    {"count_words/word_count",
     "the number of words in $a0.",
     "t>i",
     0,
     0,
     0,
     0,
     count_words,
     {"return len($a0.split())"},
     "$a0.split(' ').count() as i64",
     "return $a0.split(\" \").length;"},
    {"string_length/count_letters",
     "the length of $a0.",
     "w>i",
     0,
     0,
     0,
     0,
     length,
     {"return len($a0)"},
     "$a0.len() as i64",
     "return $a0.length;"},
    {"reverse_string/reverse_text",
     "$a0 in reverse.",
     "w>s",
     0,
     0,
     0,
     0,
     reverse,
     {"return $a0[::-1]", "result = \"\"\nfor c in $a0:\n    result = c + result\nreturn result"},
     "$a0.chars().rev().collect()",
     "return [...$a0].reverse().join(\"\");"},
    {"reverse_words",
     "the words of $a0 in reverse order.",
     "t>s",
     0,
     0,
     0,
     0,
     reverse_words,
     {"return \" \".join($a0.split()[::-1])",
      "words = $a0.split()\nwords.reverse()\nreturn \" \".join(words)"},
     NULL,
     "return $a0.split(\" \").reverse().join(\" \");"},
    {"shout/to_upper",
     "$a0 in capital letters.",
     "t>s",
     0,
     0,
     0,
     0,
     upper,
     {"return $a0.upper()"},
     "$a0.to_uppercase()",
     "return $a0.toUpperCase();"},
    {"capitalize",
     "$a0 with a capital first letter.",
     "w>s",
     0,
     0,
     0,
     0,
     capitalize,
     {"return $a0[0].upper() + $a0[1:]", "return $a0.capitalize()"},
     NULL,
     "return $a0[0].toUpperCase() + "
     "$a0.slice(1);"},
    {"remove_spaces",
     "$a0 without its spaces.",
     "t>s",
     0,
     0,
     0,
     0,
     no_spaces,
     {"return $a0.replace(\" \", \"\")", "return \"\".join(c for c in $a0 if c != \" \")"},
     "$a0.replace(\" \", \"\")",
     "return $a0.split(\" \").join(\"\");"},
    {"remove_vowels",
     "$a0 without its vowels.",
     "w>s",
     0,
     0,
     0,
     0,
     no_vowels,
     {"result = \"\"\nfor c in $a0:\n    if c not in \"aeiou\":\n        result += c\nreturn result",
      "return \"\".join(c for c in $a0 if c not in \"aeiou\")"},
     "$a0.chars().filter(|c| "
     "!\"aeiou\".contains(*c)).collect()",
     "return [...$a0].filter((c) => !\"aeiou\".includes(c)).join(\"\");"},
    {"repeat_$kw_times/repeat_$kw",
     "$a0 repeated $k0 times.",
     "w>s",
     2,
     5,
     0,
     0,
     repeat,
     {"return $a0 * $k0"},
     "$a0.repeat($k0)",
     "return $a0.repeat($k0);"},
    {"first_$kw_letters",
     "the first $k0 letters of $a0.",
     "w>s",
     2,
     4,
     0,
     0,
     first_letters,
     {"return $a0[:$k0]"},
     "$a0.chars().take($k0).collect()",
     "return $a0.slice(0, $k0);"},
    {"first_word",
     "the first word of $a0.",
     "t>s",
     0,
     0,
     0,
     0,
     first_word,
     {"return $a0.split()[0]"},
     "$a0.split(' ').next().unwrap().to_string()",
     "return $a0.split(\" \")[0];"},
    {"longest_word",
     "the longest word in $a0.",
     "t>s",
     0,
     0,
     0,
     0,
     longest_word,
     {"return max($a0.split(), key=len)", "longest = \"\"\nfor word in $a0.split():\n    if len(word) > "
                                          "len(longest):\n        longest = word\nreturn longest"},
     NULL,
     NULL},
    {"is_palindrome",
     "whether $a0 reads the same in reverse.",
     "p>b",
     0,
     0,
     0,
     0,
     palindrome,
     {"return $a0 == $a0[::-1]"},
     "$a0.chars().eq($a0.chars().rev())",
     "return $a0 === "
     "[...$a0].reverse().join(\"\");"},
    {"is_longer_than_$kw",
     "whether $a0 has more than $k0 letters.",
     "w>b",
     2,
     6,
     0,
     0,
     longer_than,
     {"return len($a0) > $k0"},
     "$a0.len() > $k0",
     "return $a0.length > $k0;"},
    {"greet/say_hello",
     "a greeting for $a0.",
     "n>s",
     0,
     0,
     0,
     0,
     greet,
     {"return \"Hello, \" + $a0 + \"!\"", "return f\"Hello, {$a0}!\""},
     "format!(\"Hello, {}!\", $a0)",
     "return \"Hello, \" + $a0 + \"!\";"},
};
const unsigned n_code_strings = sizeof code_strings / sizeof *code_strings;
