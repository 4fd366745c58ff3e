/* step: see step.h */
#include "train/step.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "run a training step";

int64_t gad_step_logits_rows(const gad_device *device)
{
    return device->memory_bytes ? 1024 : 256;
}

gad_step gad_step_make(const gad_model *model, gad_device *device, bool checkpointing)
{
    gad_step step = {.model = model,
                     .pass = {.device = device, .adapters = true},
                     .checkpointing = checkpointing,
                     .logits_rows = gad_step_logits_rows(device)};
    for (size_t i = 0; i < model->params.count; i++) {
        const gad_param *param = model->params.item[i];
        if (!param->trainable)
            continue;
        step.trains_vision |= gad_param_is_visual(param);
        step.trains_evidence |= gad_param_is_evidence(param);
    }
    return step;
}

/* ---- the forward half ---------------------------------------------------------------------------------------------- */

/* Everything that one pass keeps until it is done; tensors lie on the device's stack. */
typedef struct run {
    const gad_step *step;
    const gad_batch *batch;
    bool back; /* a backward pass follows */
    bool images_only;
    const gad_lm_cache *cache;
    gad_vision_saved vision_saved;
    gad_lm_saved lm_saved;
    gad_vision_rows rows, d_rows;
    gad_lm_input input;
    gad_tensor hidden, d_hidden, d_logits;
    gad_head_input compared; /* empty when nothing is */
    gad_head_result found;
    gad_head_saved head;
} run;

static bool vision_goes_back(const run *r)
{
    return r->back && r->step->trains_vision && r->batch->image_count && !r->batch->has_rows;
}

/* The evidence head's tables, when the model has one and there is something to compare. */
static gad_status prepare_evidence(run *r, gad_error *err)
{
    const gad_batch *batch = r->batch;
    if (!gad_head_exists(r->step->model) || !batch->pair_count)
        return GAD_OK;
    gad_head_image *image = gad_memory_alloc((size_t)batch->image_count, sizeof *image);
    if (!image)
        return gad_error_memory(err, operation, (size_t)batch->image_count * sizeof *image);
    for (int64_t i = 0; i < batch->image_count; i++)
        image[i] = (gad_head_image){.picture = batch->image[i].prepared,
                                    .forced = batch->image[i].forced,
                                    .forced_count = batch->image[i].forced_count};
    gad_status status = gad_head_input_make(&r->step->model->config, image, batch->image_count, batch->pair,
                                            batch->pair_count, &r->compared, err);
    gad_memory_free(image);
    return status ? status : gad_head_result_make(&r->step->model->config.evidence, &r->compared, &r->found, err);
}

static gad_status reserve(run *r, gad_error *err)
{
    size_t depth = (size_t)r->step->model->config.vision.depth, layers = (size_t)r->step->model->config.text.layers;
    bool whole = !r->step->checkpointing;
    gad_status status = prepare_evidence(r, err);
    if (status || !r->back)
        return status;
    r->lm_saved.block_input = gad_memory_zero(layers, sizeof(gad_tensor));
    r->lm_saved.block = whole ? gad_memory_zero(layers, sizeof(gad_block_saved)) : NULL;
    r->vision_saved.block_input = gad_memory_zero(depth, sizeof(gad_tensor));
    r->vision_saved.block = whole ? gad_memory_zero(depth, sizeof(gad_block_saved)) : NULL;
    if (!r->lm_saved.block_input || !r->vision_saved.block_input ||
        (whole && (!r->lm_saved.block || !r->vision_saved.block)))
        return gad_error_memory(err, operation, (layers + depth) * sizeof(gad_block_saved));
    return GAD_OK;
}

static void release(run *r)
{
    gad_head_result_free(&r->found);
    gad_head_input_free(&r->compared);
    gad_memory_free(r->lm_saved.block_input);
    gad_memory_free(r->lm_saved.block);
    gad_memory_free(r->vision_saved.block_input);
    gad_memory_free(r->vision_saved.block);
}

static gad_vision_rows take_rows(const gad_step *step, int64_t tokens, int deepstack_count)
{
    gad_device *device = step->pass.device;
    int64_t hidden = step->model->config.text.hidden;
    gad_vision_rows rows = {.out = device->ops->take(device, tokens, hidden), .deepstack_count = deepstack_count};
    for (int k = 0; k < deepstack_count; k++)
        rows.deepstack[k] = device->ops->take(device, tokens, hidden);
    return rows;
}

