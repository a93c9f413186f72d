/*
 * product.c - the cache of oneDNN matmul primitives
 *
 * Building a primitive compiles code (milliseconds), so each shape is built once and kept: SETS x WAYS
 * entries, and the least recently used entry of a set is evicted. A training step uses some 30 shapes; eval
 * and sample meet many lengths and thus more shapes, so the cache must be bounded.
 *
 * Transposed operands are given as strides; oneDNN packs the panels it needs as it goes. On many machines
 * gemm.c takes its place (kernels/README.md).
 */
#include "kernels/cpu/product.h"

#include <stdlib.h>
#include <string.h>

enum { SETS = 64, WAYS = 8 };

struct entry {
    struct product key;
    bool used;
    uint64_t last;              /* value of cache.clock at the last use */
    dnnl_primitive_t primitive; /* NULL: oneDNN has no fast kernel for this shape */
    dnnl_memory_t a, b, c, scratch;
    size_t scratch_bytes;
};

struct matmul_cache {
    uint64_t clock;
    struct entry sets[SETS][WAYS];
};

struct matmul_cache *matmul_cache_new(void)
{
    return calloc(1, sizeof(struct matmul_cache));
}

static void entry_clear(struct entry *e)
{
    if (e->primitive) {
        dnnl_primitive_destroy(e->primitive);
        dnnl_memory_destroy(e->a);
        dnnl_memory_destroy(e->b);
        dnnl_memory_destroy(e->c);
        dnnl_memory_destroy(e->scratch);
    }
    memset(e, 0, sizeof *e);
}

void matmul_cache_free(struct matmul_cache *cache)
{
    if (!cache)
        return;
    for (int s = 0; s < SETS; s++)
        for (int w = 0; w < WAYS; w++)
            entry_clear(&cache->sets[s][w]);
    free(cache);
}

static bool same(const struct product *x, const struct product *y)
{
    return x->M == y->M && x->N == y->N && x->K == y->K && x->a_row == y->a_row && x->a_t == y->a_t &&
           x->b_t == y->b_t && x->add == y->add && x->in == y->in && x->out == y->out;
}

static unsigned set_of(const struct product *p)
{
    uint64_t h = (uint64_t)p->M * 0x9e3779b97f4a7c15u;
    h = (h ^ (uint64_t)p->N) * 0xc2b2ae3d27d4eb4fu;
    h = (h ^ (uint64_t)p->K) * 0x9e3779b97f4a7c15u;
    h = (h ^ (p->a_t * 8u + p->b_t * 4u + p->add * 2u + p->in)) * 0xc2b2ae3d27d4eb4fu;
    return h >> 58;
}

/* Describes a matrix of rows x cols, stored transposed or not. row: distance between stored rows in elements,
 * 0: dense. */
static dnnl_memory_desc_t matrix(int rows, int cols, bool transposed, int row, enum dtype t)
{
    dnnl_memory_desc_t md;
    row = row ? row : transposed ? rows : cols;
    dnnl_dims_t dims = {rows, cols}, strides = {transposed ? 1 : row, transposed ? row : 1};
    dnnl_status_t s =
        dnnl_memory_desc_init_by_strides(&md, 2, dims, t == DTYPE_BF16 ? dnnl_bf16 : dnnl_f32, strides);
    assert(s == dnnl_success);
    (void)s;
    return md;
}

/* Returns NULL when oneDNN has no kernel, or, for bf16, only its slow reference loops. */
static dnnl_primitive_desc_t describe(struct device *dev, const struct product *p, dnnl_memory_desc_t md[3])
{
    dnnl_matmul_desc_t desc;
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t pd = NULL;
    const char *name = "";

    md[0] = matrix(p->M, p->K, p->a_t, p->a_row, p->in);
    md[1] = matrix(p->K, p->N, p->b_t, 0, p->in);
    md[2] = matrix(p->M, p->N, false, 0, p->out);
    if (dnnl_primitive_attr_create(&attr) != dnnl_success)
        abort();
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (p->add) {
        dnnl_post_ops_t post;
        if (dnnl_post_ops_create(&post) != dnnl_success)
            abort();
        dnnl_post_ops_append_sum(post, 1.0f);
        dnnl_primitive_attr_set_post_ops(attr, post);
        dnnl_post_ops_destroy(post);
    }
    if (dnnl_matmul_desc_init(&desc, &md[0], &md[1], NULL, &md[2]) == dnnl_success)
        dnnl_primitive_desc_create(&pd, &desc, attr, dev->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    if (pd && p->in == DTYPE_BF16) {
        dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
        if (!strncmp(name, "ref", 3)) {
            dnnl_primitive_desc_destroy(pd);
            return NULL;
        }
    }
    return pd;
}

static void entry_build(struct device *dev, struct entry *e, const struct product *p)
{
    dnnl_memory_desc_t md[3];
    device_room_release(dev);
    e->key = *p;
    e->used = true;
    dnnl_primitive_desc_t pd = describe(dev, p, md);
    if (!pd)
        return;
    const dnnl_memory_desc_t *pad = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    e->scratch_bytes = dnnl_memory_desc_get_size(pad);
    if (dnnl_primitive_create(&e->primitive, pd) != dnnl_success ||
        dnnl_memory_create(&e->a, &md[0], dev->engine, DNNL_MEMORY_NONE) != dnnl_success ||
        dnnl_memory_create(&e->b, &md[1], dev->engine, DNNL_MEMORY_NONE) != dnnl_success ||
        dnnl_memory_create(&e->c, &md[2], dev->engine, DNNL_MEMORY_NONE) != dnnl_success ||
        dnnl_memory_create(&e->scratch, pad, dev->engine, DNNL_MEMORY_NONE) != dnnl_success)
        abort(); /* out of memory: an op cannot fail */
    dnnl_primitive_desc_destroy(pd);
}

static struct entry *find(struct device *dev, const struct product *p)
{
    struct matmul_cache *cache = dev->matmuls;
    struct entry *set = cache->sets[set_of(p)], *oldest = set;
    cache->clock++;
    for (int w = 0; w < WAYS; w++) {
        if (set[w].used && same(&set[w].key, p)) {
            set[w].last = cache->clock;
            return &set[w];
        }
        if (set[w].last < oldest->last)
            oldest = &set[w];
    }
    entry_clear(oldest);
    entry_build(dev, oldest, p);
    oldest->last = cache->clock;
    return oldest;
}

bool product_run(struct device *dev, void *C, const void *A, const void *B, struct product p)
{
    omp_set_num_threads(dev->threads); /* another device may have set a different number */
    struct entry *e = find(dev, &p);
    if (!e->primitive) {
        if (p.in == DTYPE_F32)
            abort();
        return false;
    }
    dnnl_memory_set_data_handle(e->a, (void *)(uintptr_t)A);
    dnnl_memory_set_data_handle(e->b, (void *)(uintptr_t)B);
    dnnl_memory_set_data_handle(e->c, C);
    dnnl_memory_set_data_handle(e->scratch, device_scratch(dev, SCRATCH_PRODUCT, e->scratch_bytes));
    dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, e->a},
        {DNNL_ARG_WEIGHTS, e->b},
        {DNNL_ARG_DST, e->c},
        {DNNL_ARG_SCRATCHPAD, e->scratch},
    };
    if (dnnl_primitive_execute(e->primitive, dev->stream, 4, args) != dnnl_success)
        abort();
    dnnl_stream_wait(dev->stream);
    return true;
}
