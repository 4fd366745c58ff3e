/* preprocess: see preprocess.h */
#include "model/preprocess.h"

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"

#include "task/box.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RATIO_MAX = 200 };

/* ---- settings ----------------------------------------------------------------------------------------------------- */

static const gad_preprocess class_defaults = {
    .patch = 14,
    .temporal = 2,
    .merge = 2,
    .min_pixels = 56 * 56,
    .max_pixels = 28 * 28 * 1280,
    .mean = {0.48145466, 0.4578275, 0.40821073},
    .std = {0.26862954, 0.26130258, 0.27577711},
    .backend = GAD_RESIZE_PIL,
};

static gad_status refuse(const char *path, const char *what, gad_error *err)
{
    return gad_error_set(err, GAD_E_UNSUPPORTED, "read image settings", "use the file published with the checkpoint",
                         "%s: %s", path, what);
}

static gad_status read_int(const json_t *root, const char *key, const char *path, int low, int high, int *value,
                           gad_error *err)
{
    int64_t read;
    gad_status status = gad_json_get_int(root, key, path, *value, &read, err);
    if (!status && (read < low || read > high))
        status = gad_error_set(err, GAD_E_FORMAT, "read image settings", NULL, "%s: \"%s\" is %lld, not in %d..%d", path,
                               key, (long long)read, low, high);
    if (!status)
        *value = (int)read;
    return status;
}

/* What must have one value for the steps here to be the right ones; absent and null mean that value. */
static gad_status check_steps(const json_t *root, const char *path, gad_error *err)
{
    static const struct {
        const char *key;
        bool needed;
        const char *problem;
    } flags[] = {{"do_resize", true, "images that are not resized (\"do_resize\": false)"},
                 {"do_rescale", true, "pixels that are not rescaled (\"do_rescale\": false)"},
                 {"do_normalize", true, "pixels that are not normalised (\"do_normalize\": false)"},
                 {"do_center_crop", false, "cropped images (\"do_center_crop\": true)"},
                 {"do_pad", false, "padded images (\"do_pad\": true)"}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        bool value;
        gad_status status = gad_json_get_bool(root, flags[i].key, path, flags[i].needed, &value, err);
        if (status)
            return status;
        if (value != flags[i].needed)
            return refuse(path, flags[i].problem, err);
    }
    int64_t resample;
    double factor;
    gad_status status = gad_json_get_int(root, "resample", path, 3, &resample, err);
    if (!status && resample != 3)
        return refuse(path, "a resampling other than bicubic (\"resample\": 3)", err);
    if (!status)
        status = gad_json_get_number(root, "rescale_factor", path, 1.0 / 255, &factor, err);
    if (!status && fabs(factor * 255 - 1) > 1e-9)
        return refuse(path, "a rescale_factor other than 1/255", err);
    return status;
}

/* One bound: the key at top level, else the same bound inside "size" under its old or new name. */
static gad_status read_bound(const json_t *root, const json_t *size, const char *key, const char *edge, const char *path,
                             int64_t *bound, gad_error *err)
{
    int64_t inside;
    gad_status status = gad_json_get_int(size, key, path, *bound, &inside, err);
    if (!status)
        status = gad_json_get_int(size, edge, path, inside, &inside, err);
    if (!status)
        status = gad_json_get_int(root, key, path, inside, bound, err);
    return status;
}

static gad_status read_bounds(const json_t *root, const char *path, gad_preprocess *settings, gad_error *err)
{
    const json_t *size = json_object_get(root, "size");
    if (size && !json_is_null(size) && !json_is_object(size))
        return gad_error_set(err, GAD_E_FORMAT, "read image settings", NULL, "%s: \"size\" is not an object", path);
    if (json_is_object(size) && (json_object_get(size, "height") || json_object_get(size, "width")))
        return refuse(path, "a fixed image size (\"size\" with height and width)", err);
    gad_status status = read_bound(root, size, "min_pixels", "shortest_edge", path, &settings->min_pixels, err);
    if (!status)
        status = read_bound(root, size, "max_pixels", "longest_edge", path, &settings->max_pixels, err);
    if (!status && (settings->min_pixels < 1 || settings->max_pixels < settings->min_pixels))
        status =
            gad_error_set(err, GAD_E_FORMAT, "read image settings", NULL, "%s: no size lies between %lld and %lld pixels",
                          path, (long long)settings->min_pixels, (long long)settings->max_pixels);
    return status;
}