/* Rows of the frozen tower from the host. */
static gad_vision_rows load_rows(const gad_step *step, const gad_batch *batch)
{
    gad_device *device = step->pass.device;
    int64_t hidden = step->model->config.text.hidden, at = 0;
    gad_vision_rows rows = take_rows(step, batch->tokens, step->model->config.vision.deepstack_count);
    for (int64_t i = 0; i < batch->image_count; i++) {
        const gad_image_rows *image = batch->image[i].rows;
        device->ops->fill(device, gad_tensor_rows(rows.out, at, image->tokens), image->rows);
        for (int k = 0; k < rows.deepstack_count; k++)
            device->ops->fill(device, gad_tensor_rows(rows.deepstack[k], at, image->tokens),
                              image->rows + (k + 1) * image->tokens * hidden);
        at += image->tokens;
    }
    return rows;
}

static int64_t patch_cols(const gad_model *model)
{
    return model->vision.patch_embed.weight->value.cols;
}

static gad_tensor load_patches(const gad_step *step, const gad_batch *batch)
{
    gad_device *device = step->pass.device;
    gad_tensor patches = device->ops->take(device, batch->patches, patch_cols(step->model));
    int64_t at = 0;
    for (int64_t i = 0; i < batch->image_count; i++) {
        int64_t n = gad_grid_patches(batch->image[i].grid);
        device->ops->fill(device, gad_tensor_rows(patches, at, n), batch->image[i].patches);
        at += n;
    }
    return patches;
}

/* Rows that only the evidence head adds to start at zero. */
static void compare_images(run *r)
{
    gad_device *device = r->step->pass.device;
    if (!r->compared.pairs)
        return;
    for (; r->rows.deepstack_count < gad_config_added_sets(&r->step->model->config); r->rows.deepstack_count++) {
        gad_tensor *rows = &r->rows.deepstack[r->rows.deepstack_count];
        *rows = device->ops->take(device, r->batch->tokens, r->rows.out.cols);
        device->ops->zero(device, *rows);
    }
    gad_head_forward(&r->step->pass, r->step->model, &r->compared, &r->rows, &r->found, &r->head);
}

static gad_status check(const run *r, gad_error *err)
{
    return r->found.status ? gad_error_memory(err, operation, 0) : gad_device_check(r->step->pass.device, err);
}

static void forward(run *r)
{
    const gad_step *step = r->step;
    const gad_batch *batch = r->batch;
    if (batch->has_rows)
        r->rows = load_rows(step, batch);
    else if (batch->image_count)
        r->rows = gad_vision_forward(&step->pass, step->model, load_patches(step, batch), &batch->layout,
                                     vision_goes_back(r) ? &r->vision_saved : NULL);
    compare_images(r);
    if (r->images_only)
        return;
    r->input = (gad_lm_input){.rows = batch->rows,
                              .ids = batch->ids,
                              .position = batch->position,
                              .spans = batch->span,
                              .span_count = batch->span_count,
                              .image = batch->image_count ? &r->rows : NULL,
                              .image_at = batch->image_at,
                              .image_from = batch->image_from,
                              .image_count = batch->image_count ? batch->tokens : 0,
                              .cache = r->cache};
    r->hidden = gad_lm_forward(&step->pass, step->model, &r->input, r->back ? &r->lm_saved : NULL);
}

/* ---- the label rows ------------------------------------------------------------------------------------------------ */

/* Hidden rows of labels first..first+n-1, and their logits on the stack. */
static gad_tensor label_logits(const run *r, int64_t first, int64_t n, gad_tensor *picked)
{
    gad_device *device = r->step->pass.device;
    const int32_t *row = device->ops->upload(device, r->batch->label_row + first, (size_t)n * sizeof *row);
    *picked = device->ops->take(device, n, r->hidden.cols);
    device->ops->rows(device, *picked, NULL, r->hidden, row, n, false);
    return gad_lm_logits(&r->step->pass, r->step->model, *picked);
}

/* logp and entropy of a piece of labels, to the host. */
static const int32_t *measure(const run *r, int64_t first, int64_t n, gad_tensor z, float temperature, float *logp,
                              float *entropy)
{
    gad_device *device = r->step->pass.device;
    const gad_ops *op = device->ops;
    const int32_t *target = op->upload(device, r->batch->label_id + first, (size_t)n * sizeof *target);
    gad_tensor p = op->take_exact(device, n, 1), h = entropy ? op->take_exact(device, n, 1) : gad_tensor_none();
    op->logprob(device, p, h, z, target, temperature);
    gad_pass_tap(&r->step->pass, p, "train.logp");
    op->download(device, logp, p);
    if (entropy)
        op->download(device, entropy, h);
    return target;
}

