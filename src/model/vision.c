/* vision: see vision.h. Steps and orders: docs/spec/qwen_vl.md sections 4 and 10.3. */
#include "model/vision.h"

/* X = patches Wf^T (+ b) (+ interpolated position rows), in raster (merge block) order. */
static void embed_patches(const gad_pass *pass, const gad_vision *vision, gad_tensor x, gad_tensor patches,
                          const gad_vision_layout *layout)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    gad_linear_forward(pass, &vision->patch_embed, x, patches, false);
    gad_pass_tap(pass, x, "vis.patch");
    if (!vision->position_embed)
        return;
    size_t index_bytes = (size_t)layout->patches * 4 * sizeof *layout->mix_index;
    op->rows_mix(device, x, gad_param_weight(vision->position_embed), op->upload(device, layout->mix_index, index_bytes),
                 op->upload(device, layout->mix_weight, index_bytes));
    gad_pass_tap(pass, x, "vis.embedded");
}

static gad_block_input block_input(const gad_pass *pass, const gad_model *model, const gad_vision_layout *layout,
                                   gad_tensor cos, gad_tensor sin, int i)
{
    (void)pass;
    bool full = model->config.vision.full_attention[i] || !model->config.vision.window;
    return (gad_block_input){.cos = cos,
                             .sin = sin,
                             .spans = full ? layout->full : layout->window,
                             .span_count = full ? layout->full_count : layout->window_count};
}

static void take_rope(const gad_pass *pass, const gad_vision_layout *layout, int half, gad_tensor *cos, gad_tensor *sin)
{
    gad_device *device = pass->device;
    *cos = device->ops->take_exact(device, layout->patches, half);
    *sin = device->ops->take_exact(device, layout->patches, half);
    device->ops->fill(device, *cos, layout->cos);
    device->ops->fill(device, *sin, layout->sin);
}

/* Index of the DeepStack level fed by block i, -1 for none. */
static int deepstack_level(const gad_vision_config *config, int i)
{
    for (int k = 0; k < config->deepstack_count; k++)
        if (config->deepstack[k] == i)
            return k;
    return -1;
}

/* Rows of merged groups back in raster order: out[order[i]] = merged[i]. */
static gad_tensor restore_order(const gad_pass *pass, const gad_vision_layout *layout, gad_tensor out, gad_tensor merged)
{
    gad_device *device = pass->device;
    const int32_t *order =
        device->ops->upload(device, layout->token_order, (size_t)layout->tokens * sizeof *layout->token_order);
    device->ops->rows(device, out, order, merged, NULL, layout->tokens, false);
    return out;
}

gad_vision_rows gad_vision_forward(const gad_pass *pass, const gad_model *model, gad_tensor patches,
                                   const gad_vision_layout *layout, gad_vision_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    const gad_vision_config *config = &model->config.vision;
    const gad_vision *vision = &model->vision;
    gad_vision_rows rows = {.deepstack_count = config->deepstack_count};
    rows.out = op->take(device, layout->tokens, config->out_hidden);
    for (int k = 0; k < rows.deepstack_count; k++)
        rows.deepstack[k] = op->take(device, layout->tokens, config->out_hidden);
    size_t mark = op->mark(device);
    gad_tensor raster = op->take(device, layout->patches, config->hidden);
    embed_patches(pass, vision, raster, patches, layout);
    gad_tensor x = op->take(device, layout->patches, config->hidden), cos, sin;
    const int32_t *order = op->upload(device, layout->patch_order, (size_t)layout->patches * sizeof *layout->patch_order);
    op->rows(device, x, NULL, raster, order, layout->patches, false);
    gad_pass_tap(pass, x, "vis.ordered");
    take_rope(pass, layout, config->head_dim / 2, &cos, &sin);
    for (int i = 0; i < config->depth; i++) {
        if (saved) {
            saved->block_input[i] = op->take(device, x.rows, x.cols);
            op->axpby(device, saved->block_input[i], 1, x, 0);
        }
        gad_block_input in = block_input(pass, model, layout, cos, sin, i);
        gad_block_forward(pass, &vision->block[i], x, &in, saved && saved->block ? &saved->block[i] : NULL);
        int level = deepstack_level(config, i);
        if (level < 0)
            continue;
        gad_tensor input = x;
        if (saved) { /* x goes on changing */
            input = op->take(device, x.rows, x.cols);
            op->axpby(device, input, 1, x, 0);
        }
        size_t merger_mark = op->mark(device);
        gad_tensor merged =
            gad_merger_forward(pass, &vision->deepstack[level], input, saved ? &saved->deepstack[level] : NULL);
        restore_order(pass, layout, rows.deepstack[level], merged);
        gad_pass_tap(pass, rows.deepstack[level], "vis.deepstack.%d", level);
        if (!saved)
            op->rewind(device, merger_mark);
    }
    gad_tensor merged = gad_merger_forward(pass, &vision->merger, x, saved ? &saved->merger : NULL);
    gad_pass_tap(pass, merged, "vis.merged_permuted");
    restore_order(pass, layout, rows.out, merged);
    gad_pass_tap(pass, rows.out, "vis.out");
    if (saved)
        saved->patches = patches;
    else
        op->rewind(device, mark);
    return rows;
}

