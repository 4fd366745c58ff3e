/* lm: see lm.h */
#include "model/lm.h"

#include "base/error.h"
#include "base/memory.h"

static const int32_t *upload_index(gad_device *device, const int32_t *index, int64_t count)
{
    return device->ops->upload(device, index, (size_t)count * sizeof *index);
}

static void take_rope(const gad_pass *pass, const gad_model *model, const gad_lm_input *in, gad_tensor *cos,
                      gad_tensor *sin)
{
    gad_device *device = pass->device;
    int64_t half = model->config.text.head_dim / 2;
    *cos = device->ops->take_exact(device, in->rows, half);
    *sin = device->ops->take_exact(device, in->rows, half);
    float *table = gad_memory_alloc((size_t)(2 * in->rows * half), sizeof *table);
    if (!table) {
        gad_error_fill_memory(&device->error, "compute positions", (size_t)(2 * in->rows * half) * sizeof *table);
        return;
    }
    gad_position_rope(&model->config.text, in->position, in->rows, table, table + in->rows * half);
    device->ops->fill(device, *cos, table);
    device->ops->fill(device, *sin, table + in->rows * half);
    gad_memory_free(table);
}

/* What all blocks get: positions and places, which are sent once. */
static gad_block_input block_input(const gad_pass *pass, const gad_model *model, const gad_lm_input *in)
{
    gad_block_input b = {.spans = in->spans, .span_count = in->span_count, .kv_row = in->cache_row};
    take_rope(pass, model, in, &b.cos, &b.sin);
    if (in->cache && in->cache_rows)
        b.kv_rows = upload_index(pass->device, in->cache_rows, in->rows);
    if (in->cache && in->pages)
        b.pages = upload_index(pass->device, in->pages, in->page_count);
    return b;
}

static void use_layer(gad_block_input *b, const gad_lm_input *in, int layer)
{
    if (!in->cache)
        return;
    b->k_cache = in->cache->k[layer];
    b->v_cache = in->cache->v[layer];
}

static void insert_images(const gad_pass *pass, const gad_lm_input *in, gad_tensor x, gad_tensor rows, bool add)
{
    gad_device *device = pass->device;
    device->ops->rows(device, x, upload_index(device, in->image_at, in->image_count), rows,
                      upload_index(device, in->image_from, in->image_count), in->image_count, add);
}

int64_t gad_lm_piece_rows(const gad_device *device)
{
    return device && device->memory_bytes ? 4096 : 512;
}

gad_tensor gad_lm_forward(const gad_pass *pass, const gad_model *model, const gad_lm_input *in, gad_lm_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    const gad_text_config *text = &model->config.text;
    gad_tensor hidden = op->take(device, in->rows, text->hidden);
    size_t mark = op->mark(device);
    gad_tensor x = op->take(device, in->rows, text->hidden);
    op->embed(device, x, gad_param_weight(model->lm.embed), upload_index(device, in->ids, in->rows));
    gad_pass_tap(pass, x, "lm.embed");
    if (in->image_count)
        insert_images(pass, in, x, in->image->out, false);
    gad_pass_tap(pass, x, "lm.inserted");
    gad_block_input b = block_input(pass, model, in);
    gad_pass_tap(pass, b.cos, "lm.cos");
    gad_pass_tap(pass, b.sin, "lm.sin");
    const bool decodes = op->record && in->cache && in->span_count == in->rows && !saved && !pass->tap;
    if (decodes)
        op->record(device);
    for (int i = 0; i < text->layers; i++) {
        if (saved) {
            saved->block_input[i] = op->take(device, x.rows, x.cols);
            op->axpby(device, saved->block_input[i], 1, x, 0);
        }
        use_layer(&b, in, i);
        gad_block_forward(pass, &model->lm.block[i], x, &b, saved && saved->block ? &saved->block[i] : NULL);
        if (in->image_count && i < in->image->deepstack_count) {
            insert_images(pass, in, x, in->image->deepstack[i], true);
            gad_pass_tap(pass, x, "lm.%d.out_deepstack", i);
        }
    }
    if (saved) {
        saved->last = x;
        saved->stats = op->take_exact(device, x.rows, gad_norm_stats_cols(&model->lm.norm, x.cols));
    }
    gad_norm_forward(pass, &model->lm.norm, hidden, saved ? saved->stats : gad_tensor_none(), x);
    if (decodes)
        op->play(device);
    gad_pass_tap(pass, hidden, "lm.final_norm");
    if (!saved)
        op->rewind(device, mark);
    return hidden;
}

gad_tensor gad_lm_logits(const gad_pass *pass, const gad_model *model, gad_tensor hidden)
{
    gad_tensor logits = pass->device->ops->take_exact(pass->device, hidden.rows, model->config.text.vocab);
    gad_linear_forward(pass, &model->lm.head, logits, hidden, false);
    return logits;
}

void gad_lm_logits_backward(const gad_pass *pass, const gad_model *model, gad_tensor d_hidden, gad_tensor d_logits,
                            gad_tensor hidden)
{
    gad_linear_backward(pass, &model->lm.head, d_hidden, d_logits, hidden, true);
}