/* Gradient of a piece of labels, added to d_hidden and to the head. */
static void label_backward(const run *r, int64_t first, int64_t n, gad_tensor z, gad_tensor picked, const int32_t *target,
                           const float *g, const float *h, float temperature)
{
    gad_device *device = r->step->pass.device;
    const gad_ops *op = device->ops;
    gad_tensor weight = op->take_exact(device, n, 1), d_picked = op->take(device, n, picked.cols);
    gad_tensor entropy_weight = h ? op->take_exact(device, n, 1) : gad_tensor_none();
    op->fill(device, weight, g);
    if (h)
        op->fill(device, entropy_weight, h);
    gad_tensor dz = z.dtype == device->dtype ? z : op->take(device, z.rows, z.cols);
    op->logprob_back(device, dz, weight, entropy_weight, z, target, temperature);
    op->zero(device, d_picked);
    gad_lm_logits_backward(&r->step->pass, r->step->model, d_picked, dz, picked);
    const int32_t *row = op->upload(device, r->batch->label_row + first, (size_t)n * sizeof *row);
    op->rows(device, r->d_hidden, row, d_picked, NULL, n, true);
}

static gad_status run_labels(run *r, const gad_objective *objective, float temperature, float *logp, float *entropy,
                             gad_error *err)
{
    gad_device *device = r->step->pass.device;
    int64_t piece = r->step->logits_rows > 0 ? r->step->logits_rows : gad_step_logits_rows(device);
    float *host = gad_memory_alloc((size_t)(3 * piece), sizeof *host);
    if (!host)
        return gad_error_memory(err, operation, (size_t)(3 * piece) * sizeof *host);
    for (int64_t first = 0; first < r->batch->labels; first += piece) {
        int64_t n = r->batch->labels - first < piece ? r->batch->labels - first : piece;
        size_t mark = device->ops->mark(device);
        gad_tensor picked, z = label_logits(r, first, n, &picked);
        float *p = logp ? logp + first : host, *h = logp ? (entropy ? entropy + first : NULL) : host + piece;
        const int32_t *target = measure(r, first, n, z, temperature, p, h);
        if (objective) {
            float *g = host + 2 * piece;
            objective->gradient(objective->user, r->batch, first, n, p, h, g);
            for (int64_t i = 0; i < n; i++) /* dL/dentropy, in place of the entropies */
                h[i] = (float)-objective->entropy_bonus * r->batch->label_weight[first + i];
            if (r->back)
                label_backward(r, first, n, z, picked, target, g, objective->entropy_bonus != 0 ? h : NULL, temperature);
        }
        device->ops->rewind(device, mark);
    }
    gad_memory_free(host);
    return gad_device_check(device, err);
}

/* ---- the backward half --------------------------------------------------------------------------------------------- */

/* dL/dlogit of the heat maps, from the objective. */
static gad_status run_masks(run *r, const gad_objective *objective, gad_error *err)
{
    gad_device *device = r->step->pass.device;
    int64_t side = gad_config_map_side(&r->step->model->config.evidence), cells = side * side * r->compared.tests, at = 0;
    if (!r->compared.pairs || !objective->mask)
        return GAD_OK;
    float *logit = gad_memory_zero((size_t)(2 * cells), sizeof *logit), *g = logit + cells;
    if (!logit)
        return gad_error_memory(err, operation, (size_t)(2 * cells) * sizeof *logit);
    device->ops->download(device, logit, r->head.logits);
    for (int64_t i = 0; i < r->batch->pair_count; i++) {
        int64_t n = side * side * gad_grid_tokens(r->batch->image[r->batch->pair[i].test].grid);
        objective->mask(objective->user, r->batch, i, n, logit + at, g + at);
        at += n;
    }
    r->d_logits = device->ops->take(device, cells, 1);
    device->ops->fill(device, r->d_logits, g);
    gad_memory_free(logit);
    return gad_device_check(device, err);
}

static void backward(run *r)
{
    const gad_step *step = r->step;
    gad_device *device = step->pass.device;
    bool vision = vision_goes_back(r), evidence = r->compared.pairs && (step->trains_evidence || vision);
    bool into_rows = vision || evidence;
    if (into_rows) {
        r->d_rows = take_rows(step, r->batch->tokens, r->rows.deepstack_count);
        device->ops->zero(device, r->d_rows.out);
        for (int k = 0; k < r->d_rows.deepstack_count; k++)
            device->ops->zero(device, r->d_rows.deepstack[k]);
    }
    if (!r->images_only)
        gad_lm_backward(&step->pass, step->model, r->d_hidden, &r->input, &r->lm_saved, into_rows ? &r->d_rows : NULL);
    gad_pass_tap(&step->pass, r->d_rows.out, "train.d_rows");
    if (evidence)
        gad_head_backward(&step->pass, step->model, &r->compared, r->d_logits, &r->d_rows, vision, &r->head);
    gad_pass_tap(&step->pass, r->d_rows.out, "train.d_vision");
    if (vision)
        gad_vision_backward(&step->pass, step->model, &r->d_rows, &r->batch->layout, &r->vision_saved);
}

