/* map_samples: see map_samples.h */
#include "train/map_samples.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/rng.h"
#include "data/canvas_image.h"
#include "data/store.h"
#include "evidence/distances.h"
#include "evidence/map_head.h"
#include "inspect/product.h"

static const char operation[] = "read samples of a head";
enum { MAX_GOODS = 256 }; /* that are kept as descriptors */
/* A cell is on a defect when so much of it is. */
static const double covered = 0.12;

/* A normal picture that samples of its class are compared with. */
typedef struct good {
    char *class_name;
    gad_descriptors seen;
} good;

typedef struct reader {
    const gad_head_settings *settings;
    gad_store *store;
    gad_backbone *backbone;
    gad_device device;
    good *goods;
    size_t good_count, good_capacity;
    gad_map_samples *out;
} reader;

/* ---- pictures ------------------------------------------------------------------------------------------------------ */

static gad_status describe(const reader *r, const char *root, const char *path, const int crop[4], gad_descriptors *seen,
                           gad_error *err)
{
    gad_image image = {0};
    int64_t side_px = 0;
    const gad_learn_settings size = {.side_px = r->settings->side_px};
    gad_status status = gad_canvas_image_load(root, path, crop, 0, &image, err);
    if (!status)
        status = gad_product_side(&size, image.width, image.height, &side_px, err);
    if (!status)
        status = gad_product_see(r->backbone, side_px, &image, seen, err);
    gad_image_free(&image);
    return status;
}

/* Adds the sample to those that others are compared with. */
static gad_status add_good(reader *r, const gad_sample *s, const char *root, gad_error *err)
{
    if (!gad_memory_grow((void **)&r->goods, &r->good_capacity, r->good_count, sizeof *r->goods))
        return gad_error_memory(err, operation, sizeof *r->goods);
    good *g = &r->goods[r->good_count++];
    *g = (good){.class_name = gad_memory_copy_string(s->class_name)};
    if (!g->class_name)
        return gad_error_memory(err, operation, strlen(s->class_name));
    return describe(r, root, s->image, s->crop, &g->seen, err);
}

static void free_goods(reader *r)
{
    for (size_t i = 0; i < r->good_count; i++) {
        gad_memory_free(r->goods[i].class_name);
        gad_descriptor_free(&r->goods[i].seen);
    }
    gad_memory_free(r->goods);
}

/* ---- truth --------------------------------------------------------------------------------------------------------- */

/* 1 at each px of the mask that the box covers. */
static void fill(gad_image *mask, const gad_box *b)
{
    for (int64_t y = b->y1 < 0 ? 0 : (int64_t)b->y1; (double)y < b->y2 && y < mask->height; y++)
        for (int64_t x = b->x1 < 0 ? 0 : (int64_t)b->x1; (double)x < b->x2 && x < mask->width; x++)
            gad_image_row(mask, y)[x] = 1;
}

/* The mask of an anomalous sample, 0 and 1; without a file, its boxes. */
static gad_status load_mask(const gad_sample *s, const char *root, gad_image *mask, gad_error *err)
{
    char *path = s->mask ? gad_file_join(root, s->mask) : NULL;
    if (s->mask && !path)
        return gad_error_memory(err, operation, strlen(s->mask));
    const bool index = s->mask_encoding && !strcmp(s->mask_encoding, "index");
    gad_status status =
        path ? gad_image_load_mask(path, index ? GAD_IMAGE_PALETTE_INDEX : GAD_IMAGE_PALETTE_COLOUR, mask, err)
             : gad_image_new(s->width, s->height, 1, mask, err);
    gad_memory_free(path);
    if (status)
        return status;
    for (int64_t i = 0; s->mask && i < mask->width * mask->height; i++)
        mask->pixels[i] = mask->pixels[i] > s->mask_threshold;
    if (!s->mask)
        memset(mask->pixels, 0, (size_t)(mask->width * mask->height));
    for (size_t i = 0; !s->mask && i < s->box_count; i++)
        fill(mask, &s->boxes[i].box);
    return GAD_OK;
}

