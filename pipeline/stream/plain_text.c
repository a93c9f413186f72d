#include "pipeline/stream/plain_text.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/signals.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <libxml/HTMLparser.h>
#include <libxml/SAX2.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The bounds of a conversion. Ordinary pages take a hundredth of each; some are made so that the time or the
 * memory grows with the square of their length. */
#define BASE_S 1.0
#define S_PER_MIB 1.0
enum {
    BASE_BYTES = 256 << 20,
    BYTES_PER_BYTE = 48,
    ARENA_BLOCK = 64 << 10,
    LOOK_EVERY = 16,
    MAX_MARKS = 256,
    MAX_ATTRIBUTES = 5632 /* of a tag: libxml2 compares each with all before it */
};

enum markup markup_of_name(const char *name, size_t len)
{
    if (name_ends(name, len, ".html") || name_ends(name, len, ".htm") || name_ends(name, len, ".xhtml"))
        return MARKUP_HTML;
    return name_ends(name, len, ".md") || name_ends(name, len, ".markdown") ? MARKUP_MARKDOWN : MARKUP_NONE;
}

/* The text so far. A line end is written only when more text follows it, so that the text ends with none. */
struct page {
    struct strbuf out;
    int breaks; /* line ends that are due: 0, 1, or 2 between paragraphs */
    bool space, tab;
};

static bool is_one_of(const xmlNode *n, const char *const *names)
{
    for (; *names; names++)
        if (strcmp((const char *)n->name, *names) == 0)
            return true;
    return false;
}

static void begin_text(struct page *p)
{
    if (p->out.len > 0) {
        for (int i = 0; i < p->breaks; i++)
            strbuf_add(&p->out, "\n", 1);
        if (p->breaks == 0 && p->tab)
            strbuf_add(&p->out, "\t", 1);
        else if (p->breaks == 0 && p->space)
            strbuf_add(&p->out, " ", 1);
    }
    p->breaks = 0;
    p->space = p->tab = false;
}

static void add_text(struct page *p, const char *s, bool verbatim)
{
    if (verbatim) {
        begin_text(p);
        strbuf_add(&p->out, s, strlen(s));
        return;
    }
    while (*s) {
        size_t blank = strspn(s, " \t\n\r\f"), word = strcspn(s + blank, " \t\n\r\f");
        p->space |= blank > 0;
        if (word > 0) {
            begin_text(p);
            strbuf_add(&p->out, s + blank, word);
        }
        s += blank + word;
    }
}

/* Returns how many line ends an element has before and after it. */
static int breaks_around(const xmlNode *n)
{
    static const char *const paragraphs[] = {"p",  "h1", "h2",         "h3",  "h4",    "h5",   "h6", "ul",
                                             "ol", "dl", "blockquote", "pre", "table", "form", NULL};
    static const char *const lines[] = {
        "div",    "li",     "tr",     "br",         "hr",    "dt",  "dd",   "section", "article", "main",
        "header", "footer", "figure", "figcaption", "aside", "nav", "body", "option",  "caption", NULL};
    return is_one_of(n, paragraphs) ? 2 : is_one_of(n, lines) ? 1 : 0;
}

static void take_breaks(struct page *p, const xmlNode *n)
{
    int breaks = breaks_around(n);
    p->breaks = breaks > p->breaks ? breaks : p->breaks;
}

static bool is_left_out(const xmlNode *n)
{
    static const char *const names[] = {"head",     "script", "style",  "noscript",
                                        "template", "svg",    "iframe", NULL};
    return n->type != XML_ELEMENT_NODE || is_one_of(n, names);
}

/* Visits all nodes in the order of the page. There is no recursion, because the page decides how deep it
 * nests. */
static void walk_page(struct page *p, const xmlNode *root)
{
    static const char *const cells[] = {"td", "th", NULL}, *const pre[] = {"pre", NULL};
    size_t verbatim = 0;
    for (const xmlNode *n = root; n;) {
        bool text = n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE;
        bool enters = !text && !is_left_out(n);
        if (text)
            add_text(p, (const char *)n->content, verbatim > 0);
        if (enters) {
            take_breaks(p, n);
            p->tab |= is_one_of(n, cells);
            verbatim += is_one_of(n, pre);
        }
        if (enters && n->children) {
            n = n->children;
            continue;
        }
        for (; n; n = n == root ? NULL : n->parent) {
            if (n->type == XML_ELEMENT_NODE && !is_left_out(n)) {
                take_breaks(p, n);
                verbatim -= is_one_of(n, pre);
            }
            if (n == root)
                return;
            if (n->next)
                break;
        }
        n = n ? n->next : NULL;
    }
}

/* What is left of a page for libxml2, which asks for it by and by. */
struct source {
    htmlParserCtxtPtr parser;
    const char *s;
    size_t n;
    double until; /* in time of this thread */
    bool late;
};

static double thread_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double deadline(size_t n)
{
    return thread_seconds() + BASE_S + S_PER_MIB * (double)n / (1 << 20);
}

static int next_part(void *source, char *buf, int room)
{
    struct source *from = source;
    size_t n = from->n < (size_t)room ? from->n : (size_t)room;
    bool many = from->parser->maxatts / 2 > MAX_ATTRIBUTES; /* it grows with the tag that is being read */
    from->late = n > 0 && (stop_signal || many || thread_seconds() > from->until);
    if (from->late)
        return -1;
    memcpy(buf, from->s, n);
    from->s += n;
    from->n -= n;
    return (int)n;
}

