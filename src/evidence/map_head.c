/* map_head: see map_head.h */
#include "evidence/map_head.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "op/window.h"

static const char operation[] = "open a head";
enum { MAX_MAPS = GAD_FEATURE_MOST + 2, WIDTH = GAD_MAP_HEAD_WIDTH, CONVOLUTIONS = GAD_MAP_HEAD_CONVOLUTIONS };

/* ---- weights ------------------------------------------------------------------------------------------------------- */

void gad_map_head_free(gad_map_head *head)
{
    if (!head)
        return;
    gad_params_free(&head->params);
    *head = (gad_map_head){0};
}

/* A parameter of zeros; NULL without memory. */
static gad_param *add(gad_map_head *head, bool is_matrix, int64_t rows, int64_t cols, const char *name)
{
    gad_param *param = gad_params_add(&head->params, is_matrix, is_matrix ? 2 : 1,
                                      is_matrix ? (int64_t[]){rows, cols} : (int64_t[]){cols}, "head.%s", name);
    if (!param)
        return NULL;
    param->owned = gad_memory_alloc_aligned((size_t)gad_param_count(param), sizeof(float));
    param->value.data = param->owned;
    if (!param->owned)
        return NULL;
    memset(param->owned, 0, (size_t)gad_param_count(param) * sizeof(float));
    return param;
}

static gad_status build(int64_t maps, gad_map_head *head, gad_error *err)
{
    static const char *const weight[] = {"convolution.0.weight", "convolution.1.weight"};
    static const char *const bias[] = {"convolution.0.bias", "convolution.1.bias"};
    gad_map_head h = {.channels = gad_map_head_channels(maps), .params.group = GAD_PARAM_EVIDENCE};
    bool made = (h.mean = add(&h, false, 1, h.channels, "mean")) && (h.scale = add(&h, false, 1, h.channels, "scale"));
    for (int i = 0; i < CONVOLUTIONS; i++)
        made = made && (h.convolution[i].weight = add(&h, true, WIDTH, 9 * (i ? WIDTH : h.channels), weight[i])) &&
               (h.convolution[i].bias = add(&h, false, 1, WIDTH, bias[i]));
    made = made && (h.logit.weight = add(&h, true, 1, WIDTH, "logit.weight")) &&
           (h.logit.bias = add(&h, false, 1, 1, "logit.bias"));
    if (!made) {
        gad_map_head_free(&h);
        return gad_error_memory(err, operation, (size_t)(9 * WIDTH * WIDTH) * sizeof(float));
    }
    *head = h;
    return GAD_OK;
}

gad_status gad_map_head_new(int64_t maps, gad_hash backbone, uint64_t seed, gad_map_head *head, gad_error *err)
{
    gad_status status = build(maps, head, err);
    if (status)
        return status;
    head->backbone = backbone;
    for (size_t p = 0; p < head->params.count; p++) {
        gad_param *param = head->params.item[p];
        gad_rng rng = gad_rng_make(seed, p);
        /* the variance of a layer's outputs is about that of its inputs (He et al., arXiv 1502.01852) */
        const double deviation = sqrt(2.0 / (double)param->value.cols);
        for (int64_t i = 0; i < gad_param_count(param); i++) {
            const double noise = param->is_matrix ? deviation * gad_rng_normal(&rng) : 0;
            ((float *)param->owned)[i] = param == head->scale ? 1 : (float)noise;
        }
    }
    return GAD_OK;
}

size_t gad_map_head_items(const gad_map_head *head, char text[33], gad_safetensors_item *item)
{
    size_t count = 0;
    if (!gad_map_head_exists(head))
        return 0;
    gad_hash_text(head->backbone, text);
    item[count++] = (gad_safetensors_item){
        .name = "head.backbone", .dtype = GAD_SAFETENSORS_U8, .rank = 1, .shape = {32}, .data = text};
    for (; count <= head->params.count; count++) {
        const gad_param *param = head->params.item[count - 1];
        item[count] = (gad_safetensors_item){
            .name = param->name, .dtype = GAD_SAFETENSORS_F32, .rank = param->rank, .data = param->value.data};
        memcpy(item[count].shape, param->shape, sizeof param->shape);
    }
    return count;
}

gad_status gad_map_head_save(const gad_map_head *head, const char *path, gad_error *err)
{
    char text[33];
    gad_safetensors_item item[GAD_MAP_HEAD_PARAMS + 1];
    return gad_safetensors_write(path, item, gad_map_head_items(head, text, item), err);
}

