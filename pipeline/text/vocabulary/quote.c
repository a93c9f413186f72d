#include "pipeline/text/vocabulary/quote.h"

void quote(struct strbuf *out, const char *s, size_t len)
{
    strbuf_add(out, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20)
            strbuf_addf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            strbuf_addf(out, "\\%c", c);
        else
            strbuf_add(out, s + i, 1);
    }
    strbuf_add(out, "\"", 1);
}