/* Rows of image tokens carry their gradient to the image rows, not to the embedding: their ids become negative. */
static void embed_backward(const gad_pass *pass, const gad_model *model, gad_tensor dx, const gad_lm_input *in)
{
    gad_device *device = pass->device;
    if (!model->lm.embed->trainable)
        return;
    int32_t *ids = gad_memory_alloc((size_t)in->rows, sizeof *ids);
    if (!ids) {
        gad_error_fill_memory(&device->error, "compute gradients", (size_t)in->rows * sizeof *ids);
        return;
    }
    for (int64_t t = 0; t < in->rows; t++)
        ids[t] = in->ids[t];
    for (int64_t i = 0; i < in->image_count; i++)
        ids[in->image_at[i]] = -1;
    device->ops->embed_back(device, model->lm.embed->gradient, dx, upload_index(device, ids, in->rows));
    gad_memory_free(ids);
}

/* d_image[from[i]] += dx[at[i]]. An image row is used once in a call. */
static void image_backward(const gad_pass *pass, const gad_lm_input *in, gad_tensor d_rows, gad_tensor dx)
{
    gad_device *device = pass->device;
    device->ops->rows(device, d_rows, upload_index(device, in->image_from, in->image_count), dx,
                      upload_index(device, in->image_at, in->image_count), in->image_count, true);
}

void gad_lm_backward(const gad_pass *pass, const gad_model *model, gad_tensor d_hidden, const gad_lm_input *in,
                     const gad_lm_saved *saved, gad_vision_rows *d_image)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    size_t mark = op->mark(device);
    gad_tensor dx = op->take(device, in->rows, d_hidden.cols);
    gad_norm_backward(pass, &model->lm.norm, dx, d_hidden, saved->last, saved->stats, false);
    gad_block_input b = block_input(pass, model, in);
    for (int i = model->config.text.layers - 1; i >= 0; i--) {
        if (d_image && in->image_count && i < d_image->deepstack_count)
            image_backward(pass, in, d_image->deepstack[i], dx);
        use_layer(&b, in, i);
        size_t block_mark = op->mark(device);
        gad_block_saved again;
        if (!saved->block) {
            gad_tensor x = op->take(device, in->rows, d_hidden.cols);
            op->axpby(device, x, 1, saved->block_input[i], 0);
            gad_block_forward(pass, &model->lm.block[i], x, &b, &again);
        }
        gad_block_backward(pass, &model->lm.block[i], dx, &b, saved->block ? &saved->block[i] : &again);
        op->rewind(device, block_mark);
    }
    if (d_image && in->image_count)
        image_backward(pass, in, d_image->out, dx);
    embed_backward(pass, model, dx, in);
    op->rewind(device, mark);
}

static gad_tensor allocate_rows(gad_device *device, int64_t rows, int64_t heads, int64_t head_dim)
{
    return gad_tensor_view(device->ops->allocate(device, rows * heads, head_dim), rows, heads * head_dim);
}

gad_status gad_lm_cache_open(gad_device *device, const gad_text_config *text, int64_t capacity, gad_lm_cache *cache,
                             gad_error *err)
{
    gad_lm_cache c = {.layers = text->layers, .heads = text->kv_heads, .capacity = capacity};
    c.k = gad_memory_zero((size_t)text->layers, sizeof *c.k);
    c.v = gad_memory_zero((size_t)text->layers, sizeof *c.v);
    if (!c.k || !c.v) {
        gad_lm_cache_close(device, &c);
        return gad_error_memory(err, "make the key-value cache", (size_t)text->layers * sizeof *c.k);
    }
    for (int i = 0; i < text->layers; i++) {
        c.k[i] = allocate_rows(device, capacity, c.heads, text->head_dim);
        c.v[i] = allocate_rows(device, capacity, c.heads, text->head_dim);
    }
    gad_status status = gad_device_check(device, err);
    if (status)
        gad_lm_cache_close(device, &c);
    else
        *cache = c;
    return status;
}

static void grow(gad_device *device, gad_tensor *x, int64_t heads, int64_t capacity, int64_t keep)
{
    gad_tensor larger = allocate_rows(device, capacity, heads, x->cols / heads);
    if (!larger.data)
        return;
    if (keep)
        device->ops->axpby(device, gad_tensor_rows(larger, 0, keep), 1, gad_tensor_rows(*x, 0, keep), 0);
    device->ops->release(device, *x);
    *x = larger;
}

gad_status gad_lm_cache_grow(gad_device *device, gad_lm_cache *cache, int64_t capacity, int64_t keep, gad_error *err)
{
    for (int i = 0; i < cache->layers; i++) {
        grow(device, &cache->k[i], cache->heads, capacity, keep);
        grow(device, &cache->v[i], cache->heads, capacity, keep);
    }
    gad_status status = gad_device_check(device, err);
    if (!status)
        cache->capacity = capacity;
    return status;
}

void gad_lm_cache_close(gad_device *device, gad_lm_cache *cache)
{
    for (int i = 0; cache->k && cache->v && i < cache->layers; i++) {
        device->ops->release(device, cache->k[i]);
        device->ops->release(device, cache->v[i]);
    }
    gad_memory_free(cache->k);
    gad_memory_free(cache->v);
    *cache = (gad_lm_cache){0};
}