static gad_status read_colours(const json_t *root, const char *key, const char *path, bool positive, double *value,
                               gad_error *err)
{
    const json_t *list = json_object_get(root, key);
    if (!list || json_is_null(list))
        return GAD_OK;
    bool good = json_is_array(list) && json_array_size(list) == 3;
    for (size_t c = 0; good && c < 3; c++) {
        const json_t *number = json_array_get(list, c);
        value[c] = json_number_value(number);
        good = json_is_number(number) && (!positive || value[c] > 0);
    }
    if (!good)
        return gad_error_set(err, GAD_E_FORMAT, "read image settings", NULL, "%s: \"%s\" is not three %snumbers", path, key,
                             positive ? "positive " : "");
    return GAD_OK;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* The name of the class says which of the two implementations made the checkpoint's images: transformers calls
 * torchvision's
 * ...Fast up to version 4 and by the plain name from 5 on, and Pillow's by the plain name up to 4 and ...Pil from 5 on. A
 * plain name from 5 on comes with the layout that only torchvision's class keeps ("data_format"). */
static gad_status read_backend(const json_t *root, const char *path, gad_resize_kernel *backend, gad_error *err)
{
    const char *type;
    gad_status status = gad_json_get_string(root, "image_processor_type", path, "Qwen2VLImageProcessor", &type, err);
    if (status)
        return status;
    if (strncmp(type, "Qwen2VLImageProcessor", 21) != 0 && strncmp(type, "Qwen2_5_VLImageProcessor", 24) != 0 &&
        strncmp(type, "Qwen3VLImageProcessor", 21) != 0)
        return gad_error_set(err, GAD_E_UNSUPPORTED, "read image settings", "use a checkpoint of the Qwen-VL family",
                             "%s: image processor \"%s\" is not known", path, type);
    bool plain = !ends_with(type, "Fast") && !ends_with(type, "Pil");
    bool torchvision = ends_with(type, "Fast") || (plain && json_is_string(json_object_get(root, "data_format")));
    *backend = torchvision ? GAD_RESIZE_TORCHVISION : GAD_RESIZE_PIL;
    return GAD_OK;
}

static gad_status read_settings(const json_t *root, const char *path, gad_preprocess *settings, gad_error *err)
{
    gad_status status = check_steps(root, path, err);
    if (!status)
        status = read_int(root, "patch_size", path, 1, 128, &settings->patch, err);
    if (!status)
        status = read_int(root, "temporal_patch_size", path, 1, 8, &settings->temporal, err);
    if (!status)
        status = read_int(root, "merge_size", path, 1, 8, &settings->merge, err);
    if (!status)
        status = read_bounds(root, path, settings, err);
    if (!status)
        status = read_colours(root, "image_mean", path, false, settings->mean, err);
    if (!status)
        status = read_colours(root, "image_std", path, true, settings->std, err);
    if (!status)
        status = read_backend(root, path, &settings->backend, err);
    return status;
}

gad_status gad_preprocess_parse(const json_t *root, const char *name, gad_preprocess *settings, gad_error *err)
{
    const json_t *inner = json_object_get(root, "image_processor"), *source = json_is_object(inner) ? inner : root;
    gad_preprocess read = class_defaults;
    if (!json_is_object(source))
        return gad_error_set(err, GAD_E_FORMAT, "read image settings", NULL, "%s: is not a JSON object", name);
    gad_status status = read_settings(source, name, &read, err);
    if (!status)
        *settings = read;
    return status;
}

gad_status gad_preprocess_read(const char *path, gad_preprocess *settings, gad_error *err)
{
    json_t *root = NULL;
    gad_status status = gad_json_load(path, &root, err);
    if (!status)
        status = gad_preprocess_parse(root, path, settings, err);
    json_decref(root);
    return status;
}

/* ---- size --------------------------------------------------------------------------------------------------------- */

gad_status gad_preprocess_rule(const char *rule, gad_preprocess *settings, gad_error *err)
{
    char *end = NULL;
    long long longest = rule ? strtoll(rule, &end, 10) : 0;
    bool number = end && end != rule && !*end && longest >= 1 && longest <= 100000;
    if (rule && !number && strcmp(rule, "canvas") != 0 && strcmp(rule, "original") != 0)
        return gad_error_set(err, GAD_E_ARGUMENT, "resize image", NULL,
                             "image size \"%s\" is neither canvas, original nor a number of pixels", rule);
    settings->canvas = rule && !strcmp(rule, "canvas");
    settings->longest_px = number ? longest : 0;
    return GAD_OK;
}

/* The size by the rule, before the processor's own bounds. */
static void apply_rule(const gad_preprocess *settings, int64_t *width, int64_t *height)
{
    int64_t longer = *width > *height ? *width : *height;
    if (settings->canvas && longer <= INT_MAX) {
        int w, h;
        gad_box_canvas((int)*width, (int)*height, &w, &h);
        *width = w;
        *height = h;
    } else if (settings->longest_px && longer > settings->longest_px) {
        double shrink = (double)settings->longest_px / (double)longer;
        *width = (int64_t)fmax(1, rint((double)*width * shrink));
        *height = (int64_t)fmax(1, rint((double)*height * shrink));
    }
}

/* In doubles and in this order, as the reference computes it. rint rounds half to even. */
gad_status gad_preprocess_view(const gad_preprocess *settings, int64_t width, int64_t height, gad_view *view,
                               gad_error *err)
{
    int factor = settings->patch * settings->merge;
    int64_t ruled_width = width, ruled_height = height;
    if (width > 0 && height > 0)
        apply_rule(settings, &ruled_width, &ruled_height);
    double w = (double)ruled_width, h = (double)ruled_height, f = factor;
    if (width < 1 || height < 1 || fmax(w, h) / fmin(w, h) > RATIO_MAX)
        return gad_error_set(err, GAD_E_UNSUPPORTED, "resize image", "cut it into pieces",
                             "an image of %lld x %lld pixels is more than %d times as long as wide", (long long)width,
                             (long long)height, RATIO_MAX);
    double new_w = rint(w / f) * f, new_h = rint(h / f) * f;
    if (new_h * new_w > (double)settings->max_pixels) {
        double shrink = sqrt(h * w / (double)settings->max_pixels);
        new_h = fmax(f, floor(h / shrink / f) * f);
        new_w = fmax(f, floor(w / shrink / f) * f);
    } else if (new_h * new_w < (double)settings->min_pixels) {
        double grow = sqrt((double)settings->min_pixels / (h * w));
        new_h = ceil(h * grow / f) * f;
        new_w = ceil(w * grow / f) * f;
    }
    *view = (gad_view){.original_width = width,
                       .original_height = height,
                       .width = (int64_t)new_w,
                       .height = (int64_t)new_h,
                       .factor = factor};
    return GAD_OK;
}

int64_t gad_preprocess_tokens(const gad_view *view)
{
    return (view->width / view->factor) * (view->height / view->factor);
}

/* ---- pixels ------------------------------------------------------------------------------------------------------- */

/* Every byte normalised, in the float arithmetic of the chosen reference (section 3.6). */
static void make_table(const gad_preprocess *settings, float table[3][256])
{
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++) {
            if (settings->backend == GAD_RESIZE_PIL) {
                float x = (float)(v * (1.0 / 255));
                table[c][v] = (x - (float)settings->mean[c]) / (float)settings->std[c];
            } else {
                float mean = (float)settings->mean[c] * 255.0f, std = (float)settings->std[c] * 255.0f;
                table[c][v] = ((float)v - mean) / std;
            }
        }
}

