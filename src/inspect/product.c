/* product: see product.h */
#include "inspect/product.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/string.h"
#include "evidence/holdout.h"
#include "evidence/regions.h"
#include "features/tile.h"
#include "inspect/area.h"
#include "inspect/findings.h"
#include "inspect/threshold.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_SIDE_PX = 64, MAX_SIDE_PX = 8192 };
static const char learning[] = "learn a product", inspecting[] = "inspect the part";

gad_learn_settings gad_learn_settings_default(void)
{
    return (gad_learn_settings){.name = "product", .max_rows = GAD_PRODUCT_ROWS, .rate = 0.05, .confidence = 0.95};
}

void gad_product_free(gad_product *product)
{
    if (!product)
        return;
    gad_bank_free(&product->bank);
    gad_map_head_free(&product->sight.head);
    gad_image_free(&product->area);
    gad_backbone_free(product->backbone);
    gad_device_close(&product->device);
    gad_safetensors_free(product->file);
    gad_memory_free(product->name);
    gad_memory_free(product->score);
    gad_memory_free(product);
}

/* ---- seeing ---- */

static int64_t whole_units(double px, int64_t unit)
{
    const int64_t units = llround(px / (double)unit);
    return (units < 2 ? 2 : units) * unit;
}

/* How a picture of that size is seen: its working size, in units of the backbone. */
static void working_size(const gad_backbone *backbone, int64_t side_px, int64_t width_px, int64_t height_px, int64_t *width,
                         int64_t *height)
{
    const int64_t unit = gad_backbone_describe(backbone)->unit;
    const double k = (double)side_px / sqrt((double)width_px * (double)height_px);
    *width = whole_units((double)width_px * k, unit);
    *height = whole_units((double)height_px * k, unit);
}

int64_t gad_product_tiles(const gad_product *product, int64_t width_px, int64_t height_px)
{
    int64_t width, height;
    working_size(product->backbone, product->side_px, width_px, height_px, &width, &height);
    return gad_tile_count(width, height);
}

gad_status gad_product_see(gad_backbone *backbone, int64_t side_px, const gad_image *image, gad_descriptors *d,
                           gad_error *err)
{
    gad_features features = {0};
    int64_t width, height;
    working_size(backbone, side_px, image->width, image->height, &width, &height);
    gad_status status = gad_tile_run(backbone, image, width, height, &features, err);
    if (!status)
        status = gad_descriptor_make(&features, GAD_PRODUCT_STRIDE, d, err);
    gad_feature_free(&features);
    return status;
}

/* ---- learning ---- */

gad_status gad_product_side(const gad_learn_settings *settings, int64_t width_px, int64_t height_px, int64_t *side_px,
                            gad_error *err)
{
    const double area = (double)width_px * (double)height_px;
    double defect_px = settings->smallest_px;
    *side_px = settings->side_px ? settings->side_px : llround(fmin(GAD_PRODUCT_SIDE, fmax(sqrt(area), MIN_SIDE_PX)));
    if (settings->smallest_share > 0)
        defect_px = sqrt(settings->smallest_share * area);
    if (defect_px > 0)
        *side_px = llround(fmin(GAD_PRODUCT_STRIDE * sqrt(area) / defect_px, 2 * sqrt(area)));
    if (*side_px < MIN_SIDE_PX && defect_px > 0)
        *side_px = MIN_SIDE_PX;
    if (*side_px < MIN_SIDE_PX || *side_px > MAX_SIDE_PX)
        return gad_error_set(err, GAD_E_ARGUMENT, learning, "choose a larger smallest defect, or a side of 64 to 8192 px",
                             "a working picture of %lld px a side", (long long)*side_px);
    return GAD_OK;
}

gad_status gad_product_equip(gad_product *product, gad_backbone *backbone, int threads, gad_error *err)
{
    const gad_backbone_info *info = gad_backbone_describe(backbone);
    product->backbone = backbone;
    if (!gad_hash_equal(info->hash, product->backbone_hash))
        return gad_error_set(err, GAD_E_ARGUMENT, inspecting, "give the backbone it was learnt with, or learn it again",
                             "%s was learnt with other weights (%s) than these (%s)", product->name, product->family,
                             info->family);
    return gad_device_open_cpu(&product->device, threads, err);
}