/* target [rows * cols] from a mask that is stretched over them. */
static void mark_cells(const gad_image *mask, int64_t rows, int64_t cols, float *target)
{
    for (int64_t i = 0; i < rows * cols; i++) {
        const int64_t y1 = i / cols * mask->height / rows, y2 = (i / cols + 1) * mask->height / rows;
        const int64_t x1 = i % cols * mask->width / cols, x2 = (i % cols + 1) * mask->width / cols;
        int64_t set = 0;
        for (int64_t y = y1; y < y2; y++)
            for (int64_t x = x1; x < x2; x++)
                set += gad_image_row(mask, y)[x];
        target[i] = (double)set > covered * (double)((y2 - y1) * (x2 - x1)) ? 1 : 0;
    }
}

/* ---- one sample ---------------------------------------------------------------------------------------------------- */

/* Adds normals of the class, each at most once, until the bank has `most` parts. */
static gad_status borrow(const reader *r, const gad_sample *s, int64_t most, gad_rng *rng, gad_bank *bank, gad_error *err)
{
    size_t of_class[MAX_GOODS], count = 0;
    for (size_t i = 0; i < r->good_count; i++)
        if (!strcmp(r->goods[i].class_name, s->class_name))
            of_class[count++] = i;
    gad_status status = GAD_OK;
    while (!status && count && bank->parts < most) {
        const size_t at = gad_rng_below(rng, (uint32_t)count);
        status = gad_bank_add(bank, "good", &r->goods[of_class[at]].seen, 1, err);
        of_class[at] = of_class[--count];
    }
    return status;
}

/* What the sample is compared with: 1 to so many references. */
static gad_status remember(const reader *r, const gad_sample *s, const char *root, gad_rng *rng, gad_bank *bank,
                           gad_error *err)
{
    const int64_t most = 1 + gad_rng_below(rng, (uint32_t)r->settings->references);
    if (r->settings->good)
        return borrow(r, s, most, rng, bank, err);
    gad_status status = GAD_OK;
    for (size_t i = 0; !status && i < s->reference_count && bank->parts < most; i++) {
        gad_descriptors seen = {0};
        status = describe(r, root, s->references[i].path, NULL, &seen, err);
        if (!status)
            status = gad_bank_add(bank, "reference", &seen, 1, err);
        gad_descriptor_free(&seen);
    }
    return status;
}

static gad_status fill_sample(reader *r, const gad_bank *bank, const gad_descriptors *seen, gad_map_sample *sample,
                              gad_error *err)
{
    const int64_t cells = seen->rows * seen->cols, maps = gad_distances_maps(&seen->levels);
    float *map = gad_memory_alloc((size_t)((maps + 1) * cells), sizeof *map);
    *sample = (gad_map_sample){.rows = seen->rows, .cols = seen->cols};
    sample->channel = gad_memory_alloc((size_t)(gad_map_head_channels(maps) * cells), sizeof *sample->channel);
    sample->target = gad_memory_zero((size_t)cells, sizeof *sample->target);
    gad_status status = map && sample->channel && sample->target
                            ? gad_distances_make(bank, &r->device, seen, -1, map, err)
                            : gad_error_memory(err, operation, (size_t)(3 * maps * cells) * sizeof *map);
    if (!status) {
        gad_map_head_prepare(map, maps, cells, map + maps * cells, sample->channel);
        sample->distance = gad_bank_score(map, cells, NULL);
        r->out->maps = maps;
    }
    gad_memory_free(map);
    return status;
}

static void free_sample(gad_map_sample *s)
{
    gad_memory_free(s->channel);
    gad_memory_free(s->target);
}

static gad_status add_sample(reader *r, const gad_sample *s, const char *root, gad_error *err)
{
    gad_bank bank = {0};
    gad_descriptors seen = {0};
    gad_map_sample sample = {0};
    gad_image mask = {0};
    gad_rng rng = gad_rng_make(r->settings->seed, (uint64_t)s->row);
    if (s->label && !s->mask && !s->box_count)
        return GAD_OK;
    gad_status status = remember(r, s, root, &rng, &bank, err);
    if (!status && bank.parts)
        status = describe(r, root, s->image, s->crop, &seen, err);
    if (!status && bank.parts)
        status = fill_sample(r, &bank, &seen, &sample, err);
    if (!status && bank.parts && s->label) {
        sample.anomalous = true;
        status = load_mask(s, root, &mask, err);
        if (!status)
            mark_cells(&mask, sample.rows, sample.cols, sample.target);
    }
    gad_map_samples *out = r->out;
    if (!status && bank.parts && !gad_memory_grow((void **)&out->item, &out->capacity, out->count, sizeof *out->item))
        status = gad_error_memory(err, operation, sizeof *out->item);
    if (!status && bank.parts)
        out->item[out->count++] = sample;
    else
        free_sample(&sample);
    gad_image_free(&mask);
    gad_descriptor_free(&seen);
    gad_bank_free(&bank);
    return status ? gad_error_context(err, status, "%s", s->id ? s->id : "sample") : GAD_OK;
}

