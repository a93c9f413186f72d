#include "pipeline/eval/tally.h"
#include "pipeline/lib/fs.h"

#include <math.h>

void tally_add(struct tally *t, double loss, double bytes)
{
    t->open.loss += loss;
    t->open.tokens += 1;
    t->open.bytes += bytes;
}

void tally_end_document(struct tally *t)
{
    double l = t->open.loss, n = t->open.tokens, b = t->open.bytes;
    if (n == 0)
        return;
    t->loss += l;
    t->tokens += n;
    t->bytes += b;
    t->ll += l * l;
    t->lt += l * n;
    t->tt += n * n;
    t->lb += l * b;
    t->bb += b * b;
    if (t->keep && (t->documents & (t->documents - 1)) == 0) /* room for a power of two */
        t->kept = xrealloc(t->kept, (t->documents ? 2 * t->documents : 1) * sizeof *t->kept);
    if (t->keep)
        t->kept[t->documents] = t->open;
    t->documents++;
    t->open.loss = t->open.tokens = t->open.bytes = 0;
}

void tally_merge(struct tally *t, const struct tally *o)
{
    t->loss += o->loss;
    t->tokens += o->tokens;
    t->bytes += o->bytes;
    t->ll += o->ll;
    t->lt += o->lt;
    t->tt += o->tt;
    t->lb += o->lb;
    t->bb += o->bb;
    t->documents += o->documents;
}

static struct estimate ratio(const struct tally *t, double x, double yx, double xx)
{
    double k = (double)t->documents, r = t->loss / x;
    double squares = t->ll - 2 * r * yx + r * r * xx;
    if (!(x > 0))
        return (struct estimate){NAN, NAN};
    return (struct estimate){r, k < 2 ? NAN : sqrt(fmax(squares, 0) * k / (k - 1)) / x};
}

struct estimate tally_loss(const struct tally *t)
{
    return ratio(t, t->tokens, t->lt, t->tt);
}

struct estimate tally_perplexity(const struct tally *t)
{
    struct estimate e = tally_loss(t);
    double p = exp(e.value);
    return (struct estimate){p, p * e.stderr_}; /* delta method */
}

struct estimate tally_bits_per_byte(const struct tally *t)
{
    struct estimate e = ratio(t, t->bytes, t->lb, t->bb);
    return (struct estimate){e.value / M_LN2, e.stderr_ / M_LN2};
}
