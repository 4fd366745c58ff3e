/* golden: see golden.h */
#include "model/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
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

const char *golden_image(const char *name)
{
    char relative[256];
    snprintf(relative, sizeof relative, "tests/fixtures/images/%s.png", name);
    return support_source(relative);
}

gad_preprocess golden_preprocess(const char *family)
{
    gad_error err;
    gad_preprocess settings;
    ASSERT_OK(gad_preprocess_read(golden_path(family, "model/preprocessor_config.json"), &settings, &err), &err);
    settings.backend = GAD_RESIZE_PIL; /* reference/README.md "Choices" */
    return settings;
}

uint64_t golden_fnv1a64(const void *bytes, size_t size_bytes)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < size_bytes; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001B3u;
    return hash;
}

/* Patch rows of the image file into `at`; how many. */
static int64_t add_patches(const gad_preprocess *settings, const char *name, gad_grid grid, float *at)
{
    gad_error err;
    gad_image image;
    gad_patches patches;
    ASSERT_OK(gad_image_load(golden_image(name), &image, &err), &err);
    ASSERT_OK(gad_preprocess_image(settings, &image, &patches, &err), &err);
    assert_int_equal(patches.grid.rows, grid.rows);
    assert_int_equal(patches.grid.cols, grid.cols);
    int64_t rows = patches.row_count;
    memcpy(at, patches.row, (size_t)(rows * patches.row_size) * sizeof *at);
    gad_preprocess_free(&patches);
    gad_image_free(&image);
    return rows;
}

static void load_images(const char *family, char letter, golden_case *c)
{
    gad_error err;
    json_t *cases = NULL;
    ASSERT_OK(gad_json_load(golden_path(family, "cases.json"), &cases, &err), &err);
    const char key[2] = {letter, 0};
    const json_t *row = json_object_get(cases, key), *names = json_object_get(row, "images");
    assert_int_equal(json_array_size(names), c->image_count);
    gad_preprocess settings = golden_preprocess(family);
    int64_t at = 0;
    for (int64_t i = 0; i < c->image_count; i++)
        at += add_patches(&settings, json_string_value(json_array_get(names, (size_t)i)), c->grid[i],
                          c->patches + at * c->patch_cols);
    assert_int_equal(at, c->patch_rows);
    if (at) {
        char hash[17];
        snprintf(hash, sizeof hash, "%016llx",
                 (unsigned long long)golden_fnv1a64(c->patches, (size_t)(at * c->patch_cols) * sizeof *c->patches));
        assert_string_equal(hash, json_string_value(json_object_get(row, "pixel_values_fnv1a64")));
    }
    json_decref(cases);
}

static void read_ids(golden_case *c)
{
    float *ids = golden_values(c, "input.ids", &c->count);
    c->ids = malloc((size_t)c->count * sizeof *c->ids);
    for (int64_t i = 0; i < c->count; i++)
        c->ids[i] = (int32_t)ids[i];
    free(ids);
}

golden_case golden_open(const char *family, const gad_config *config, char letter)
{
    gad_error err;
    golden_case c = {0};
    char name[64];
    snprintf(name, sizeof name, "case_%c.safetensors", letter);
    ASSERT_OK(gad_safetensors_open(golden_path(family, name), &c.values, &err), &err);
    read_ids(&c);
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
    load_images(family, letter, &c);
    return c;
}

golden_case golden_open_training(const char *family, const gad_config *config)
{
    gad_error err;
    golden_case c = golden_open(family, config, 'f');
    gad_safetensors_free(c.values);
    ASSERT_OK(gad_safetensors_open(golden_path(family, "train.safetensors"), &c.values, &err), &err);
    free(c.ids);
    read_ids(&c);
    return c;
}

void golden_close(golden_case *c)
{
    gad_safetensors_free(c->values);
    free(c->ids);
    free(c->patches);
}

golden_prompt golden_prepare(const gad_pass *pass, const gad_model *model, const golden_case *c,
                             void (*spoil)(gad_vision_layout *layout, const gad_vision_config *vision))
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
        if (spoil)
            spoil(&p.layout, &model->config.vision);
        gad_tensor patches = device->ops->take(device, c->patch_rows, c->patch_cols);
        device->ops->fill(device, patches, c->patches);
        p.rows = gad_vision_forward(pass, model, patches, &p.layout, NULL);
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
    p.input = (gad_lm_input){.rows = c->count,
                             .ids = c->ids,
                             .position = p.position,
                             .span_count = 1,
                             .image_at = p.image_at,
                             .image_from = p.image_from,
                             .image_count = p.image_tokens};
    return p;
}