gad_hash gad_map_head_hash(const gad_map_head *head)
{
    gad_hash hash = head->backbone;
    for (size_t i = 0; i < head->params.count; i++)
        hash = gad_hash_combine(
            hash, gad_hash_bytes(head->params.item[i]->value.data, gad_param_data_bytes(head->params.item[i], GAD_F32)));
    return hash;
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

static gad_status malformed(const char *path, const char *what, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, operation, "make it again with gad train head", "%s: %s", path, what);
}

static gad_status read_param(const gad_safetensors *file, const char *path, gad_param *param, gad_error *err)
{
    const gad_safetensors_tensor *t = gad_safetensors_find(file, param->name);
    if (!t || t->dtype != GAD_SAFETENSORS_F32 || (int64_t)t->count != gad_param_count(param))
        return malformed(path, "the weights of its head do not fit together", err);
    gad_status status = gad_safetensors_copy_f32(t, 0, t->count, param->owned, err);
    for (size_t i = 0; !status && i < t->count; i++)
        if (!isfinite(((const float *)param->owned)[i]))
            status = malformed(path, "its head has values that are no numbers", err);
    return status;
}

static bool read_hash(const gad_safetensors_tensor *text, gad_hash *hash)
{
    char copy[33] = "";
    if (text->dtype != GAD_SAFETENSORS_U8 || text->size_bytes != 32)
        return false;
    memcpy(copy, text->data, 32);
    return gad_hash_read(copy, hash);
}

gad_status gad_map_head_read(const gad_safetensors *file, const char *path, gad_map_head *head, gad_error *err)
{
    const gad_safetensors_tensor *backbone = gad_safetensors_find(file, "head.backbone"),
                                 *mean = gad_safetensors_find(file, "head.mean");
    gad_hash hash;
    *head = (gad_map_head){0};
    if (!backbone && !mean)
        return GAD_OK;
    if (!backbone || !mean || !read_hash(backbone, &hash) || mean->rank != 1 || mean->count % 2 || mean->count < 2 ||
        (int64_t)mean->count > gad_map_head_channels(MAX_MAPS))
        return malformed(path, "it has no head of this version", err);
    gad_status status = build((int64_t)mean->count / 2, head, err);
    for (size_t i = 0; !status && i < head->params.count; i++)
        status = read_param(file, path, head->params.item[i], err);
    for (int64_t c = 0; !status && c < head->channels; c++)
        if (!(gad_param_get(head->scale, c) > 0))
            status = malformed(path, "its head divides by what is not above 0", err);
    head->backbone = hash;
    if (status)
        gad_map_head_free(head);
    return status;
}

gad_status gad_map_head_open(const char *path, gad_map_head *head, gad_error *err)
{
    gad_safetensors *file = NULL;
    gad_status status = gad_safetensors_open(path, &file, err);
    if (!status)
        status = gad_map_head_read(file, path, head, err);
    if (!status && !gad_map_head_exists(head))
        status = malformed(path, "it holds no head", err);
    gad_safetensors_free(file);
    return status;
}

/* ---- channels ------------------------------------------------------------------------------------------------------ */

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Of what is looked at; 0: nothing is. */
static float median(const float *map, int64_t cells, float *spare)
{
    int64_t count = 0;
    for (int64_t i = 0; i < cells; i++)
        if (map[i] >= 0)
            spare[count++] = map[i];
    qsort(spare, (size_t)count, sizeof *spare, ascending);
    return count ? spare[(count - 1) / 2] : 0;
}

void gad_map_head_prepare(const float *map, int64_t maps, int64_t cells, float *spare, float *channel)
{
    static const float least = 1e-6f;
    const int64_t channels = gad_map_head_channels(maps);
    for (int64_t m = 0; m < maps; m++) {
        const float middle = median(map + m * cells, cells, spare), root = sqrtf(fmaxf(middle, least));
        for (int64_t i = 0; i < cells; i++) {
            const float d = map[m * cells + i];
            const float r = d < 0 ? root : sqrtf(fmaxf(d, least));
            channel[i * channels + m] = r;
            channel[i * channels + maps + m] = r - root;
        }
    }
}

void gad_map_head_normalise(const gad_map_head *head, int64_t cells, float *channel)
{
    const float *mean = head->mean->value.data, *scale = head->scale->value.data;
    for (int64_t i = 0; i < cells; i++)
        for (int64_t c = 0; c < head->channels; c++)
            channel[i * head->channels + c] = (channel[i * head->channels + c] - mean[c]) / scale[c];
}

/* ---- forward and backward ------------------------------------------------------------------------------------------ */