/* ---- the store ----------------------------------------------------------------------------------------------------- */

/* Calls `take` with each sample that may be trained on and the folder of its dataset. */
static gad_status each(reader *r, const gad_store_filter *filter, const char *what,
                       gad_status (*take)(reader *r, const gad_sample *s, const char *root, gad_error *err), gad_error *err)
{
    gad_store_cursor *cursor = NULL;
    gad_sample s = {0};
    bool found = true;
    int64_t count = 0, done = 0;
    gad_status status = gad_store_count(r->store, filter, &count, err);
    gad_progress_meter meter = gad_progress_start(r->settings->progress, what, count);
    if (!status)
        status = gad_store_select(r->store, filter, &cursor, err);
    while (!status && found) {
        char *root = NULL;
        status = gad_store_next(cursor, &s, &found, err);
        if (!status && found)
            status = gad_store_root(r->store, s.dataset, &root, err);
        if (!status && found)
            status = take(r, &s, root, err);
        gad_memory_free(root);
        if (!status && found && !gad_progress_update(&meter, ++done))
            status = gad_error_set(err, GAD_E_CANCELLED, operation, NULL, "stopped after %lld pictures", (long long)done);
    }
    gad_sample_free(&s);
    gad_store_cursor_free(cursor);
    return status;
}

static gad_status read(reader *r, gad_error *err)
{
    const gad_head_settings *s = r->settings;
    gad_store_filter filter = {.dataset = s->good, .split = "train", .label = GAD_DATA_NORMAL, .limit = MAX_GOODS};
    filter.shuffle = true;
    filter.seed = s->seed;
    gad_status status = gad_store_open(s->store, GAD_SQLITE_READ, &r->store, err);
    if (!status && s->good)
        status = each(r, &filter, "good parts", add_good, err);
    if (!status && s->good && !r->good_count)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "gad data stats lists the datasets",
                               "%s: \"%s\" has no normal pictures in the split train", s->store, s->good);
    filter = (gad_store_filter){.split = "train", .shuffle = true, .seed = s->seed};
    for (int64_t i = 0; !status && i < (s->dataset_count ? s->dataset_count : 1); i++) {
        filter.dataset = s->dataset_count ? s->dataset[i] : NULL;
        status = each(r, &filter, "pictures", add_sample, err);
    }
    return status;
}

/* Samples that follow one another in training are of all datasets. */
static void shuffle(gad_map_samples *samples, uint64_t seed)
{
    gad_rng rng = gad_rng_make(seed, UINT64_MAX);
    for (size_t i = samples->count; i > 1; i--) {
        const size_t at = gad_rng_below(&rng, (uint32_t)i);
        const gad_map_sample moved = samples->item[at];
        samples->item[at] = samples->item[i - 1];
        samples->item[i - 1] = moved;
    }
}

gad_status gad_map_samples_read(const gad_head_settings *settings, gad_backbone *backbone, gad_map_samples *samples,
                                gad_error *err)
{
    reader r = {.settings = settings, .backbone = backbone, .out = samples};
    *samples = (gad_map_samples){0};
    gad_status status = gad_device_open_cpu(&r.device, settings->threads, err);
    if (status)
        return status;
    status = read(&r, err);
    shuffle(samples, settings->seed);
    free_goods(&r);
    gad_store_close(r.store);
    gad_device_close(&r.device);
    if (status)
        gad_map_samples_free(samples);
    return status;
}

void gad_map_samples_free(gad_map_samples *samples)
{
    for (size_t i = 0; i < samples->count; i++)
        free_sample(&samples->item[i]);
    gad_memory_free(samples->item);
    *samples = (gad_map_samples){0};
}