void golden_prompt_free(golden_prompt *p)
{
    gad_vision_layout_free(&p->layout);
    free(p->position);
    free(p->image_at);
    free(p->image_from);
}

static float *download(gad_device *device, gad_tensor t)
{
    float *values = malloc((size_t)(t.rows * t.cols) * sizeof *values);
    device->ops->download(device, values, t);
    return values;
}

float *golden_logits(const gad_model *model, gad_device *device, bool adapters, const golden_case *c, int64_t rows,
                     float **vision)
{
    gad_error err;
    gad_pass pass = {.device = device, .adapters = adapters};
    size_t mark = device->ops->mark(device);
    golden_prompt p = golden_prepare(&pass, model, c, NULL);
    p.input.spans = &p.span;
    p.input.image = &p.rows;
    if (vision)
        *vision = download(device, p.rows.out);
    gad_tensor hidden = gad_lm_forward(&pass, model, &p.input, NULL);
    float *logits = download(device, gad_lm_logits(&pass, model, gad_tensor_rows(hidden, hidden.rows - rows, rows)));
    ASSERT_OK(gad_device_check(device, &err), &err);
    device->ops->rewind(device, mark);
    golden_prompt_free(&p);
    return logits;
}

/* ---- folders ------------------------------------------------------------------------------------------------------- */

void golden_drop(const golden_folder *folder, const char *name)
{
    gad_error err;
    ASSERT_OK(gad_file_remove(support_scratch(folder->path, name), &err), &err);
}

void golden_put(const golden_folder *folder, const char *name, const char *source)
{
    golden_drop(folder, name);
    assert_int_equal(symlink(source, support_scratch(folder->path, name)), 0);
}

golden_folder golden_copy(const char *family, const char *name)
{
    gad_error err;
    golden_folder folder;
    gad_file_names names = {0};
    snprintf(folder.path, sizeof folder.path, "%s/%s_%s", GAD_TEST_TMP, family, name);
    ASSERT_OK(gad_file_remove(folder.path, &err), &err);
    ASSERT_OK(gad_file_make_directory(folder.path, &err), &err);
    ASSERT_OK(gad_file_list(golden_path(family, "model"), &names, &err), &err);
    for (size_t i = 0; i < names.count; i++)
        golden_put(&folder, names.name[i], support_scratch(golden_path(family, "model"), names.name[i]));
    gad_file_names_free(&names);
    return folder;
}

/* The object or array that holds the last part of a dotted path, which goes to *key. */
static json_t *find_holder(json_t *root, char *path, char **key)
{
    for (*key = strtok(path, "."); (path = strtok(NULL, ".")); *key = path)
        root = json_is_array(root) ? json_array_get(root, strtoul(*key, NULL, 10)) : json_object_get(root, *key);
    assert_non_null(root);
    return root;
}

void golden_change(const golden_folder *folder, const char *name, const json_t *change)
{
    gad_error err;
    json_t *root = NULL, *value;
    const char *path;
    char copy[256], *key;
    size_t i;
    ASSERT_OK(gad_json_load(support_scratch(folder->path, name), &root, &err), &err);
    json_object_foreach (json_object_get(change, "set"), path, value) {
        snprintf(copy, sizeof copy, "%s", path);
        json_t *holder = find_holder(root, copy, &key);
        if (json_is_array(holder))
            json_array_set(holder, strcmp(key, "-1") ? strtoul(key, NULL, 10) : json_array_size(holder) - 1, value);
        else
            json_object_set(holder, key, value);
    }
    json_array_foreach (json_object_get(change, "remove"), i, value) {
        snprintf(copy, sizeof copy, "%s", json_string_value(value));
        json_t *holder = find_holder(root, copy, &key);
        assert_int_equal(json_object_del(holder, key), 0);
    }
    golden_drop(folder, name);
    ASSERT_OK(gad_json_write(support_scratch(folder->path, name), root, &err), &err);
    json_decref(root);
}

golden_folder golden_variant(const char *family, const char *variant)
{
    gad_error err;
    golden_folder folder = golden_copy(family, variant);
    json_t *root = NULL, *target, *name;
    const char *source;
    size_t i;
    ASSERT_OK(gad_json_load(golden_path(family, "variants.json"), &root, &err), &err);
    const json_t *row = json_object_get(root, variant);
    assert_non_null(row);
    json_array_foreach (json_object_get(row, "remove"), i, name)
        golden_drop(&folder, json_string_value(name));
    json_object_foreach (json_object_get(row, "copy"), source, target)
        golden_put(&folder, json_string_value(target), golden_path(family, source));
    json_decref(root);
    return folder;
}
