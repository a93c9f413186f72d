#include "pipeline/stream/plain_text.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <libxml/HTMLparser.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool ends(const char *name, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len > n && strncasecmp(name + len - n, end, n) == 0;
}

enum markup markup_of_name(const char *name, size_t len)
{
    if (ends(name, len, ".html") || ends(name, len, ".htm") || ends(name, len, ".xhtml"))
        return MARKUP_HTML;
    return ends(name, len, ".md") || ends(name, len, ".markdown") ? MARKUP_MARKDOWN : MARKUP_NONE;
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

/* NULL: there is nothing in it, or no memory. */
static htmlDocPtr parse_html(const char *s, int n)
{
    htmlParserCtxtPtr parser = htmlCreateMemoryParserCtxt(s, n);
    if (!parser)
        return NULL;
    htmlCtxtUseOptions(parser,
                       HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET);
    parser->options |= XML_PARSE_HUGE; /* else the rest of a page ends where it is 256 elements deep */
    htmlParseDocument(parser);
    htmlDocPtr doc = parser->myDoc;
    htmlFreeParserCtxt(parser);
    return doc;
}

static char *html_text(const char *s, size_t n, size_t *len)
{
    struct page p = {0};
    if (n > INT_MAX)
        return NULL;
    htmlDocPtr doc = parse_html(s, (int)n);
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    if (root)
        walk_page(&p, root);
    if (p.out.len > 0)
        strbuf_add(&p.out, "\n", 1);
    xmlFreeDoc(doc);
    *len = p.out.len;
    return p.out.s;
}

static char *markdown_text(const char *s, size_t n, size_t *len)
{
    static const char *const extensions[] = {"table", "strikethrough", "tasklist"};
    cmark_gfm_core_extensions_ensure_registered();
    cmark_parser *parser = cmark_parser_new(CMARK_OPT_DEFAULT | CMARK_OPT_VALIDATE_UTF8);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension(extensions[i]));
    cmark_parser_feed(parser, s, n);
    cmark_node *doc = cmark_parser_finish(parser);
    char *text = cmark_render_plaintext(doc, CMARK_OPT_DEFAULT, 0);
    cmark_node_free(doc);
    cmark_parser_free(parser);
    *len = strlen(text);
    return text;
}

char *plain_text(enum markup kind, const char *s, size_t n, size_t *len)
{
    return kind == MARKUP_HTML ? html_text(s, n, len) : markdown_text(s, n, len);
}