void gad_map_head_forward(const gad_pass *pass, const gad_map_head *head, gad_tensor channel, int64_t rows, int64_t cols,
                          gad_map_head_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    const gad_window window = gad_window_same(rows, cols, 3, 1);
    gad_tensor x = channel;
    *saved = (gad_map_head_saved){.rows = rows, .cols = cols};
    for (int i = 0; i < CONVOLUTIONS; i++) {
        saved->wide[i] = op->take(device, x.rows, 9 * x.cols);
        saved->h[i] = op->take(device, x.rows, WIDTH);
        saved->g[i] = op->take(device, x.rows, WIDTH);
        op->unfold(device, saved->wide[i], x, &window);
        gad_linear_forward(pass, &head->convolution[i], saved->h[i], saved->wide[i], false);
        op->gelu(device, saved->g[i], saved->h[i], GAD_GELU_ERF);
        x = saved->g[i];
    }
    saved->logit = op->take(device, x.rows, 1);
    gad_linear_forward(pass, &head->logit, saved->logit, x, false);
}

/* The cells that see, under pixel k of their 3 x 3, a cell of the picture: `to` is that cell. Returns how many. */
static int64_t pair_up(int64_t rows, int64_t cols, int k, int32_t *from, int32_t *to)
{
    int64_t count = 0;
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < cols; x++) {
            const int64_t v = y + k / 3 - 1, u = x + k % 3 - 1;
            if (v < 0 || v >= rows || u < 0 || u >= cols)
                continue;
            from[count] = (int32_t)(y * cols + x);
            to[count++] = (int32_t)(v * cols + u);
        }
    return count;
}

/* The way back of unfold: dx [cells, inputs]. `index` has room for two numbers a cell and pixel. */
static void fold(gad_device *device, gad_tensor dx, gad_tensor d_wide, int64_t rows, int64_t cols, int32_t *index)
{
    const gad_ops *op = device->ops;
    op->zero(device, dx);
    for (int k = 0; k < 9; k++) {
        int32_t *from = index + 2 * k * rows * cols, *to = from + rows * cols;
        const int64_t count = pair_up(rows, cols, k, from, to);
        const size_t bytes = (size_t)count * sizeof *index;
        op->rows(device, dx, op->upload(device, to, bytes), gad_tensor_cols(d_wide, k * dx.cols, dx.cols),
                 op->upload(device, from, bytes), count, true);
    }
}

gad_status gad_map_head_backward(const gad_pass *pass, const gad_map_head *head, gad_tensor d_logit,
                                 const gad_map_head_saved *saved, gad_error *err)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    const int64_t cells = saved->rows * saved->cols;
    const size_t mark = op->mark(device);
    int32_t *index = gad_memory_alloc((size_t)(18 * cells), sizeof *index);
    if (!index)
        return gad_error_memory(err, "train a head", (size_t)(18 * cells) * sizeof *index);
    gad_tensor dg = op->take(device, cells, WIDTH), d_wide = op->take(device, cells, 9 * WIDTH);
    gad_linear_backward(pass, &head->logit, dg, d_logit, saved->g[CONVOLUTIONS - 1], false);
    for (int i = CONVOLUTIONS - 1; i >= 0; i--) {
        op->gelu_back(device, dg, dg, saved->h[i], GAD_GELU_ERF);
        gad_linear_backward(pass, &head->convolution[i], i ? d_wide : gad_tensor_none(), dg, saved->wide[i], false);
        if (i)
            fold(device, dg, d_wide, saved->rows, saved->cols, index);
    }
    gad_status status = gad_device_check(device, err); /* waits: the indices are free afterwards */
    gad_memory_free(index);
    op->rewind(device, mark);
    return status;
}

gad_status gad_map_head_run(const gad_map_head *head, gad_device *device, const float *map, int64_t rows, int64_t cols,
                            float *logit, gad_error *err)
{
    const int64_t cells = rows * cols;
    const gad_ops *op = device->ops;
    float *channel = gad_memory_alloc_aligned((size_t)(cells * (head->channels + 1)), sizeof *channel);
    if (!channel)
        return gad_error_memory(err, "inspect the part", (size_t)(cells * (head->channels + 1)) * sizeof *channel);
    gad_map_head_prepare(map, head->channels / 2, cells, channel + cells * head->channels, channel);
    gad_map_head_normalise(head, cells, channel);
    gad_device_recover(device);
    const size_t mark = op->mark(device);
    gad_tensor x = op->take(device, cells, head->channels);
    op->fill(device, x, channel);
    gad_map_head_saved saved;
    gad_map_head_forward(&(gad_pass){.device = device}, head, x, rows, cols, &saved);
    op->download(device, logit, saved.logit);
    gad_status status = gad_device_check(device, err);
    op->rewind(device, mark);
    gad_memory_free_aligned(channel);
    return status;
}