static gad_status set_up(gad_product *p, const gad_learn_settings *settings, gad_backbone *backbone, gad_error *err)
{
    const gad_backbone_info *info = gad_backbone_describe(backbone);
    p->sight = gad_sight_make();
    p->side_px = settings->side_px ? settings->side_px : GAD_PRODUCT_SIDE;
    p->views = settings->mirror ? GAD_PRODUCT_VIEWS : 1;
    p->max_rows = settings->max_rows;
    p->guarantee = settings->guarantee;
    p->backbone_hash = info->hash;
    snprintf(p->family, sizeof p->family, "%s", info->family);
    gad_status status = gad_product_equip(p, backbone, settings->threads, err);
    p->name = gad_memory_copy_string(settings->name);
    if (!status && !p->name)
        status = gad_error_memory(err, learning, strlen(settings->name));
    if (!status && settings->max_rows < 1)
        status = gad_error_set(err, GAD_E_ARGUMENT, learning, NULL, "a memory of %lld rows", (long long)settings->max_rows);
    return status;
}

gad_status gad_product_new(const gad_learn_settings *settings, gad_backbone *backbone, gad_product **product,
                           gad_error *err)
{
    gad_product *p = gad_memory_zero(1, sizeof *p);
    if (!p) {
        gad_backbone_free(backbone);
        return gad_error_memory(err, learning, sizeof *p);
    }
    gad_status status = set_up(p, settings, backbone, err);
    if (status) {
        gad_product_free(p);
        return status;
    }
    *product = p;
    return GAD_OK;
}

/* The picture mirrored left to right (across) or top to bottom. */
static gad_status mirror(const gad_image *image, bool across, gad_image *out, gad_error *err)
{
    gad_status status = gad_image_new(image->width, image->height, image->channels, out, err);
    const size_t pixel = (size_t)image->channels;
    for (int64_t y = 0; !status && y < image->height; y++) {
        const uint8_t *from = gad_image_row(image, across ? y : image->height - 1 - y);
        uint8_t *to = gad_image_row(out, y);
        for (int64_t x = 0; x < image->width; x++)
            memcpy(to + (size_t)x * pixel, from + (size_t)(across ? image->width - 1 - x : x) * pixel, pixel);
    }
    return status;
}

gad_status gad_product_look_at(gad_product *product, gad_image *area, gad_error *err)
{
    if (product->bank.parts)
        return gad_error_set(err, GAD_E_ARGUMENT, learning, "make a new product", "%s has good parts already",
                             product->name);
    gad_image_free(&product->area);
    product->area = *area;
    *area = (gad_image){0};
    return GAD_OK;
}

/* Cells that are not looked at are like nothing: they neither count nor show. */
static void leave_out(const gad_product *p, gad_descriptors *d)
{
    for (int64_t i = 0; p->area.pixels && i < d->rows * d->cols; i++)
        if (!gad_area_holds(&p->area, ((double)(i % d->cols) + 0.5) / (double)d->cols,
                            ((double)(i / d->cols) + 0.5) / (double)d->rows))
            memset(d->data + i * d->width, 0, (size_t)d->width * sizeof *d->data);
}

/* The views of a part: as it is, mirrored left to right, top to bottom, both (turned by half a turn). */
static gad_status describe_views(const gad_product *p, const gad_image *given, gad_descriptors *view, gad_error *err)
{
    gad_image painted = {0}, across = {0}, down = {0}, both = {0};
    const gad_image *image = p->area.pixels ? &painted : given;
    gad_status status = p->area.pixels ? gad_area_paint(&p->area, given, &painted, err) : GAD_OK;
    if (!status)
        status = gad_product_see(p->backbone, p->side_px, image, &view[0], err);
    if (!status && p->views > 1) {
        status = mirror(image, true, &across, err);
        if (!status)
            status = mirror(image, false, &down, err);
        if (!status)
            status = mirror(&across, false, &both, err);
        const gad_image *seen[] = {&across, &down, &both};
        for (int i = 1; !status && i < p->views; i++)
            status = gad_product_see(p->backbone, p->side_px, seen[i - 1], &view[i], err);
    }
    if (!status)
        leave_out(p, &view[0]);
    gad_image_free(&painted);
    gad_image_free(&across);
    gad_image_free(&down);
    gad_image_free(&both);
    return status;
}

