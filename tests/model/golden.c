/* golden: see golden.h */
#include "model/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

const char *golden_path(const char *family, const char *name)
{
    char relative[256];
    snprintf(relative, sizeof relative, "tests/fixtures/%s/%s", family, name);
    return support_source(relative);
}

float *golden_values(const golden_case *c, const char *name, int64_t *n)
{
    const gad_safetensors_tensor *tensor = gad_safetensors_find(c->values, name);
    if (!tensor)
        return NULL;
    float *values = malloc(tensor->count * sizeof *values);
    gad_error err;
    gad_status status;
    if (tensor->dtype == GAD_SAFETENSORS_F32) {
        status = gad_safetensors_copy_f32(tensor, 0, tensor->count, values, &err);
    } else {
        int64_t *numbers = malloc(tensor->count * sizeof *numbers);
        status = gad_safetensors_copy_i64(tensor, 0, tensor->count, numbers, &err);
        for (size_t i = 0; i < tensor->count; i++)
            values[i] = (float)numbers[i];
        free(numbers);
    }
    ASSERT_OK(status, &err);
    *n = (int64_t)tensor->count;
    return values;
}

/* Rows of the resized golden image in merge-block order (qwen_vl.md 3.7), normalised as 3.6 says. */
static void add_patches(const gad_config *config, const json_t *settings, const uint8_t *rgb, gad_grid grid, float *out)
{
    int p = config->vision.patch, width = grid.cols * p;
    float table[3][256];
    for (int channel = 0; channel < 3; channel++) {
        float mean = (float)json_number_value(json_array_get(json_object_get(settings, "image_mean"), (size_t)channel));
        float deviation = (float)json_number_value(json_array_get(json_object_get(settings, "image_std"), (size_t)channel));
        for (int v = 0; v < 256; v++)
            table[channel][v] = ((float)(v * (1 / 255.0)) - mean) / deviation;
    }
    for (int row = 0; row < grid.rows * grid.cols; row++) {
        int token = row / 4, part = row % 4;
        int top = (token / (grid.cols / 2) * 2 + part / 2) * p, left = (token % (grid.cols / 2) * 2 + part % 2) * p;
        for (int channel = 0; channel < 3; channel++)
            for (int frame = 0; frame < 2; frame++)
                for (int y = 0; y < p; y++)
                    for (int x = 0; x < p; x++)
                        *out++ = table[channel][rgb[((top + y) * width + left + x) * 3 + channel]];
    }
}

golden_case golden_open(const char *family, const gad_config *config, char letter)
{
    gad_error err;
    golden_case c = {0};
    char name[64];
    snprintf(name, sizeof name, "case_%c.safetensors", letter);
    ASSERT_OK(gad_safetensors_open(golden_path(family, name), &c.values, &err), &err);
    float *ids = golden_values(&c, "input.ids", &c.count);
    c.ids = malloc((size_t)c.count * sizeof *c.ids);
    for (int64_t i = 0; i < c.count; i++)
        c.ids[i] = (int32_t)ids[i];
    free(ids);
    int64_t n = 0;
    float *grids = golden_values(&c, "input.grid_thw", &n);
    c.image_count = n / 3;
    for (int64_t i = 0; i < c.image_count; i++) {
        c.grid[i] = (gad_grid){(int32_t)grids[3 * i + 1], (int32_t)grids[3 * i + 2]};
        c.patch_rows += gad_grid_patches(c.grid[i]);
    }
    free(grids);
    c.patch_cols = 3 * 2 * config->vision.patch * config->vision.patch;
    c.patches = malloc((size_t)(c.patch_rows * c.patch_cols + 1) * sizeof *c.patches);
    json_t *settings = NULL;
    ASSERT_OK(gad_json_load(golden_path(family, "model/preprocessor_config.json"), &settings, &err), &err);
    float *at = c.patches;
    for (int64_t i = 0; i < c.image_count; i++) {
        snprintf(name, sizeof name, "image.%d.resized_pil", (int)i);
        const gad_safetensors_tensor *image = gad_safetensors_find(c.values, name);
        assert_non_null(image);
        add_patches(config, settings, image->data, c.grid[i], at);
        at += gad_grid_patches(c.grid[i]) * c.patch_cols;
    }
    json_decref(settings);
    return c;
}

void golden_close(golden_case *c)
{
    gad_safetensors_free(c->values);
    free(c->ids);
    free(c->patches);
}

golden_prompt golden_prepare(const gad_pass *pass, const gad_model *model, const golden_case *c, gad_vision_saved *saved)
{
    gad_error err;
    golden_prompt p = {0};
    gad_device *device = pass->device;
    p.position = malloc((size_t)(3 * c->count) * sizeof *p.position);
    ASSERT_OK(
        gad_position_make(c->ids, c->count, model->config.image_token, c->grid, c->image_count, p.position, &p.next, &err),
        &err);
    if (c->image_count) {
        ASSERT_OK(gad_vision_layout_make(&model->config.vision, c->grid, c->image_count, &p.layout, &err), &err);
        gad_tensor patches = device->ops->take(device, c->patch_rows, c->patch_cols);
        device->ops->fill(device, patches, c->patches);
        p.rows = gad_vision_forward(pass, model, patches, &p.layout, saved);
    }
    p.image_at = malloc((size_t)(p.layout.tokens + 1) * sizeof *p.image_at);
    p.image_from = malloc((size_t)(p.layout.tokens + 1) * sizeof *p.image_from);
    for (int64_t t = 0; t < c->count; t++)
        if (c->ids[t] == model->config.image_token) {
            p.image_at[p.image_tokens] = (int32_t)t;
            p.image_from[p.image_tokens] = (int32_t)p.image_tokens;
            p.image_tokens++;
        }
    p.span = (gad_attention_span){.q1 = c->count, .k1 = c->count, .causal = true};
    return p;
}

void golden_prompt_free(golden_prompt *p)
{
    gad_vision_layout_free(&p->layout);
    free(p->position);
    free(p->image_at);
    free(p->image_from);
}
