/* describe: gad_model_describe: what a checkpoint is and what it needs, from its headers. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "gad_bench.h"
#include "io/tensor_source.h"
#include "model/package.h"
#include "model/plan.h"
#include "model/shape.h"

/* Tokens of the instruction and the template around the images. */
enum { QUESTION_TOKENS = 160 };

/* As matrices are in memory: what is quantised in the file becomes 16-bit numbers. */
static gad_dtype plan_dtype(gad_source_storage storage)
{
    return storage == GAD_SOURCE_F32 ? GAD_F32 : storage == GAD_SOURCE_BF16 ? GAD_BF16 : GAD_F16;
}

/* The storage of most values, and the bytes of all files. */
static gad_status read_files(const gad_package *package, gad_model_info *info, gad_dtype *dtype, gad_error *err)
{
    gad_tensor_source *files;
    gad_status status = gad_tensor_source_open(package->path, package->mmproj, &files, err);
    if (status)
        return status;
    const gad_source_tensor *largest = NULL;
    for (size_t i = 0; i < gad_tensor_source_count(files); i++) {
        const gad_source_tensor *tensor = gad_tensor_source_at(files, i);
        info->file_bytes += tensor->size_bytes;
        if (!largest || tensor->count > largest->count)
            largest = tensor;
    }
    if (largest) {
        snprintf(info->dtype, sizeof info->dtype, "%s", largest->type);
        *dtype = plan_dtype(largest->storage);
    }
    gad_tensor_source_free(files);
    return GAD_OK;
}

/* A language model alone sees none. */
static gad_status view_image(const gad_package *package, const gad_engine_options *options, int width_px, int height_px,
                             gad_model_info *info, gad_view *view, gad_error *err)
{
    gad_preprocess preprocess;
    *view = (gad_view){.factor = 28};
    if (package->is_gguf && !package->mmproj)
        return GAD_OK;
    gad_status status = gad_package_preprocess(package, &preprocess, err);
    if (status)
        return status;
    gad_preprocess_bound(&preprocess, options->max_pixels);
    status = gad_preprocess_rule(options->image_size, &preprocess, err);
    if (!status)
        status = gad_preprocess_view(&preprocess, width_px, height_px, view, err);
    if (!status) {
        info->input_width_px = (int)view->width;
        info->input_height_px = (int)view->height;
        info->image_tokens = gad_preprocess_tokens(view);
    }
    return status;
}

static void copy_config(const gad_config *config, gad_model_info *info)
{
    static const char *const names[] = {"Qwen2.5-VL", "Qwen3-VL", "Llama"};
    snprintf(info->family, sizeof info->family, "%s", names[config->family]);
    info->text_layers = config->text.layers;
    info->text_hidden = config->text.hidden;
    info->vision_depth = config->vision.depth;
    info->vision_hidden = config->vision.hidden;
    info->vocabulary = config->text.vocab;
    info->context_tokens = config->text.max_position;
}

static gad_status fill_costs(const gad_model *model, const gad_device *device, const gad_view *view, gad_dtype dtype,
                             const gad_engine_options *options, int images, int64_t answer_tokens, gad_model_info *info,
                             gad_error *err)
{
    int patch = view->factor / model->config.vision.merge;
    gad_grid *grids = gad_memory_zero((size_t)images, sizeof *grids);
    if (!grids)
        return gad_error_memory(err, "describe the model", (size_t)images * sizeof *grids);
    for (int i = 0; i < images; i++)
        grids[i] = (gad_grid){(int32_t)(view->height / patch), (int32_t)(view->width / patch)};
    gad_plan_request request = {.images = grids,
                                .image_count = images,
                                .text_tokens = QUESTION_TOKENS,
                                .answer_tokens = answer_tokens,
                                .matrix_dtype = dtype,
                                .vision_dtype = dtype,
                                .weights = {.quantise = options->compute.quantise},
                                .cache = options->compute.cache,
                                .device = device};
    gad_plan plan = gad_plan_make(model, &request);
    gad_memory_free(grids);
    info->vision_parameters = plan.vision_parameters;
    info->text_parameters = plan.text_parameters;
    info->prompt_tokens = plan.prompt_tokens;
    info->weight_bytes = plan.weight_bytes;
    info->cache_bytes = plan.cache_bytes;
    info->image_bytes = plan.image_bytes;
    info->work_bytes = plan.work_bytes;
    info->total_bytes = plan.total_bytes;
    info->available_bytes = gad_plan_free_bytes(device);
    snprintf(info->device, sizeof info->device, "%s", device->label);
    info->vision_flop = plan.vision_flop;
    info->prefill_flop = plan.prefill_flop;
    info->decode_flop = plan.decode_flop;
    return GAD_OK;
}

gad_status gad_model_describe(const gad_engine_options *options, int width_px, int height_px, int images,
                              int64_t answer_tokens, gad_model_info *info, gad_error *err)
{
    enum { MAX_IMAGES = 1024 };
    gad_model_info i = {0};
    gad_config config;
    gad_model model = {0};
    gad_device device = {0};
    gad_package package = {0};
    gad_view view;
    gad_dtype dtype = GAD_BF16;
    if (images < 0 || images > MAX_IMAGES)
        return gad_error_set(err, GAD_E_ARGUMENT, "describe the model", NULL, "%d images are not between 0 and %d", images,
                             MAX_IMAGES);
    char folder[PATH_MAX];
    gad_status status = gad_model_locate(options->model, folder, sizeof folder, err);
    if (!status)
        status = gad_package_open(folder, options->mmproj, &package, err);
    if (!status)
        status = gad_package_config(&package, &config, err);
    if (!status)
        status = gad_model_build(&config, &model, err);
    if (!status)
        status = read_files(&package, &i, &dtype, err);
    if (!status)
        status = view_image(&package, options, width_px, height_px, &i, &view, err);
    if (!status)
        status = gad_device_open(&device, options->compute.device ? options->compute.device : "cpu",
                                 options->compute.threads, err);
    if (!status) {
        copy_config(&config, &i);
        status = fill_costs(&model, &device, &view, dtype, options, images, answer_tokens, &i, err);
    }
    gad_model_free(&model);
    gad_device_close(&device);
    gad_package_free(&package);
    if (!status)
        *info = i;
    return status;
}
