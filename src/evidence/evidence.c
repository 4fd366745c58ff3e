/* evidence: see evidence.h */
#include "evidence/evidence.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/finite.h"
#include "base/memory.h"

static const char operation[] = "compare part and reference";

/* The tower's rows of all images on the device, with zeros where only the module adds. */
static gad_vision_rows load(const gad_model *model, gad_device *device, const gad_image_rows *const *image, int64_t count)
{
    const gad_ops *op = device->ops;
    int64_t hidden = model->config.text.hidden, tokens = 0, at = 0;
    for (int64_t i = 0; i < count; i++)
        tokens += image[i]->tokens;
    gad_vision_rows rows = {.out = op->take(device, tokens, hidden),
                            .deepstack_count = gad_config_added_sets(&model->config)};
    for (int k = 0; k < rows.deepstack_count; k++) {
        rows.deepstack[k] = op->take(device, tokens, hidden);
        op->zero(device, rows.deepstack[k]);
    }
    for (int64_t i = 0; i < count; i++) {
        op->fill(device, gad_tensor_rows(rows.out, at, image[i]->tokens), image[i]->rows);
        for (int k = 0; k < image[i]->levels; k++)
            op->fill(device, gad_tensor_rows(rows.deepstack[k], at, image[i]->tokens),
                     image[i]->rows + (k + 1) * image[i]->tokens * hidden);
        at += image[i]->tokens;
    }
    return rows;
}

static void run(const gad_model *model, gad_device *device, bool adapters, const gad_head_input *input,
                const gad_image_rows *const *image, int64_t count, gad_head_result *result, float *host)
{
    const gad_ops *op = device->ops;
    gad_pass pass = {.device = device, .adapters = adapters};
    size_t mark = op->mark(device);
    gad_head_saved saved;
    gad_vision_rows rows = load(model, device, image, count);
    gad_head_forward(&pass, model, input, &rows, result, &saved);
    int64_t tokens = image[count - 1]->tokens, first = rows.out.rows - tokens, hidden = rows.out.cols;
    op->download(device, host, gad_tensor_rows(rows.out, first, tokens));
    for (int k = 0; k < rows.deepstack_count; k++)
        op->download(device, host + (k + 1) * tokens * hidden, gad_tensor_rows(rows.deepstack[k], first, tokens));
    op->rewind(device, mark);
}

/* The head over the last picture and the others; rows of the last one into `host`. */
static gad_status compare(const gad_model *model, gad_device *device, bool adapters, const gad_prepared *const *picture,
                          const gad_image_rows *const *image, int64_t count, float level, float *host,
                          gad_evidence_map *map, gad_error *err)
{
    const gad_evidence_config *config = &model->config.evidence;
    gad_head_image *shown = gad_memory_zero((size_t)count, sizeof *shown);
    gad_head_pair pair = {0, count - 1};
    gad_head_input input = {0};
    gad_head_result result = {0};
    gad_status status = shown ? GAD_OK : gad_error_memory(err, operation, (size_t)count * sizeof *shown);
    for (int64_t i = 0; i < count && !status; i++)
        shown[i].picture = picture[i];
    if (!status)
        shown[count - 1].memory = map->memory;
    if (!status)
        status = gad_head_input_make(&model->config, shown, count, &pair, 1, &input, err);
    if (!status)
        status = gad_head_result_make(config, &input, &result, err);
    if (!status) {
        size_t cells = (size_t)(input.tests * gad_config_map_cells(config));
        input.level = level;
        run(model, device, adapters, &input, image, count, &result, host);
        memcpy(map->logit, result.logit, cells * sizeof *map->logit);
        memcpy(map->region, result.region, sizeof map->region);
        memcpy(map->measurement, result.measurement, sizeof map->measurement);
        memcpy(map->words, result.words, sizeof map->words);
        map->region_count = result.region_count[0];
        map->trust = result.trust[0];
        status = result.status ? gad_error_memory(err, operation, cells) : gad_device_check(device, err);
        if (!status && !gad_finite_all(map->logit, cells))
            status = gad_error_set(err, GAD_E_FORMAT, operation, "check the weights and the picture",
                                   "the heat map is not finite numbers");
    }
    gad_memory_free(shown);
    gad_head_result_free(&result);
    gad_head_input_free(&input);
    return status;
}

gad_status gad_evidence_make(const gad_model *model, gad_device *device, bool adapters, const gad_prepared *const *picture,
                             const gad_image_rows *const *image, int64_t count, float level, gad_image_rows *rows,
                             gad_evidence_map *map, gad_error *err)
{
    int levels = gad_config_added_sets(&model->config);
    int64_t tokens = image[count - 1]->tokens;
    size_t numbers = (size_t)(1 + levels) * (size_t)tokens * (size_t)model->config.text.hidden;
    float *host = gad_memory_alloc(numbers, sizeof *host);
    gad_hash hash = {0};
    for (int64_t i = 0; i < count; i++)
        hash = gad_hash_combine(hash, image[i]->hash);
    if (map->memory) /* which the rows depend on too */
        hash = gad_hash_combine(hash, gad_hash_bytes(operation, sizeof operation));
    gad_status status = host ? GAD_OK : gad_error_memory(err, operation, numbers * sizeof *host);
    if (!status)
        status = compare(model, device, adapters, picture, image, count, level, host, map, err);
    if (status)
        gad_memory_free(host);
    else
        *rows = (gad_image_rows){
            .hash = hash, .grid = image[count - 1]->grid, .tokens = tokens, .rows = host, .levels = levels};
    return status;
}

/* Part `last` moved behind the others. */
static void move_last(int64_t count, int64_t last, const gad_prepared *const *picture, const gad_image_rows *const *image,
                      const gad_prepared **moved, const gad_image_rows **moved_image)
{
    for (int64_t i = 0, to = 0; i < count; i++) {
        int64_t at = i == last ? count - 1 : to++;
        moved[at] = picture[i];
        moved_image[at] = image[i];
    }
}

gad_status gad_evidence_level(const gad_model *model, gad_device *device, bool adapters, const gad_prepared *const *picture,
                              const gad_image_rows *const *image, int64_t count, float *level, gad_error *err)
{
    int64_t most = 0, cells_of_token = gad_config_map_cells(&model->config.evidence);
    for (int64_t i = 0; i < count; i++)
        most = image[i]->tokens > most ? image[i]->tokens : most;
    size_t cells = (size_t)(most * cells_of_token);
    const gad_prepared **moved = gad_memory_alloc((size_t)count, sizeof *moved);
    const gad_image_rows **moved_image = gad_memory_alloc((size_t)count, sizeof *moved_image);
    gad_evidence_map map = {.logit = gad_memory_alloc(cells, sizeof *map.logit)};
    gad_status status =
        moved && moved_image && map.logit ? GAD_OK : gad_error_memory(err, operation, cells * sizeof *map.logit);
    double sum = 0;
    for (int64_t i = 0; i < count && !status; i++) {
        gad_image_rows rows = {0};
        float peak = -INFINITY;
        move_last(count, i, picture, image, moved, moved_image);
        status = gad_evidence_make(model, device, adapters, moved, moved_image, count, 0, &rows, &map, err);
        for (int64_t c = 0; c < image[i]->tokens * cells_of_token && !status; c++)
            peak = fmaxf(peak, map.logit[c]);
        sum += (double)peak;
        gad_memory_free(rows.rows);
    }
    *level = (float)(sum / (double)count) - GAD_EVIDENCE_GOOD;
    gad_memory_free(moved);
    gad_memory_free(moved_image);
    gad_memory_free(map.logit);
    return status;
}
