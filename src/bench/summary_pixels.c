/* summary_pixels: the part of summary.h that compares stored heat maps with the data set's masks, category by category so
 * that memory stays bounded. A map of an anomalous image without a mask is left out and counted. */
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "bench/summary.h"
#include "io/image.h"

#include <math.h>
#include <stdlib.h>

static const double fpr_limit = .3;

/* Non-zero on anomalous pixels of the item's crop, in place. */
static gad_status apply_item(const gad_item *item, gad_image *mask, gad_error *err)
{
    int64_t x0 = 0, y0 = 0, width = mask->width, height = mask->height;
    if (item->crop[2] > item->crop[0]) {
        x0 = item->crop[0];
        y0 = item->crop[1];
        width = item->crop[2] - x0;
        height = item->crop[3] - y0;
    }
    if (x0 < 0 || y0 < 0 || height < 1 || x0 + width > mask->width || y0 + height > mask->height)
        return gad_error_set(err, GAD_E_FORMAT, "score a heat map", "import the data set again",
                             "%s: the crop lies outside the mask", item->mask);
    for (int64_t y = 0; y < height; y++) {
        const uint8_t *from = mask->pixels + (y0 + y) * mask->width + x0;
        uint8_t *to = mask->pixels + y * width; /* never ahead of `from` */
        for (int64_t x = 0; x < width; x++)
            to[x] = from[x] > item->mask_threshold;
    }
    mask->width = width;
    mask->height = height;
    return GAD_OK;
}

static gad_status add_map(const gad_record *r, size_t item_index, gad_metric_pixels *pixels, gad_error *err)
{
    const gad_item *item = &r->items.item[item_index];
    const gad_row *row = &r->rows.of[item_index];
    gad_image mask = {0};
    float *map = NULL;
    int width = (int)item->width, height = (int)item->height;
    gad_status status = gad_row_map(r->folder, row, &map, err);
    if (!status && item->anomalous) {
        gad_image_palette palette = item->mask_index ? GAD_IMAGE_PALETTE_INDEX : GAD_IMAGE_PALETTE_COLOUR;
        status = gad_image_load_mask(item->mask, palette, &mask, err);
        if (!status)
            status = apply_item(item, &mask, err);
        width = (int)mask.width;
        height = (int)mask.height;
    }
    if (!status)
        status = gad_metric_pixel_add(pixels, (gad_metric_map){map, (int)row->map_width, (int)row->map_height}, mask.pixels,
                                      width, height, err);
    gad_image_free(&mask);
    gad_memory_free(map);
    return status;
}

static bool has_map(const gad_summary *s, size_t i)
{
    return s->scored[i].counted && s->record->rows.of[i].map_offset >= 0;
}

/* Item indices ordered by category, so that one accumulator serves one category after the other. */
static size_t order_items(const gad_summary *s, size_t *order)
{
    size_t n = 0;
    for (size_t c = 0; c < s->categories; c++)
        for (size_t i = 0; i < s->record->items.count; i++)
            if (s->scored[i].outcome.category == (int32_t)c && has_map(s, i))
                order[n++] = i;
    return n;
}

static void average_scopes(gad_summary *s)
{
    for (size_t k = 0; k <= s->datasets; k++) {
        double auroc = 0, aupro = 0;
        int64_t n = 0;
        for (size_t c = 0; k < s->datasets && c < s->categories; c++)
            if ((size_t)s->category[c].dataset == k && !isnan(s->category[c].pixels.auroc)) {
                auroc += s->category[c].pixels.auroc;
                aupro += s->category[c].pixels.aupro;
                n++;
            }
        for (size_t d = 0; k == s->datasets && d < s->datasets; d++)
            if (!isnan(s->scope[d].pixel_auroc)) {
                auroc += s->scope[d].pixel_auroc;
                aupro += s->scope[d].pixel_aupro;
                n++;
            }
        s->scope[k].pixel_auroc = n ? auroc / (double)n : NAN;
        s->scope[k].pixel_aupro = n ? aupro / (double)n : NAN;
    }
}

gad_status gad_summary_add_pixels(gad_summary *s, const gad_log *log, const gad_progress *progress, gad_error *err)
{
    const gad_items *items = &s->record->items;
    size_t *order = gad_memory_alloc(items->count, sizeof *order);
    gad_metric_pixels *pixels = gad_metric_pixel_new(GAD_METRIC_EXACT_PIXELS);
    gad_status status = GAD_OK;
    if (!order || !pixels)
        status = gad_error_memory(err, "score heat maps", items->count * sizeof *order);
    size_t n = status ? 0 : order_items(s, order);
    gad_progress_meter meter = gad_progress_start(progress, "score heat maps", (int64_t)n);
    for (size_t k = 0; k < n && !status; k++) {
        const gad_item *item = &items->item[order[k]];
        int32_t category = s->scored[order[k]].outcome.category;
        if (item->anomalous && !item->mask) {
            s->maskless_maps++;
        } else {
            status = add_map(s->record, order[k], pixels, err);
            s->map_images++;
        }
        if (!status && (k + 1 == n || s->scored[order[k + 1]].outcome.category != category)) {
            status = gad_metric_pixel_result_of(pixels, fpr_limit, &s->category[category].pixels, err);
            gad_metric_pixel_reset(pixels);
        }
        if (!status && !gad_progress_update(&meter, (int64_t)k + 1))
            status = gad_error_set(err, GAD_E_CANCELLED, "score heat maps", NULL, "stopped by the caller");
    }
    if (s->maskless_maps)
        gad_log_info(log, "%lld heat maps of anomalous images have no mask and are left out", (long long)s->maskless_maps);
    if (!status)
        average_scopes(s);
    gad_metric_pixel_free(pixels);
    gad_memory_free(order);
    return status;
}