/* How far a picture is from the good parts. */
static gad_status measure(gad_product *p, const gad_descriptors *d, float **distance, gad_error *err)
{
    const int64_t cells = d->rows * d->cols;
    *distance = gad_memory_alloc((size_t)cells, sizeof **distance);
    if (!*distance)
        return gad_error_memory(err, inspecting, (size_t)cells * sizeof **distance);
    return gad_sight_look(&p->bank, &p->sight, &p->device, d, *distance, err);
}

/* A part that comes later has its distance at once: the bank has not seen it. */
static gad_status score_late(gad_product *p, const gad_descriptors *view, double *score, gad_error *err)
{
    float *distance = NULL;
    gad_status status = measure(p, view, &distance, err);
    if (!status)
        *score = gad_bank_score(distance, view->rows * view->cols, NULL);
    gad_memory_free(distance);
    return status;
}

static void take_size(gad_product *p, const gad_image *image)
{
    const int64_t size[] = {image->width, image->height};
    for (int i = 0; i < 2; i++) {
        p->least_px[i] = p->least_px[i] && p->least_px[i] < size[i] ? p->least_px[i] : size[i];
        p->most_px[i] = p->most_px[i] > size[i] ? p->most_px[i] : size[i];
    }
}

gad_status gad_product_add(gad_product *product, const char *name, const gad_image *image, gad_error *err)
{
    gad_descriptors view[GAD_PRODUCT_VIEWS] = {{0}};
    const int64_t part = product->bank.parts;
    double *score = gad_memory_resize(product->score, (size_t)part + 1, sizeof *score);
    if (!score)
        return gad_error_memory(err, learning, ((size_t)part + 1) * sizeof *score);
    product->score = score;
    score[part] = NAN;
    gad_status status = describe_views(product, image, view, err);
    if (!status && !part)
        status = gad_holdout_alone(&view[0], &product->alone, err);
    if (!status && product->finished)
        status = score_late(product, view, &score[part], err);
    if (!status)
        status = gad_bank_add(&product->bank, name, view, (int)product->views, err);
    if (!status)
        take_size(product, image);
    for (int i = 0; i < GAD_PRODUCT_VIEWS; i++)
        gad_descriptor_free(&view[i]);
    return status;
}

gad_status gad_product_remove(gad_product *product, int64_t part, gad_error *err)
{
    if (product->bank.parts < 2)
        return gad_error_set(err, GAD_E_ARGUMENT, learning, NULL, "%s: the only good part", product->bank.part[part].name);
    const int64_t later = product->bank.parts - part - 1;
    gad_status status = gad_bank_remove(&product->bank, part, err);
    if (!status)
        memmove(product->score + part, product->score + part + 1, (size_t)later * sizeof *product->score);
    return status;
}

/* ---- what good parts look like ---- */

/* What was found on cookies, toys and screws, which no figure is published of (docs/results.md). Where few good parts were
 * seen, a later one may lie farther than they do from each other; one part alone says nothing of that. Of many, half say
 * where the others should lie, and those that do not are no reason to let defects pass. Parts of other products lie at 0.15
 * and more from a product as a whole, good parts at a tenth of that. */
enum { MANY = 20 };
static const double margin_of_few = 0.02, margin_of_many = 0.01, deviations_of_many = 1.5, share_of_alone = 0.6,
                    margin_of_alone = 0.1, threshold_of_one = 0.22, headed_alone = 1.4, unfamiliar_share = 2.5,
                    least_unfamiliar = 0.12, odd_share = 1.6;

static void find_mean(const double *value, int64_t count, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++)
        sum += value[i];
    *mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++)
        squares += (value[i] - *mean) * (value[i] - *mean);
    *deviation = sqrt(squares / (double)count);
}

