#include "pipeline/filter/mask.h"

#include <string.h>

static const char email_mask[] = "email@example.com", address_mask[] = "192.0.2.1"; /* RFC 2606, RFC 5737 */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Characters of the part before the @, but for the dot. */
static bool is_atom(char c)
{
    return is_alnum(c) || (c && strchr("!#$%&'*+/=?^_`{|}~-", c));
}

/* The start of the mailbox's name that ends at `at`, not before `begin`; `at` itself when there is none. */
static const char *name_start(const char *begin, const char *at)
{
    const char *s = at;
    while (s > begin &&
           (is_atom(s[-1]) || (s[-1] == '.' && s < at && is_atom(*s) && s - 1 > begin && is_atom(s[-2]))))
        s--;
    while (s < at && !is_alnum(*s) && *s != '_') /* a word begins here */
        s++;
    return s;
}

/* The end of the host name at s: labels with at least one dot between them; s when there is none. */
static const char *host_end(const char *s, const char *end)
{
    const char *label = s, *whole = s;
    unsigned labels = 0;
    for (;;) {
        const char *last = label; /* behind the last letter or digit of the label */
        for (const char *c = label; c < end && (is_alnum(*c) || (*c == '-' && c > label)); c++)
            if (is_alnum(*c))
                last = c + 1;
        if (last == label)
            break;
        if (++labels > 1)
            whole = last;
        if (last == end || *last != '.')
            break;
        label = last + 1;
    }
    return whole;
}

/* The length of the number from 0 to 255 at s. */
static size_t octet_length(const char *s, const char *end, unsigned *value)
{
    size_t n = 0;
    *value = 0;
    while (n < 3 && s + n < end && s[n] >= '0' && s[n] <= '9' && *value * 10 + (unsigned)(s[n] - '0') <= 255)
        *value = *value * 10 + (unsigned)(s[n++] - '0');
    return n;
}

/* Whether an address is of the public network: none of the blocks that IANA keeps for special purposes. */
static bool is_public(const unsigned o[4])
{
    static const struct {
        uint8_t first, second, third, bits;
    } special[] = {{0, 0, 0, 8},      {10, 0, 0, 8},    {100, 64, 0, 10},   {127, 0, 0, 8},
                   {169, 254, 0, 16}, {172, 16, 0, 12}, {192, 0, 0, 24},    {192, 0, 2, 24},
                   {192, 168, 0, 16}, {198, 18, 0, 15}, {198, 51, 100, 24}, {203, 0, 113, 24},
                   {240, 0, 0, 4}};
    uint32_t a = (uint32_t)(o[0] << 24 | o[1] << 16 | o[2] << 8 | o[3]);
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        uint32_t block = (uint32_t)special[i].first << 24 | (uint32_t)special[i].second << 16 |
                         (uint32_t)special[i].third << 8;
        if ((a ^ block) >> (32 - special[i].bits) == 0)
            return false;
    }
    return true;
}

/* The length of the public address at s; 0: there is none. */
static size_t address_length(const char *s, const char *end)
{
    unsigned octets[4];
    const char *at = s;
    for (int i = 0; i < 4; i++) {
        size_t n = octet_length(at, end, &octets[i]);
        if (n == 0 || (n > 1 && *at == '0') || (i < 3 && (at + n == end || at[n] != '.')))
            return 0;
        at += n + (i < 3);
    }
    return is_public(octets) ? (size_t)(at - s) : 0;
}

static void replace(struct strbuf *out, const char **done, const char *from, const char *to, const char *with)
{
    strbuf_add(out, *done, (size_t)(from - *done));
    strbuf_add(out, with, strlen(with));
    *done = to;
}

struct span mask_personal(struct strbuf *out, struct span text, struct masked *n)
{
    const char *done = text.s, *end = text.s + text.len;
    uint64_t before = n->emails + n->addresses;
    strbuf_reset(out);
    for (const char *s = text.s; s < end; s++) {
        if (*s == '@') {
            const char *from = name_start(done, s), *to = host_end(s + 1, end);
            if (from == s || to == s + 1)
                continue;
            replace(out, &done, from, to, email_mask);
            n->emails++;
            s = to - 1;
        } else if (*s >= '0' && *s <= '9') {
            size_t len = s > done && s[-1] >= '0' && s[-1] <= '9' ? 0 : address_length(s, end);
            if (len == 0)
                continue;
            replace(out, &done, s, s + len, address_mask);
            n->addresses++;
            s += len - 1;
        }
    }
    if (n->emails + n->addresses == before)
        return text;
    strbuf_add(out, done, (size_t)(end - done));
    return (struct span){out->s, out->len};
}
