/* lite: see lite.h. Grids are rows of pixels with channels side by side, so that 1x1 convolutions are linear layers; batch
 * norms are folded into the file's weights. */
#include "features/lite.h"

#include "base/error.h"
#include "base/memory.h"
#include "features/pixels.h"
#include "features/tensors.h"

#include <stdio.h>
#include <string.h>

enum { MAX_BLOCKS = 64, MAX_CHANNELS = 8192, STEM_KERNEL = 3, STEM_STRIDE = 2 };
static const char operation[] = "open a backbone";

typedef struct layer {
    gad_weight weight;
    gad_tensor bias;
} layer;

typedef struct block {
    layer expand, depthwise, project;
    int64_t kernel, stride;
    bool residual; /* its input is added to its output */
    int level;     /* of the feature map that its output is, or -1 */
} block;

struct gad_lite {
    gad_safetensors *file; /* mapped: the layers point into it */
    block block[MAX_BLOCKS];
    int blocks;
    gad_device *device; /* where the layers were placed; NULL: on the host */
};

/* ---- opening ---- */

static gad_status read_layer(const gad_lite *lite, int index, const char *part, int64_t rows, int64_t cols, layer *out,
                             gad_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "blocks.%d.%s.weight", index, part);
    gad_status status = gad_tensors_matrix(lite->file, name, rows, cols, &out->weight, err);
    if (status)
        return status;
    if (out->weight.rows > MAX_CHANNELS || out->weight.cols > MAX_CHANNELS)
        return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "%s: more than %d channels", name, MAX_CHANNELS);
    snprintf(name, sizeof name, "blocks.%d.%s.bias", index, part);
    const bool by_column = !strcmp(part, "depthwise");
    return gad_tensors_vector(lite->file, name, by_column ? out->weight.cols : out->weight.rows, &out->bias, err);
}

/* `width`: channels of the block's input. */
static gad_status read_block(gad_lite *lite, int index, int64_t width, int64_t stride, gad_error *err)
{
    block *b = &lite->block[index];
    *b = (block){.stride = stride, .level = -1};
    gad_status status = read_layer(lite, index, "expand", -1, width, &b->expand, err);
    if (!status)
        status = read_layer(lite, index, "depthwise", -1, b->expand.weight.rows, &b->depthwise, err);
    if (!status)
        status = read_layer(lite, index, "project", -1, b->expand.weight.rows, &b->project, err);
    if (status)
        return status;
    for (b->kernel = 1; b->kernel * b->kernel < b->depthwise.weight.rows;)
        b->kernel += 2;
    if (b->kernel > 7 || b->kernel * b->kernel != b->depthwise.weight.rows || stride < 1 || stride > 2)
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, NULL,
                             "block %d: %lld weights a channel and stride %lld are no depthwise convolution of 1, 3, 5 or "
                             "7 px with stride 1 or 2",
                             index, (long long)b->depthwise.weight.rows, (long long)stride);
    b->residual = index > 0 && stride == 1 && b->project.weight.rows == width;
    return GAD_OK;
}

static gad_status read_levels(gad_lite *lite, gad_backbone_info *info, const int64_t *stride, gad_error *err)
{
    int64_t level[GAD_FEATURE_MOST], count = 0, reached = STEM_STRIDE;
    gad_status status = gad_tensors_integers(lite->file, "levels", GAD_FEATURE_MOST, level, &count, err);
    if (status)
        return status;
    for (int i = 0, next = 0; i < lite->blocks && next < count; i++) {
        reached *= stride[i];
        if (level[next] != i)
            continue;
        gad_backbone_level *l = &info->level[next];
        snprintf(l->name, sizeof l->name, "block %d", i);
        l->width = lite->block[i].project.weight.rows;
        l->stride = info->unit = reached;
        lite->block[i].level = next++;
        info->level_count = next;
    }
    if (count < 1 || info->level_count != count || level[count - 1] != lite->blocks - 1 || info->unit > 64)
        return gad_error_set(err, GAD_E_FORMAT, operation, NULL,
                             "\"levels\" are not ascending numbers of blocks that end with the last of %d", lite->blocks);
    return GAD_OK;
}

static gad_status read_network(gad_lite *lite, gad_backbone_info *info, gad_error *err)
{
    int64_t stride[MAX_BLOCKS], count = 0, width = STEM_KERNEL * STEM_KERNEL * 3;
    gad_status status = gad_tensors_integers(lite->file, "strides", MAX_BLOCKS, stride, &count, err);
    for (int i = 0; !status && i < count; i++) {
        status = read_block(lite, i, width, stride[i], err);
        lite->blocks = i + 1;
        width = lite->block[i].project.weight.rows;
    }
    if (!status)
        status = read_levels(lite, info, stride, err);
    if (status)
        return status;
    const char *name = gad_safetensors_metadata(lite->file, "architecture");
    snprintf(info->family, sizeof info->family, "%s", name ? name : "efficientnet-lite");
    return gad_tensors_integers(lite->file, "side", 1, &info->default_side, &count, err);
}