static double median(const double *rising, int64_t count)
{
    return (rising[(count - 1) / 2] + rising[count / 2]) / 2;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* From which distance on a part stands out from the good ones, `score` of which rise. `spare` has room for them. */
static double stand_out(const gad_product *p, const double *score, int64_t count, double *spare)
{
    if (count < MANY)
        return p->centre + margin_of_few;
    const double middle = median(score, count);
    for (int64_t i = 0; i < count; i++)
        spare[i] = fabs(score[i] - middle);
    qsort(spare, (size_t)count, sizeof *spare, ascending);
    /* 1.4826: from the median deviation to the standard deviation of a normal distribution */
    return middle + deviations_of_many * 1.4826 * median(spare, count) + margin_of_many;
}

/* From the distances that are known, each part from the others: order statistics where a guarantee is wanted and supported,
 * else where a part stands out, and what is known of that. */
static gad_status weigh(gad_product *p, double *score, int64_t known, double rate, double confidence, gad_error *err)
{
    gad_threshold *t = &p->threshold;
    find_mean(score, known, &p->centre, &p->spread);
    gad_status status = gad_threshold_compute(score, (size_t)known, rate, confidence, t, err); /* sorts */
    if (status || (p->guarantee && t->supported))
        return status;
    const double kept = t->value, value = stand_out(p, score, known, score + known);
    t->value = value;
    t->supported = t->supported && value >= kept;
    for (t->normals_above = 0; t->normals_above < known && score[known - 1 - t->normals_above] >= value;)
        t->normals_above++;
    t->rate_supported = gad_threshold_rate(known, t->normals_above, confidence);
    return GAD_OK;
}

/* One part: how far its places are from each other says a little of how far those of others will be. */
static gad_status set_threshold(gad_product *p, double rate, double confidence, gad_error *err)
{
    int64_t known = 0;
    double *score = gad_memory_alloc((size_t)p->bank.parts, 2 * sizeof *score);
    if (!score)
        return gad_error_memory(err, learning, (size_t)p->bank.parts * sizeof *score);
    for (int64_t i = 0; i < p->bank.parts; i++)
        if (isfinite(p->score[i]))
            score[known++] = p->score[i];
    gad_status status = GAD_OK;
    if (known) {
        status = weigh(p, score, known, rate, confidence, err);
    } else {
        double value = isfinite(p->alone) ? share_of_alone * p->alone + margin_of_alone : threshold_of_one;
        value *= gad_map_head_exists(&p->sight.head) ? headed_alone : 1;
        p->centre = value - margin_of_few;
        p->threshold = (gad_threshold){.rate = rate, .confidence = confidence, .rate_supported = 1, .value = value};
    }
    gad_memory_free(score);
    return status;
}

static gad_status compare_parts(gad_product *p, gad_error *err)
{
    gad_holdout h = {0};
    double mean, deviation;
    p->distance_limit = 2;
    if (p->bank.parts < 2)
        return GAD_OK;
    gad_status status = gad_holdout_measure(&p->bank, &p->sight, &p->device, (int)p->views, p->max_rows, &h, err);
    if (status)
        return status;
    memcpy(p->score, h.score, (size_t)h.parts * sizeof *h.score);
    find_mean(h.unfamiliar, h.parts, &mean, &deviation);
    p->distance_limit = fmax(unfamiliar_share * mean + 4 * deviation, least_unfamiliar);
    gad_holdout_free(&h);
    return GAD_OK;
}

gad_status gad_product_finish(gad_product *product, double rate, double confidence, gad_error *err)
{
    if (!product->bank.parts)
        return gad_error_set(err, GAD_E_ARGUMENT, learning, "give good parts", "no good part");
    gad_status status = product->finished ? GAD_OK : compare_parts(product, err);
    if (!status)
        status = set_threshold(product, rate, confidence, err);
    if (!status)
        status = gad_bank_thin(&product->bank, product->max_rows, err);
    product->finished = status == GAD_OK;
    return status;
}

bool gad_product_is_odd(const gad_product *product, int64_t part)
{
    double sum = 0;
    int64_t others = 0;
    for (int64_t i = 0; i < product->bank.parts; i++)
        if (i != part && isfinite(product->score[i])) {
            sum += product->score[i];
            others++;
        }
    return others > 1 && product->score[part] * (double)others > odd_share * sum;
}

/* ---- inspecting ---- */

/* The threshold becomes 0.5, twice the threshold 0.98: equal for all products, so that their scores can be compared. */
static const double steepness = 4;
/* A region begins at this share of the threshold, and spreads to where regions.h says: 0.7 of that (screws). */
static const double region_level = 1.2, region_steepness = 20.0 / 3;

static double probability(double distance, double threshold)
{
    return 1 / (1 + exp(-steepness * (distance / threshold - 1)));
}

double gad_product_own_score(const gad_product *p, int64_t part)
{
    return p->score ? probability(p->score[part], p->threshold.value) : (double)NAN;
}

static gad_status take_heat(const gad_product *p, const gad_descriptors *d, const float *distance, gad_inspection *r,
                            gad_error *err)
{
    const int64_t cells = d->rows * d->cols;
    r->heat = gad_memory_alloc((size_t)cells, sizeof *r->heat);
    if (!r->heat)
        return gad_error_memory(err, inspecting, (size_t)cells * sizeof *r->heat);
    r->heat_width = (int)d->cols;
    r->heat_height = (int)d->rows;
    r->difference = 0;
    for (int64_t i = 0; i < cells; i++) {
        r->heat[i] = (float)probability((double)distance[i], p->threshold.value);
        r->difference = fmax(r->difference, (double)r->heat[i]);
    }
    return GAD_OK;
}

/* Regions of the distances, in original pixels; where nothing but the mean of several cells is over the threshold, the
 * worst cell. */
static gad_status take_regions(const gad_product *p, const gad_descriptors *d, const float *distance, gad_inspection *r,
                               gad_error *err)
{
    const int64_t cells = d->rows * d->cols;
    gad_region region[GAD_REGIONS_MAX];
    float *logit = gad_memory_alloc((size_t)cells, sizeof *logit);
    int32_t *scratch = gad_memory_alloc((size_t)cells, 2 * sizeof *scratch);
    r->defect = gad_memory_zero(GAD_REGIONS_MAX, sizeof *r->defect);
    gad_status status = GAD_OK;
    if (!logit || !scratch || !r->defect)
        status = gad_error_memory(err, inspecting, (size_t)cells * sizeof *logit);
    int count = 0;
    if (!status) {
        for (int64_t i = 0; i < cells; i++)
            logit[i] = (float)(region_steepness * ((double)distance[i] / (region_level * p->threshold.value) - 1));
        count = gad_regions_find(&(gad_regions_map){.logit = logit, .rows = d->rows, .cols = d->cols, .cell_px = 1},
                                 scratch, region);
        count = count ? count : 1;
    }
    for (int i = 0; !status && i < count; i++) {
        const gad_box box = gad_regions_box(&region[i], r->width_px, r->height_px);
        char *label = gad_memory_copy_string("");
        if (!label)
            status = gad_error_memory(err, inspecting, 1);
        else
            r->defect[r->defect_count++] =
                (gad_defect){.x1 = box.x1, .y1 = box.y1, .x2 = box.x2, .y2 = box.y2, .valid = true, .label = label};
    }
    gad_memory_free(logit);
    gad_memory_free(scratch);
    return status;
}

static gad_status judge(const gad_product *p, const gad_descriptors *d, float *distance, gad_inspection *r, gad_error *err)
{
    const int64_t cells = d->rows * d->cols;
    float *spare = gad_memory_alloc((size_t)cells, sizeof *spare);
    if (!spare)
        return gad_error_memory(err, inspecting, (size_t)cells * sizeof *spare);
    double ground;
    memcpy(spare, distance, (size_t)cells * sizeof *spare);
    r->score = r->score_fast = probability(gad_bank_score(spare, cells, &ground), p->threshold.value);
    gad_memory_free(spare);
    for (int64_t i = 0; i < cells; i++)
        distance[i] -= (float)ground;
    r->verdict = r->score >= r->threshold ? GAD_VERDICT_ANOMALOUS : GAD_VERDICT_NORMAL;
    r->distance = gad_bank_unfamiliar(&p->bank, d->whole, -1, &r->nearest);
    r->distance_limit = p->distance_limit;
    if (r->distance > r->distance_limit)
        r->verdict = GAD_VERDICT_UNFAMILIAR;
    gad_status status = take_heat(p, d, distance, r, err);
    if (!status && r->verdict != GAD_VERDICT_NORMAL)
        status = take_regions(p, d, distance, r, err);
    return status;
}

/* A picture of another size is brought to the size that was learnt, but what is sharp or blurred in it is not. */
static gad_status warn_of_size(const gad_product *p, const gad_image *image, gad_inspection *r, gad_error *err)
{
    static const double tolerance = 0.1;
    const int64_t size[] = {image->width, image->height};
    bool other = false;
    for (int i = 0; i < 2 && p->most_px[i]; i++)
        other |= (double)size[i] < (1 - tolerance) * (double)p->least_px[i] ||
                 (double)size[i] > (1 + tolerance) * (double)p->most_px[i];
    if (!other)
        return GAD_OK;
    gad_string text = {0};
    gad_string_addf(&text, "%s\nCompare with care: the picture has %lld x %lld px, those of the good parts %lld x %lld",
                    r->found, (long long)size[0], (long long)size[1], (long long)p->least_px[0], (long long)p->least_px[1]);
    if (p->most_px[0] > p->least_px[0] || p->most_px[1] > p->least_px[1])
        gad_string_addf(&text, " to %lld x %lld", (long long)p->most_px[0], (long long)p->most_px[1]);
    gad_string_add(&text, ".");
    char *found = text.failed ? NULL : gad_memory_copy_string(gad_string_text(&text));
    gad_string_free(&text);
    if (!found)
        return gad_error_memory(err, inspecting, strlen(r->found));
    gad_memory_free(r->found);
    r->found = found;
    return GAD_OK;
}

static gad_status add_texts(gad_inspection *r, gad_error *err)
{
    r->reasoning = gad_memory_copy_string("");
    r->raw = gad_memory_copy_string("");
    r->flags = gad_memory_copy_string("");
    return r->reasoning && r->raw && r->flags ? GAD_OK : gad_error_memory(err, inspecting, 3);
}

gad_status gad_product_look(gad_product *product, const gad_image *image, double threshold, gad_inspection *result,
                            gad_error *err)
{
    const double start = gad_clock_seconds();
    int64_t width, height;
    gad_descriptors d = {0};
    float *distance = NULL;
    working_size(product->backbone, product->side_px, image->width, image->height, &width, &height);
    gad_inspection r = {.threshold = threshold >= 0        ? threshold
                                     : product->has_chosen ? product->chosen
                                                           : 0.5,
                        .nearest = -1,
                        .score_reasoned = -1,
                        .width_px = (int)image->width,
                        .height_px = (int)image->height,
                        .input_width_px = (int)width,
                        .input_height_px = (int)height};
    gad_image painted = {0};
    gad_status status = product->area.pixels ? gad_area_paint(&product->area, image, &painted, err) : GAD_OK;
    if (!status)
        status = gad_product_see(product->backbone, product->side_px, painted.pixels ? &painted : image, &d, err);
    gad_image_free(&painted);
    r.encode_ms = 1000 * (gad_clock_seconds() - start);
    if (!status) {
        leave_out(product, &d);
        status = measure(product, &d, &distance, err);
    }
    if (!status)
        status = judge(product, &d, distance, &r, err);
    if (!status)
        status = gad_findings_write(
            image,
            &(gad_findings_map){
                .distance = distance, .rows = d.rows, .cols = d.cols, .threshold = product->threshold.value},
            &r, err);
    if (!status)
        status = warn_of_size(product, image, &r, err);
    if (!status)
        status = add_texts(&r, err);
    gad_memory_free(distance);
    gad_descriptor_free(&d);
    r.prompt_ms = 1000 * (gad_clock_seconds() - start) - r.encode_ms;
    snprintf(r.threshold_source, sizeof r.threshold_source, "%s",
             threshold >= 0        ? "given"
             : product->has_chosen ? "chosen"
                                   : "product");
    if (status)
        gad_inspection_clear(&r);
    else
        *result = r;
    return status;
}
