/*
 * attention.c - each token looks back at the tokens before it and gathers from those whose keys fit its query
 *
 *   s[i,j] = q[i] . k[j] / sqrt(D)          for the keys that query i may see: first[i] <= j <= i
 *   lse[i] = log sum_j e^s[i,j]
 *   p[i,j] = e^(s[i,j] - lse[i])            softmax: the weights of one query sum to 1
 *   o[i]   = sum_j p[i,j] v[j]
 *
 * All of this holds for one sequence and one query head h. With grouped queries, H / Hkv query heads share
 * one key and value head, g = h / (H / Hkv), so its gradients are sums over those heads too.
 *
 * Backward. lse was saved, so that p is computed again instead of being kept:
 *   dv[j]   = sum_i p[i,j] do[i]
 *   dp[i,j] = do[i] . v[j]
 *   ds[i,j] = p[i,j] (dp[i,j] - sum_k p[i,k] dp[i,k])        gradient of a softmax
 *           = p[i,j] (dp[i,j] - do[i] . o[i])
 *   dq[i]   = sum_j ds[i,j] k[j] / sqrt(D)
 *   dk[j]   = sum_i ds[i,j] q[i] / sqrt(D)
 *
 * Shapes   qk, dqk: (N,(H+Hkv)*D) act; a row holds the H query heads, then the Hkv key heads.
 *          qkv, dqkv: (N,(H+2Hkv)*D) act; only the values, the last Hkv heads of a row, are used.
 *          out, dout: (N,H*D) act. lse: (B,H,T) f32.
 *          first: (N), counted from the start of the sequence; NULL: 0.
 * Writes   out, lse, dqk and the values' part of dqkv are overwritten.
 * Source   Vaswani et al. 2017, arXiv:1706.03762; grouped queries: Ainslie et al. 2023, arXiv:2305.13245;
 *          do . o in place of the sum over all keys: Dao et al. 2022, arXiv:2205.14135
 */
#include <math.h>
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

/* One head of one sequence inside a wider array: a (T,D) matrix whose row i starts at element start + i *
 * stride. */
struct head {
    void *x;
    size_t start, stride;
};

static double load_head(const struct device *dev, struct head m, size_t i, size_t d)
{
    return load(dev, m.x, m.start + i * m.stride + d);
}

static void store_head(const struct device *dev, struct head m, size_t i, size_t d, double value)
{
    store(dev, m.x, m.start + i * m.stride + d, value);
}

/* Head number `head` of sequence b in an array whose rows hold `heads` heads. */
static struct head head_of(const void *x, struct attention_shape s, int b, int head, int heads)
{
    size_t stride = (size_t)heads * s.D;
    return (struct head){(void *)x, (size_t)b * s.T * stride + (size_t)head * s.D, stride};
}

static double dot(const struct device *dev, struct head a, size_t i, struct head b, size_t j, int D)
{
    double sum = 0;
    for (int d = 0; d < D; d++)
        sum += load_head(dev, a, i, d) * load_head(dev, b, j, d);
    return sum;
}

/* Row i of out from query i and the keys and values [from, to). Returns lse[i]. */
static double attend(const struct device *dev, struct head out, struct head q, struct head k, struct head v,
                     int i, int from, int to, int D)
{
    double p[to], most = -INFINITY, sum = 0;
    for (int j = from; j < to; j++) {
        p[j] = dot(dev, q, i, k, j, D) / sqrt(D); /* s[i,j] */
        most = fmax(most, p[j]);
    }
    for (int j = from; j < to; j++)
        sum += exp(p[j] - most); /* no e^ is larger than 1, whatever the scores */
    double lse = most + log(sum);
    for (int j = from; j < to; j++)
        p[j] = exp(p[j] - lse);
    for (int d = 0; d < D; d++) {
        double o = 0;
        for (int j = from; j < to; j++)
            o += p[j] * load_head(dev, v, j, d);
        store_head(dev, out, i, d, o);
    }
    return lse;
}

void reference_attention_forward(struct device *dev, void *out, float *lse, const struct attention *in)
{
    struct attention_shape s = in->s;
    for (int b = 0; b < s.B; b++)
        for (int h = 0; h < s.H; h++) {
            int g = h / (s.H / s.Hkv);
            struct head q = head_of(in->qk, s, b, h, s.H + s.Hkv);
            struct head k = head_of(in->qk, s, b, s.H + g, s.H + s.Hkv);
            struct head v = head_of(in->qkv, s, b, s.H + s.Hkv + g, s.H + 2 * s.Hkv);
            struct head o = head_of(out, s, b, h, s.H);
            for (int i = 0; i < s.T; i++) {
                int from = in->first ? in->first[(size_t)b * s.T + i] : 0;
                lse[((size_t)b * s.H + h) * s.T + i] = (float)attend(dev, o, q, k, v, i, from, i + 1, s.D);
            }
        }
}

/* One query head and its key and value head in the backward pass; lse and first: (T), of its sequence. */
struct pair {
    struct head q, k, v, out, dout;
    const float *lse;
    const int32_t *first;
    int D;
};

static struct pair pair_of(const void *dout, const void *out, const float *lse, const struct attention *in,
                           int b, int h)
{
    struct attention_shape s = in->s;
    int g = h / (s.H / s.Hkv);
    return (struct pair){.q = head_of(in->qk, s, b, h, s.H + s.Hkv),
                         .k = head_of(in->qk, s, b, s.H + g, s.H + s.Hkv),
                         .v = head_of(in->qkv, s, b, s.H + s.Hkv + g, s.H + 2 * s.Hkv),
                         .out = head_of(out, s, b, h, s.H),
                         .dout = head_of(dout, s, b, h, s.H),
                         .lse = lse + ((size_t)b * s.H + h) * s.T,
                         .first = in->first ? in->first + (size_t)b * s.T : NULL,
                         .D = s.D};
}