gad_status gad_lite_open(const char *path, gad_lite **lite, gad_backbone_info *info, gad_error *err)
{
    gad_lite *l = gad_memory_zero(1, sizeof *l);
    if (!l)
        return gad_error_memory(err, operation, sizeof *l);
    *info = (gad_backbone_info){0};
    gad_status status = gad_safetensors_open(path, &l->file, err);
    if (!status) {
        status = read_network(l, info, err);
        if (status)
            status = gad_error_context(err, status, "%s", path);
    }
    if (status) {
        gad_lite_free(l);
        return status;
    }
    gad_tensors_sum_up(l->file, info);
    *lite = l;
    return GAD_OK;
}

static gad_weight bias_of(const layer *l)
{
    return (gad_weight){.data = l->bias.data, .dtype = l->bias.dtype, .rows = 1, .cols = l->bias.cols};
}

static void place_layer(gad_device *device, layer *l)
{
    const gad_weight bias = device->ops->place(device, bias_of(l));
    l->weight = device->ops->place(device, l->weight);
    l->bias.data = (void *)(uintptr_t)bias.data;
}

gad_status gad_lite_place(gad_lite *lite, gad_device *device, gad_error *err)
{
    if (!device->memory_bytes)
        return GAD_OK;
    lite->device = device;
    for (int i = 0; i < lite->blocks; i++) {
        place_layer(device, &lite->block[i].expand);
        place_layer(device, &lite->block[i].depthwise);
        place_layer(device, &lite->block[i].project);
    }
    return gad_device_check(device, err);
}

static void unplace_layer(gad_device *device, const layer *l)
{
    device->ops->unplace(device, l->weight);
    device->ops->unplace(device, bias_of(l));
}

void gad_lite_free(gad_lite *lite)
{
    if (!lite)
        return;
    for (int i = 0; lite->device && i < lite->blocks; i++) {
        unplace_layer(lite->device, &lite->block[i].expand);
        unplace_layer(lite->device, &lite->block[i].depthwise);
        unplace_layer(lite->device, &lite->block[i].project);
    }
    gad_safetensors_free(lite->file);
    gad_memory_free(lite);
}

/* ---- running ---- */

/* Numbers of the largest output of a block. */
static int64_t max_numbers(const gad_lite *lite, int64_t rows, int64_t cols)
{
    int64_t most = 0;
    for (int i = 0; i < lite->blocks; i++) {
        const gad_window w = gad_window_same(rows, cols, lite->block[i].kernel, lite->block[i].stride);
        rows = w.out_rows;
        cols = w.out_cols;
        const int64_t numbers = rows * cols * lite->block[i].project.weight.rows;
        most = numbers > most ? numbers : most;
    }
    return most;
}

/* The block's output: x itself when there is a residual, else in `memory`. */
static gad_tensor run_block(gad_device *device, const block *b, gad_tensor x, const gad_window *window, gad_tensor memory)
{
    const gad_ops *ops = device->ops;
    const int64_t cells = window->out_rows * window->out_cols, width = b->project.weight.rows;
    const size_t mark = ops->mark(device);
    gad_tensor hidden = ops->take(device, cells, b->expand.weight.rows);
    ops->expand_depthwise(device, hidden, x, b->expand.weight, b->expand.bias, b->depthwise.weight, b->depthwise.bias,
                          window);
    gad_tensor y = b->residual ? x : gad_tensor_view(gad_tensor_cols(memory, 0, cells * width), cells, width);
    ops->linear(device, y, hidden, b->project.weight, b->project.bias, 1, b->residual);
    ops->rewind(device, mark);
    return y;
}

static gad_status run_network(const gad_lite *lite, gad_device *device, gad_tensor x, int64_t rows, int64_t cols,
                              gad_features *features, gad_error *err)
{
    const gad_ops *ops = device->ops;
    const int64_t most = max_numbers(lite, rows, cols);
    const gad_tensor memory[2] = {ops->take(device, 1, most), ops->take(device, 1, most)};
    int64_t reached = STEM_STRIDE;
    gad_status status = gad_device_check(device, err);
    for (int i = 0, next = 0; !status && i < lite->blocks; i++) {
        const block *b = &lite->block[i];
        const gad_window window = gad_window_same(rows, cols, b->kernel, b->stride);
        x = run_block(device, b, x, &window, memory[next]);
        next = b->residual ? next : !next;
        rows = window.out_rows;
        cols = window.out_cols;
        reached *= b->stride;
        if (b->level < 0)
            continue;
        status = gad_feature_add(features, rows, cols, x.cols, reached, err);
        if (!status) {
            ops->download(device, features->map[features->count - 1].data, x);
            status = gad_device_check(device, err);
        }
    }
    return status;
}

gad_status gad_lite_run(const gad_lite *lite, gad_device *device, const gad_image *picture, gad_features *features,
                        gad_error *err)
{
    const gad_ops *ops = device->ops;
    const size_t mark = ops->mark(device);
    const gad_window stem = gad_window_same(picture->height, picture->width, STEM_KERNEL, STEM_STRIDE);
    gad_tensor pixels = gad_tensor_none();
    const gad_pixels_scale trained_on = {{127, 127, 127}, {1.0f / 128, 1.0f / 128, 1.0f / 128}};
    gad_status status = gad_pixels_take(device, picture, &trained_on, &pixels, err);
    if (!status) {
        gad_tensor x = ops->take(device, stem.out_rows * stem.out_cols, lite->block[0].expand.weight.cols);
        ops->unfold(device, x, pixels, &stem);
        status = run_network(lite, device, x, stem.out_rows, stem.out_cols, features, err);
    }
    ops->rewind(device, mark);
    return status;
}