/* One patch at pixel (x0, y0) into its row; a still image shows the same frame `temporal` times. */
static void fill_row(const gad_preprocess *settings, const gad_image *image, float table[3][256], int64_t x0, int64_t y0,
                     float *row)
{
    int64_t p = settings->patch, frame = p * p;
    for (int c = 0; c < 3; c++, row += frame * settings->temporal) {
        for (int64_t y = 0; y < p; y++) {
            const uint8_t *from = gad_image_row(image, y0 + y) + 3 * x0 + c;
            for (int64_t x = 0; x < p; x++)
                row[y * p + x] = table[c][from[3 * x]];
        }
        for (int t = 1; t < settings->temporal; t++)
            memcpy(row + t * frame, row, (size_t)frame * sizeof *row);
    }
}

static void fill_rows(const gad_preprocess *settings, const gad_image *image, gad_patches *patches)
{
    float table[3][256];
    make_table(settings, table);
    int64_t merge = settings->merge, blocks_x = patches->grid.cols / merge, in_block = merge * merge;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < patches->row_count; r++) {
        int64_t block = r / in_block, dy = r % in_block / merge, dx = r % merge;
        int64_t py = block / blocks_x * merge + dy, px = block % blocks_x * merge + dx;
        fill_row(settings, image, table, px * settings->patch, py * settings->patch, patches->row + r * patches->row_size);
    }
}

