/* vit: see vit.h */
#include "features/vit.h"

#include "base/error.h"
#include "base/memory.h"
#include "features/resample.h"
#include "features/tensors.h"
#include "features/vit_weights.h"

#include <math.h>
#include <stdio.h>

enum { LEVELS = 4 };

struct gad_vit {
    gad_safetensors *file; /* mapped: the weights point into it */
    gad_vit_config config;
    gad_vit_weights weights;
    int level[LEVELS]; /* layers that give a feature map, counted from 1 */
    int levels;
};

/* ---- opening ---- */

/* At 5, 6, 7 and 8 eighths of the depth. */
static void choose_levels(gad_vit *v, gad_backbone_info *info)
{
    for (int eighths = 5; eighths <= 8; eighths++) {
        const int layer = v->config.depth * eighths / 8;
        if (layer < 1 || (v->levels && v->level[v->levels - 1] == layer))
            continue;
        v->level[v->levels++] = layer;
        gad_backbone_level *l = &info->level[info->level_count++];
        snprintf(l->name, sizeof l->name, "layer %d", layer);
        l->width = v->config.hidden;
        l->stride = v->config.patch;
    }
}

static gad_status open_folder(gad_vit *v, const char *folder, gad_backbone_info *info, gad_error *err)
{
    gad_status status = gad_vit_config_load(folder, &v->config, err);
    if (!status)
        status = gad_safetensors_open(folder, &v->file, err);
    if (status)
        return status;
    status = gad_vit_weights_load(v->file, &v->config, &v->weights, err);
    if (status)
        return gad_error_context(err, status, "%s", folder);
    const gad_vit_config *c = &v->config;
    snprintf(info->family, sizeof info->family, "%s", c->family);
    info->unit = c->patch;
    info->default_side = c->image_side / c->patch * c->patch;
    choose_levels(v, info);
    gad_tensors_sum_up(v->file, info);
    const int64_t shape[] = {c->depth, c->heads, c->patch, c->registers}; /* what the tensors do not say */
    info->hash = gad_hash_combine(info->hash, gad_hash_bytes(shape, sizeof shape));
    return GAD_OK;
}

gad_status gad_vit_open(const char *folder, gad_vit **vit, gad_backbone_info *info, gad_error *err)
{
    gad_vit *v = gad_memory_zero(1, sizeof *v);
    if (!v)
        return gad_error_memory(err, "open a backbone", sizeof *v);
    *info = (gad_backbone_info){0};
    gad_status status = open_folder(v, folder, info, err);
    if (status)
        gad_vit_free(v);
    else
        *vit = v;
    return status;
}

gad_status gad_vit_place(gad_vit *vit, gad_device *device, gad_error *err)
{
    for (size_t i = 0; i < vit->weights.params.count; i++)
        gad_param_place(vit->weights.params.item[i], device);
    return gad_device_check(device, err);
}

void gad_vit_free(gad_vit *vit)
{
    if (!vit)
        return;
    gad_vit_weights_free(&vit->weights);
    gad_safetensors_free(vit->file);
    gad_memory_free(vit);
}

/* ---- running ---- */

/* One picture on its way: rows are the prefix (class row, registers), then the patches in raster order. */
typedef struct pass {
    const gad_vit *vit;
    gad_device *device;
    int64_t rows, cols, prefix; /* patches; rows before them */
    gad_tensor x;               /* [prefix + patches, hidden] */
    gad_tensor cos, sin;
} pass;

/* Host numbers into a tensor; frees them. */
static gad_tensor filled(gad_device *device, gad_tensor t, float *host)
{
    device->ops->fill(device, t, host);
    gad_memory_free(host);
    return t;
}

static gad_status add_positions(const pass *p, gad_tensor patches, gad_error *err)
{
    const gad_vit_weights *w = &p->vit->weights;
    float *host = gad_memory_alloc((size_t)(patches.rows * patches.cols), sizeof *host);
    if (!host)
        return gad_error_memory(err, "see a picture", (size_t)(patches.rows * patches.cols) * sizeof *host);
    gad_status status = gad_resample_grid(w->positions, w->position_side, patches.cols, host, p->rows, p->cols,
                                          p->vit->config.antialias, err);
    if (status) {
        gad_memory_free(host);
        return status;
    }
    const gad_ops *ops = p->device->ops;
    const size_t mark = ops->mark(p->device);
    const gad_tensor positions = filled(p->device, ops->take(p->device, patches.rows, patches.cols), host);
    ops->axpby(p->device, patches, 1, positions, 1);
    ops->rewind(p->device, mark);
    return GAD_OK;
}

