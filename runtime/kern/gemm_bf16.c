/* Matrix products by oneDNN whose sources are rounded to bf16; sums and result are fp32. */
#include "kern/kern.h"
#include "kern/onednn.h"

#include <stdlib.h>

enum { LEFT, RIGHT, RESULT };

typedef struct { int64_t batch, m, n, k; bool ta, tb; } What;

struct Product {
    OneDnn *o;
    size_t scratch;
};

/* A batch of [rows, columns], stored so or transposed. */
static bool plain(dnnl_memory_desc_t *out, int64_t batch, int64_t rows, int64_t columns, bool transposed) {
    const int64_t row = transposed ? 1 : columns, column = transposed ? rows : 1;
    const bool many = batch > 1;
    const dnnl_dims_t size = {batch, rows, columns}, stride = {rows * columns, row, column};
    return dnnl_memory_desc_init_by_strides(out, many ? 3 : 2, many ? size : size + 1, dnnl_f32, many ? stride : stride + 1) ==
           dnnl_success;
}

static bool describe(OneDnn *o, const void *of, dnnl_primitive_attr_t attr) {
    const What *s = of;
    dnnl_memory_desc_t a, b;
    dnnl_matmul_desc_t d;
    o->in[0] = LEFT, o->in[1] = RIGHT, o->out = RESULT;
    o->side[LEFT].arg = DNNL_ARG_SRC, o->side[RIGHT].arg = DNNL_ARG_WEIGHTS, o->side[RESULT].arg = DNNL_ARG_DST;
    if (!plain(&o->side[LEFT].plain, s->batch, s->m, s->k, s->ta) || !plain(&o->side[RIGHT].plain, s->batch, s->k, s->n, s->tb) ||
        !plain(&o->side[RESULT].plain, s->batch, s->m, s->n, false))
        return false;
    const dnnl_memory_desc_t *pa = &o->side[LEFT].plain, *pb = &o->side[RIGHT].plain;
    TRY(dnnl_memory_desc_init_by_tag(&a, pa->ndims, pa->dims, dnnl_bf16, dnnl_format_tag_any));
    TRY(dnnl_memory_desc_init_by_tag(&b, pb->ndims, pb->dims, dnnl_bf16, dnnl_format_tag_any));
    TRY(dnnl_matmul_desc_init(&d, &a, &b, NULL, &o->side[RESULT].plain));
    TRY(dnnl_primitive_desc_create(&o->desc, &d, attr, onednn_engine(), NULL));
    o->side[LEFT].inner = *dnnl_primitive_desc_query_md(o->desc, dnnl_query_src_md, 0);
    o->side[RIGHT].inner = *dnnl_primitive_desc_query_md(o->desc, dnnl_query_weights_md, 0);
    o->side[RESULT].inner = *dnnl_primitive_desc_query_md(o->desc, dnnl_query_dst_md, 0);
    return true;
}

Product *product_new(int64_t batch, bool ta, bool tb, int64_t m, int64_t n, int64_t k) {
    if (batch < 1 || m < BF16_LEAST || n < BF16_LEAST || k < BF16_LEAST) return NULL;
    Product *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->o = calloc(1, sizeof *p->o);
    if (p->o && onednn_make(p->o, describe, &(What){batch, m, n, k, ta, tb}, &p->scratch)) return p;
    product_free(p);
    return NULL;
}

void product_free(Product *p) {
    if (p) onednn_free(p->o);
    free(p);
}

size_t product_scratch(const Product *p) { return p->scratch; }

void product_run(const Product *p, const float *A, const float *B, float *C, void *scratch) {
    onednn_run(p->o, A, B, C, scratch);
}