static bool sees(const struct pair *x, int i, int j)
{
    return j <= i && (!x->first || j >= x->first[i]);
}

static double probability(const struct device *dev, const struct pair *x, int i, int j)
{
    return exp(dot(dev, x->q, i, x->k, j, x->D) / sqrt(x->D) - x->lse[i]);
}

/* ds[i,j] / sqrt(D): the gradient of q[i] . k[j] */
static double gradient(const struct device *dev, const struct pair *x, int i, int j)
{
    double dp = dot(dev, x->dout, i, x->v, j, x->D), mean = dot(dev, x->dout, i, x->out, i, x->D);
    return probability(dev, x, i, j) * (dp - mean) / sqrt(x->D);
}

static void backward_query(const struct device *dev, struct head dq, const struct pair *x, int i)
{
    double sum[x->D];
    memset(sum, 0, sizeof sum);
    for (int j = 0; j <= i; j++) {
        double ds = sees(x, i, j) ? gradient(dev, x, i, j) : 0;
        for (int d = 0; d < x->D; d++)
            sum[d] += ds * load_head(dev, x->k, j, d);
    }
    for (int d = 0; d < x->D; d++)
        store_head(dev, dq, i, d, sum[d]);
}

/* The part of dk[j] and dv[j] that comes from the queries of one head is added to the sums. */
static void backward_key_value(const struct device *dev, double *dk, double *dv, const struct pair *x, int j,
                               int T)
{
    for (int i = j; i < T; i++) {
        if (!sees(x, i, j))
            continue;
        double p = probability(dev, x, i, j), ds = gradient(dev, x, i, j);
        for (int d = 0; d < x->D; d++) {
            dv[d] += p * load_head(dev, x->dout, i, d);
            dk[d] += ds * load_head(dev, x->q, i, d);
        }
    }
}

void reference_attention_backward(struct device *dev, void *dqk, void *dqkv, const void *dout,
                                  const void *out, const float *lse, const struct attention *in)
{
    struct attention_shape s = in->s;
    int group = s.H / s.Hkv;
    for (int b = 0; b < s.B; b++)
        for (int h = 0; h < s.H; h++) {
            struct pair x = pair_of(dout, out, lse, in, b, h);
            for (int i = 0; i < s.T; i++)
                backward_query(dev, head_of(dqk, s, b, h, s.H + s.Hkv), &x, i);
        }
    for (int b = 0; b < s.B; b++)
        for (int g = 0; g < s.Hkv; g++)
            for (int j = 0; j < s.T; j++) {
                double dk[s.D], dv[s.D];
                memset(dk, 0, sizeof dk);
                memset(dv, 0, sizeof dv);
                for (int h = g * group; h < (g + 1) * group; h++) {
                    struct pair x = pair_of(dout, out, lse, in, b, h);
                    backward_key_value(dev, dk, dv, &x, j, s.T);
                }
                for (int d = 0; d < s.D; d++) {
                    store_head(dev, head_of(dqk, s, b, s.H + g, s.H + s.Hkv), j, d, dk[d]);
                    store_head(dev, head_of(dqkv, s, b, s.H + s.Hkv + g, s.H + 2 * s.Hkv), j, d, dv[d]);
                }
            }
}

/* Generation: n new tokens at positions past .. past+n-1 of one sequence. The keys and values of all tokens
 * so far lie in caches, (T_max,Hkv*D) act. Where past_at is given, past is read there. */
void reference_attention_cached(struct device *dev, void *out, const void *qk, const void *kcache,
                                const void *vcache, int n, int past, const int32_t *past_at, int H, int Hkv,
                                int D)
{
    struct attention_shape s = {.B = 1, .T = n, .H = H, .Hkv = Hkv, .D = D};
    past = past_at ? *past_at : past;
    for (int h = 0; h < H; h++) {
        int g = h / (H / Hkv);
        struct head q = head_of(qk, s, 0, h, H + Hkv), o = head_of(out, s, 0, h, H);
        struct head k = head_of(kcache, s, 0, g, Hkv), v = head_of(vcache, s, 0, g, Hkv);
        for (int i = 0; i < n; i++)
            attend(dev, o, q, k, v, i, 0, past + i + 1, D);
    }
}

/* Copies the new tokens' keys and values to rows past .. past+n-1 of the caches. */
void reference_kv_append(struct device *dev, void *kcache, void *vcache, const void *qk, const void *qkv,
                         int n, int past, const int32_t *past_at, int H, int Hkv, int D)
{
    struct attention_shape s = {.B = 1, .T = n, .H = H, .Hkv = Hkv, .D = D};
    past = past_at ? *past_at : past;
    for (int g = 0; g < Hkv; g++) {
        struct head k = head_of(qk, s, 0, H + g, H + Hkv), v = head_of(qkv, s, 0, H + Hkv + g, H + 2 * Hkv);
        struct head k_to = head_of(kcache, s, 0, g, Hkv), v_to = head_of(vcache, s, 0, g, Hkv);
        for (int i = 0; i < n; i++)
            for (int d = 0; d < D; d++) {
                store_head(dev, k_to, past + i, d, load_head(dev, k, i, d));
                store_head(dev, v_to, past + i, d, load_head(dev, v, i, d));
            }
    }
}