/* Gradient of rows in raster order to the gradient of the merger's output, then of its input, added to dx. */
static void merger_backward(const gad_pass *pass, const gad_merger *merger, gad_tensor dx, gad_tensor d_rows,
                            const gad_vision_layout *layout, const gad_merger_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    size_t mark = op->mark(device);
    gad_tensor d_merged = op->take(device, d_rows.rows, d_rows.cols);
    const int32_t *order = op->upload(device, layout->token_order, (size_t)layout->tokens * sizeof *layout->token_order);
    op->rows(device, d_merged, NULL, d_rows, order, layout->tokens, false);
    gad_merger_backward(pass, merger, dx, d_merged, saved);
    op->rewind(device, mark);
}

void gad_vision_backward(const gad_pass *pass, const gad_model *model, const gad_vision_rows *d_rows,
                         const gad_vision_layout *layout, const gad_vision_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    const gad_vision_config *config = &model->config.vision;
    const gad_vision *vision = &model->vision;
    size_t mark = op->mark(device);
    gad_tensor dx = op->take(device, layout->patches, config->hidden), cos, sin;
    op->zero(device, dx);
    take_rope(pass, layout, config->head_dim / 2, &cos, &sin);
    merger_backward(pass, &vision->merger, dx, d_rows->out, layout, &saved->merger);
    for (int i = config->depth - 1; i >= 0; i--) {
        int level = deepstack_level(config, i);
        if (level >= 0)
            merger_backward(pass, &vision->deepstack[level], dx, d_rows->deepstack[level], layout,
                            &saved->deepstack[level]);
        gad_block_input in = block_input(pass, model, layout, cos, sin, i);
        size_t block_mark = op->mark(device);
        gad_block_saved again;
        if (!saved->block) {
            gad_tensor x = op->take(device, layout->patches, config->hidden);
            op->axpby(device, x, 1, saved->block_input[i], 0);
            gad_block_forward(pass, &vision->block[i], x, &in, &again);
        }
        gad_block_backward(pass, &vision->block[i], dx, &in, saved->block ? &saved->block[i] : &again);
        op->rewind(device, block_mark);
    }
    const int32_t *order = op->upload(device, layout->patch_order, (size_t)layout->patches * sizeof *layout->patch_order);
    gad_tensor d_raster = op->take(device, layout->patches, config->hidden);
    op->rows(device, d_raster, order, dx, NULL, layout->patches, false);
    if (vision->position_embed && vision->position_embed->trainable) {
        size_t index_bytes = (size_t)layout->patches * 4 * sizeof *layout->mix_index;
        op->rows_mix_back(device, vision->position_embed->gradient, d_raster,
                          op->upload(device, layout->mix_index, index_bytes),
                          op->upload(device, layout->mix_weight, index_bytes));
    }
    gad_linear_backward(pass, &vision->patch_embed, gad_tensor_none(), d_raster, saved->patches, false);
    op->rewind(device, mark);
}