static gad_status embed(pass *p, const gad_image *picture, gad_error *err)
{
    const gad_vit_config *c = &p->vit->config;
    const gad_ops *ops = p->device->ops;
    p->x = ops->take(p->device, p->prefix + p->rows * p->cols, c->hidden);
    const size_t mark = ops->mark(p->device);
    const gad_tensor patches = gad_tensor_rows(p->x, p->prefix, p->rows * p->cols);
    const gad_window window = gad_window_same(picture->height, picture->width, c->patch, c->patch);
    gad_tensor pixels;
    gad_status status = gad_pixels_take(p->device, picture, &c->pixels, &pixels, err);
    if (status)
        return status;
    gad_tensor unfolded = ops->take(p->device, patches.rows, 3 * (int64_t)c->patch * c->patch);
    ops->unfold(p->device, unfolded, pixels, &window);
    gad_linear_forward(&(gad_pass){.device = p->device}, &p->vit->weights.patch, patches, unfolded, false);
    ops->rewind(p->device, mark);
    ops->fill(p->device, gad_tensor_rows(p->x, 0, p->prefix), p->vit->weights.prefix);
    return c->rotary ? GAD_OK : add_positions(p, patches, err);
}

/* Rotations of DINOv3: a patch's centre, from -1 to 1 in each direction, times 2 pi and head_dim / 4 frequencies: first of
 * the row, then of the column. The prefix is not turned. */
static gad_status take_rotations(pass *p, gad_error *err)
{
    const gad_vit_config *c = &p->vit->config;
    const int64_t quarter = c->hidden / c->heads / 4, count = p->x.rows * 2 * quarter;
    float *cosine = gad_memory_alloc((size_t)count, sizeof *cosine), *sine = gad_memory_alloc((size_t)count, sizeof *sine);
    if (!cosine || !sine) {
        gad_memory_free(cosine);
        gad_memory_free(sine);
        return gad_error_memory(err, "see a picture", (size_t)count * sizeof *cosine);
    }
    for (int64_t i = 0; i < count; i++) {
        const int64_t patch = i / (2 * quarter) - p->prefix, axis = i / quarter % 2;
        const double step = axis ? (double)(patch % p->cols) : (double)(patch / p->cols);
        const double centre = 2 * (step + 0.5) / (double)(axis ? p->cols : p->rows) - 1;
        const double frequency = pow(c->rope_theta, -(double)(i % quarter) / (double)quarter);
        const double angle = patch < 0 ? 0 : 2 * M_PI * centre * frequency;
        cosine[i] = (float)cos(angle);
        sine[i] = (float)sin(angle);
    }
    p->cos = filled(p->device, p->device->ops->take_exact(p->device, p->x.rows, 2 * quarter), cosine);
    p->sin = filled(p->device, p->device->ops->take_exact(p->device, p->x.rows, 2 * quarter), sine);
    return GAD_OK;
}

static gad_status add_map(const pass *p, gad_features *features, gad_error *err)
{
    const gad_ops *ops = p->device->ops;
    gad_status status = gad_feature_add(features, p->rows, p->cols, p->x.cols, p->vit->config.patch, err);
    if (status)
        return status;
    const gad_tensor patches = gad_tensor_rows(p->x, p->prefix, p->rows * p->cols);
    const size_t mark = ops->mark(p->device);
    gad_tensor normalised = ops->take(p->device, patches.rows, patches.cols);
    gad_norm_forward(&(gad_pass){.device = p->device}, &p->vit->weights.norm, normalised, gad_tensor_none(), patches);
    ops->download(p->device, features->map[features->count - 1].data, normalised);
    ops->rewind(p->device, mark);
    return gad_device_check(p->device, err);
}

static gad_status run_blocks(const pass *p, gad_features *features, gad_error *err)
{
    const gad_attention_span all = {.q1 = p->x.rows, .k1 = p->x.rows};
    const gad_block_input in = {.cos = p->cos, .sin = p->sin, .spans = &all, .span_count = 1};
    gad_status status = gad_device_check(p->device, err);
    for (int i = 0, next = 0; !status && i < p->vit->config.depth; i++) {
        gad_block_forward(&(gad_pass){.device = p->device}, &p->vit->weights.block[i], p->x, &in, NULL);
        status = gad_device_check(p->device, err);
        if (status || p->vit->level[next] != i + 1)
            continue;
        next++;
        status = add_map(p, features, err);
    }
    return status;
}

gad_status gad_vit_run(const gad_vit *vit, gad_device *device, const gad_image *picture, gad_features *features,
                       gad_error *err)
{
    const size_t mark = device->ops->mark(device);
    pass p = {.vit = vit,
              .device = device,
              .rows = picture->height / vit->config.patch,
              .cols = picture->width / vit->config.patch,
              .prefix = 1 + vit->config.registers};
    gad_status status = embed(&p, picture, err);
    if (!status && vit->config.rotary)
        status = take_rotations(&p, err);
    if (!status)
        status = run_blocks(&p, features, err);
    device->ops->rewind(device, mark);
    return status;
}