/* The tree needs no attributes, and hanging very many on one element takes libxml2 quadratic time. */
static void element_alone(void *parser, const xmlChar *name, const xmlChar **attributes)
{
    (void)attributes;
    xmlSAX2StartElement(parser, name, NULL);
}

/* charset: of the page; NULL: what it says itself. */
static char *html_text(const char *s, size_t n, const char *charset, size_t *len, bool *late)
{
    struct page p = {0};
    struct source source = {.s = s, .n = n, .until = deadline(n)};
    htmlParserCtxtPtr parser = source.parser = htmlNewParserCtxt();
    if (!parser)
        die("out of memory");
    parser->sax->startElement = element_alone;
    parser->options |= XML_PARSE_HUGE; /* else the rest of a page ends where it is 256 elements deep */
    htmlDocPtr doc =
        htmlCtxtReadIO(parser, next_part, NULL, &source, NULL, charset,
                       HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET);
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    *late = source.late;
    if (root && !*late)
        walk_page(&p, root);
    if (p.out.len > 0)
        strbuf_add(&p.out, "\n", 1);
    xmlFreeDoc(doc);
    htmlFreeParserCtxt(parser);
    *len = p.out.len;
    return p.out.s;
}

/* The memory of one conversion by cmark, which has no way to end early but that it gets no more. */
static _Thread_local struct {
    struct block *blocks;
    char *next, *end;
    size_t left;
    double until;
    unsigned calls;
    jmp_buf out;
} arena;

struct block {
    struct block *before;
};

static void *arena_take(size_t n)
{
    size_t need = (n + 31) / 16 * 16; /* with the size before it */
    bool late = arena.calls++ % LOOK_EVERY == 0 && thread_seconds() > arena.until;
    if (need < n || need > arena.left || stop_signal || late)
        longjmp(arena.out, 1);
    arena.left -= need;
    if (need > (size_t)(arena.end - arena.next)) {
        size_t size = need > ARENA_BLOCK ? need : ARENA_BLOCK;
        struct block *b = xcalloc(1, 16 + size);
        b->before = arena.blocks;
        arena.blocks = b;
        arena.next = (char *)b + 16;
        arena.end = arena.next + size;
    }
    char *p = arena.next + 16;
    memcpy(arena.next, &n, sizeof n);
    arena.next += need;
    return p;
}

static void *arena_calloc(size_t n, size_t size)
{
    return arena_take(n * size); /* cmark asks for few elements of fixed size */
}

static void *arena_realloc(void *old, size_t n)
{
    size_t had = 0;
    if (old)
        memcpy(&had, (char *)old - 16, sizeof had);
    if (old && n <= had)
        return old;
    void *p = arena_take(n);
    if (old)
        memcpy(p, old, had);
    return p;
}

static void arena_free(void *p)
{
    (void)p;
}

static void arena_end(void)
{
    while (arena.blocks) {
        struct block *before = arena.blocks->before;
        free(arena.blocks);
        arena.blocks = before;
    }
    arena.next = arena.end = NULL;
}

static char *convert_markdown(const char *s, size_t n, cmark_mem *mem)
{
    static const char *const extensions[] = {"table", "strikethrough", "tasklist"};
    cmark_parser *parser = cmark_parser_new_with_mem(CMARK_OPT_DEFAULT | CMARK_OPT_VALIDATE_UTF8, mem);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension(extensions[i]));
    cmark_parser_feed(parser, s, n);
    cmark_node *doc = cmark_parser_finish(parser);
    return xstrdup(cmark_render_plaintext_with_mem(doc, CMARK_OPT_DEFAULT, 0, mem));
}

/* Whether a line opens very many lists and quotes within each other, of which cmark visits all the inner ones
 * for each, without asking for memory. */
static bool nests_deeply(const char *s, size_t n)
{
    size_t marks = 0;
    bool leading = true;
    for (size_t i = 0; i < n && marks <= MAX_MARKS; i++) {
        bool blank_follows = i + 1 < n && (s[i + 1] == ' ' || s[i + 1] == '\t');
        if (s[i] == '\n' || s[i] == '\r') {
            marks = 0;
            leading = true;
        } else if (leading && s[i] != ' ' && s[i] != '\t') {
            leading = memchr(">-+*.)0123456789", s[i], 16);
            marks += s[i] == '>' || blank_follows;
        }
    }
    return marks > MAX_MARKS;
}

static char *markdown_text(const char *s, size_t n, size_t *len, bool *late)
{
    static cmark_mem mem = {arena_calloc, arena_realloc, arena_free};
    cmark_gfm_core_extensions_ensure_registered();
    arena.left = BASE_BYTES + BYTES_PER_BYTE * n;
    arena.until = deadline(n);
    char *volatile text = NULL;
    *late = nests_deeply(s, n) || setjmp(arena.out) != 0;
    if (!*late)
        text = convert_markdown(s, n, &mem);
    arena_end();
    *len = text ? strlen(text) : 0;
    return text;
}

char *plain_text(enum markup kind, const char *s, size_t n, size_t *len, bool *late)
{
    if (kind == MARKUP_MARKDOWN)
        return markdown_text(s, n, len, late);
    return html_text(s, n, kind == MARKUP_HTML_UTF8 ? "UTF-8" : NULL, len, late);
}