static gad_status run_objective(const gad_step *step, const gad_batch *batch, const gad_objective *objective, bool back,
                                gad_error *err)
{
    gad_device *device = step->pass.device;
    run r = {.step = step, .batch = batch, .back = back, .images_only = objective->images_only};
    size_t mark = device->ops->mark(device);
    gad_status status = reserve(&r, err);
    if (!status)
        forward(&r);
    if (!status && !r.images_only) {
        if (back) {
            r.d_hidden = device->ops->take(device, batch->rows, r.hidden.cols);
            device->ops->zero(device, r.d_hidden);
        }
        status = run_labels(&r, objective, objective->temperature, NULL, NULL, err);
        gad_pass_tap(&step->pass, r.d_hidden, "train.d_hidden");
    }
    if (!status)
        status = run_masks(&r, objective, err);
    if (!status && back)
        backward(&r);
    if (!status)
        status = check(&r, err);
    device->ops->rewind(device, mark);
    release(&r);
    return status;
}

gad_status gad_step_run(const gad_step *step, const gad_batch *batch, const gad_objective *objective, gad_error *err)
{
    return run_objective(step, batch, objective, true, err);
}

gad_status gad_step_evaluate(const gad_step *step, const gad_batch *batch, const gad_objective *objective, gad_error *err)
{
    return run_objective(step, batch, objective, false, err);
}

gad_status gad_step_logprob(const gad_step *step, const gad_batch *batch, float temperature, float *logp, float *entropy,
                            gad_error *err)
{
    gad_device *device = step->pass.device;
    run r = {.step = step, .batch = batch};
    size_t mark = device->ops->mark(device);
    gad_status status = reserve(&r, err);
    if (!status) {
        forward(&r);
        status = run_labels(&r, NULL, temperature, logp, entropy, err);
    }
    device->ops->rewind(device, mark);
    release(&r);
    return status;
}

gad_status gad_step_prefill(const gad_step *step, const gad_batch *batch, const gad_lm_cache *cache, gad_error *err)
{
    gad_device *device = step->pass.device;
    run r = {.step = step, .batch = batch, .cache = cache};
    size_t mark = device->ops->mark(device);
    gad_status status = reserve(&r, err);
    if (!status) {
        forward(&r);
        status = check(&r, err);
    }
    device->ops->rewind(device, mark);
    release(&r);
    return status;
}

gad_status gad_step_regions(const gad_step *step, const gad_segment *segment, gad_region region[GAD_REGIONS_MAX],
                            gad_words words[GAD_REGIONS_MAX], int *count, gad_error *err)
{
    gad_device *device = step->pass.device;
    gad_batch batch;
    *count = 0;
    gad_status status = gad_batch_make(&step->model->config, segment, 1, &batch, err);
    if (status)
        return status;
    run r = {.step = step, .batch = &batch, .images_only = true};
    size_t mark = device->ops->mark(device);
    status = reserve(&r, err);
    if (!status) {
        forward(&r);
        status = check(&r, err);
    }
    if (!status && r.compared.pairs) {
        *count = r.found.region_count[0] ? r.found.region_count[0] : 1;
        memcpy(region, r.found.region, (size_t)*count * sizeof *region);
        memcpy(words, r.found.words, (size_t)*count * sizeof *words);
    }
    device->ops->rewind(device, mark);
    release(&r);
    gad_batch_free(&batch);
    return status;
}

gad_status gad_step_embed(const gad_step *step, const gad_batch_image *image, gad_hash hash, gad_image_rows *rows,
                          gad_error *err)
{
    gad_device *device = step->pass.device;
    const gad_ops *op = device->ops;
    int64_t tokens = gad_grid_tokens(image->grid), hidden = step->model->config.text.hidden;
    int levels = step->model->config.vision.deepstack_count;
    gad_vision_layout layout = {0};
    gad_status status = gad_vision_layout_make(&step->model->config.vision, &image->grid, 1, &layout, err);
    if (status)
        return status;
    float *host = gad_memory_alloc((size_t)((1 + levels) * tokens * hidden), sizeof *host);
    if (!host) {
        gad_vision_layout_free(&layout);
        return gad_error_memory(err, operation, (size_t)((1 + levels) * tokens * hidden) * sizeof *host);
    }
    size_t mark = op->mark(device);
    gad_tensor patches = op->take(device, layout.patches, patch_cols(step->model));
    op->fill(device, patches, image->patches);
    gad_vision_rows out = gad_vision_forward(&step->pass, step->model, patches, &layout, NULL);
    op->download(device, host, out.out);
    for (int k = 0; k < levels; k++)
        op->download(device, host + (k + 1) * tokens * hidden, out.deepstack[k]);
    op->rewind(device, mark);
    gad_vision_layout_free(&layout);
    status = gad_device_check(device, err);
    if (status)
        gad_memory_free(host);
    else
        *rows = (gad_image_rows){.hash = hash, .grid = image->grid, .tokens = tokens, .rows = host, .levels = levels};
    return status;
}