static gad_hash name_input(const gad_preprocess *settings, const gad_image *image, const gad_view *view)
{
    int64_t sizes[6] = {view->width, view->height, settings->patch, settings->temporal, settings->merge, settings->backend};
    double colours[6];
    memcpy(colours, settings->mean, sizeof settings->mean);
    memcpy(colours + 3, settings->std, sizeof settings->std);
    gad_hash how = gad_hash_combine(gad_hash_bytes(sizes, sizeof sizes), gad_hash_bytes(colours, sizeof colours));
    return gad_hash_combine(gad_image_hash(image), how);
}

void gad_preprocess_bound(gad_preprocess *settings, int64_t max_pixels)
{
    if (max_pixels > 0 && max_pixels < settings->max_pixels)
        settings->max_pixels = max_pixels > settings->min_pixels ? max_pixels : settings->min_pixels;
}

static gad_status resize(const gad_preprocess *settings, const gad_image *image, gad_view *view, gad_image *resized,
                         gad_error *err)
{
    if (image->channels != 3)
        return gad_error_set(err, GAD_E_ARGUMENT, "prepare image", NULL, "an image with %d channels is not RGB",
                             image->channels);
    gad_status status = gad_preprocess_view(settings, image->width, image->height, view, err);
    return status ? status : gad_resize_bicubic(image, view->width, view->height, settings->backend, resized, err);
}

gad_status gad_preprocess_fit(const gad_preprocess *settings, const gad_image *image, gad_image *fitted, gad_error *err)
{
    gad_view view;
    return resize(settings, image, &view, fitted, err);
}

void gad_preprocess_planes(const gad_preprocess *settings, const gad_image *fitted, float *planes)
{
    float table[3][256];
    int64_t area = fitted->width * fitted->height;
    make_table(settings, table);
    for (int64_t i = 0; i < area; i++)
        for (int c = 0; c < 3; c++)
            planes[c * area + i] = table[c][fitted->pixels[3 * i + c]];
}

/* The rows of an image that has its size already, which they take over on success. `image`: what it was made of. */
static gad_status lay_out(const gad_preprocess *settings, gad_image *resized, const gad_image *image, const gad_view *view,
                          gad_patches *patches, gad_error *err)
{
    gad_patches made = {.view = *view};
    made.grid = (gad_grid){(int32_t)(resized->height / settings->patch), (int32_t)(resized->width / settings->patch)};
    made.row_count = (int64_t)made.grid.rows * made.grid.cols;
    made.row_size = (int64_t)3 * settings->temporal * settings->patch * settings->patch;
    made.row = gad_memory_alloc_aligned((size_t)(made.row_count * made.row_size), sizeof *made.row);
    if (!made.row)
        return gad_error_memory(err, "prepare image", (size_t)(made.row_count * made.row_size) * sizeof *made.row);
    fill_rows(settings, resized, &made);
    made.hash = name_input(settings, image, &made.view);
    made.picture = *resized;
    *resized = (gad_image){0};
    *patches = made;
    return GAD_OK;
}

gad_status gad_preprocess_image(const gad_preprocess *settings, const gad_image *image, gad_patches *patches,
                                gad_error *err)
{
    gad_image resized = {0};
    gad_view view;
    gad_status status = resize(settings, image, &view, &resized, err);
    if (!status)
        status = lay_out(settings, &resized, image, &view, patches, err);
    gad_image_free(&resized);
    return status;
}

gad_status gad_preprocess_fitted(const gad_preprocess *settings, const gad_image *fitted, gad_patches *patches,
                                 gad_error *err)
{
    int factor = settings->patch * settings->merge;
    gad_view view = {.original_width = fitted->width,
                     .original_height = fitted->height,
                     .width = fitted->width,
                     .height = fitted->height,
                     .factor = factor};
    if (fitted->channels != 3 || fitted->width % factor || fitted->height % factor)
        return gad_error_set(err, GAD_E_ARGUMENT, "prepare image", "fit the picture to the engine that inspects with it",
                             "a picture was fitted to another model");
    gad_image copy;
    gad_status status = gad_image_new(fitted->width, fitted->height, 3, &copy, err);
    if (status)
        return status;
    memcpy(copy.pixels, fitted->pixels, (size_t)fitted->height * gad_image_stride(fitted));
    status = lay_out(settings, &copy, fitted, &view, patches, err);
    gad_image_free(&copy);
    return status;
}

void gad_preprocess_free(gad_patches *patches)
{
    if (!patches)
        return;
    gad_memory_free_aligned(patches->row);
    gad_image_free(&patches->picture);
    *patches = (gad_patches){0};
}
