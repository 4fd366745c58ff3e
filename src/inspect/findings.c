/* findings: see findings.h. Regions are compared with what lies around them: a product keeps descriptors of good parts, not
 * their pixels. */
#include "inspect/findings.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "evidence/measure.h"
#include "io/resize.h"
#include "task/place.h"

static const char operation[] = "measure the findings";
enum { SIDE_PX = 320, MAX_FINDINGS = 8 };

/* The largest distance under a box, in shares of the threshold; box NULL: of the whole map, and *at is its cell. */
static double peak_under(const gad_findings_map *map, const gad_box *box, double width_px, double height_px, gad_box *at)
{
    double peak = 0, wide = width_px / (double)map->cols, high = height_px / (double)map->rows;
    for (int64_t y = 0; y < map->rows; y++)
        for (int64_t x = 0; x < map->cols; x++) {
            gad_box cell = {(double)x * wide, (double)y * high, (double)(x + 1) * wide, (double)(y + 1) * high};
            double share = (double)map->distance[y * map->cols + x] / map->threshold;
            bool inside = !box || (cell.x1 < box->x2 && cell.x2 > box->x1 && cell.y1 < box->y2 && cell.y2 > box->y1);
            if (inside && share > peak) {
                peak = share;
                if (at)
                    *at = cell;
            }
        }
    return peak;
}

/* A picture as planes [3][height][width] from 0 to 1; the caller's. */
static float *planes_of(const gad_image *image)
{
    int64_t area = image->width * image->height;
    float *planes = gad_memory_alloc((size_t)area, 3 * sizeof *planes);
    for (int64_t i = 0; planes && i < area; i++)
        for (int64_t c = 0; c < 3; c++)
            planes[c * area + i] = (float)image->pixels[3 * i + c] / 255;
    return planes;
}

static gad_status measure(const gad_image *image, const gad_box *box, int count, gad_measurement *m, gad_error *err)
{
    gad_image small = {0};
    gad_box near[MAX_FINDINGS];
    gad_status status = gad_resize_fit(image, SIDE_PX, SIDE_PX, &small, err);
    float *planes = status ? NULL : planes_of(&small);
    if (!status && !planes)
        status = gad_error_memory(err, operation, (size_t)(3 * small.width * small.height) * sizeof *planes);
    if (!status) {
        double wide = (double)small.width / (double)image->width, high = (double)small.height / (double)image->height;
        for (int i = 0; i < count; i++)
            near[i] = (gad_box){box[i].x1 * wide, box[i].y1 * high, box[i].x2 * wide, box[i].y2 * high};
        gad_measure_pictures pictures = {.part = planes, .width = small.width, .height = small.height};
        status = gad_measure_places(&pictures, near, count, (double)image->width, (double)image->height, m, err);
    }
    gad_memory_free(planes);
    gad_image_free(&small);
    return status;
}

static void write_normal(const gad_findings_map *map, const gad_inspection *r, gad_string *text)
{
    gad_box at = {0};
    double peak = peak_under(map, NULL, r->width_px, r->height_px, &at);
    const char *place = gad_place_name(gad_place_of(&at, r->width_px, r->height_px));
    if (peak < 1)
        gad_string_addf(text, "Nothing stands out: the largest deviation, in the %s, is %.2f of what rejects a part.",
                        place, peak);
    else /* the score is of more than one cell */
        gad_string_addf(text, "The largest deviation, in the %s, is too small a place to reject the part.", place);
}

gad_status gad_findings_write(const gad_image *image, const gad_findings_map *map, gad_inspection *r, gad_error *err)
{
    gad_string text = {0};
    gad_box box[MAX_FINDINGS];
    gad_measurement m[MAX_FINDINGS];
    gad_defect *of[MAX_FINDINGS];
    int count = 0;
    for (int i = 0; i < r->defect_count && count < MAX_FINDINGS; i++)
        if (r->defect[i].valid) {
            of[count] = &r->defect[i];
            box[count++] = (gad_box){r->defect[i].x1, r->defect[i].y1, r->defect[i].x2, r->defect[i].y2};
        }
    gad_status status = count ? measure(image, box, count, m, err) : GAD_OK;
    if (!status && r->verdict == GAD_VERDICT_UNFAMILIAR)
        gad_string_addf(&text, "This does not look like the good parts at all (distance %.3f, limit %.3f).\n", r->distance,
                        r->distance_limit);
    if (!status && !count && r->verdict == GAD_VERDICT_NORMAL)
        write_normal(map, r, &text);
    for (int i = 0; i < count && !status; i++) {
        m[i].unusual = peak_under(map, &box[i], r->width_px, r->height_px, NULL);
        gad_string_addf(&text, "%s%d: ", i ? "\n" : "", i + 1);
        gad_measurement_write(&m[i], &box[i], r->width_px, r->height_px, &text);
        of[i]->measurement = m[i];
        of[i]->measured = true;
    }
    if (!status && text.failed)
        status = gad_error_memory(err, operation, text.length);
    if (!status)
        status = (r->found = gad_memory_copy_string(gad_string_text(&text)))
                     ? GAD_OK
                     : gad_error_memory(err, operation, text.length);
    gad_string_free(&text);
    return status;
}

/* ---- of a model's own regions -------------------------------------------------------------------------------------- */

/* From px of the view to those of the picture. */
static gad_measurement in_picture(const gad_turn *turn, int region, double width_px, double height_px)
{
    gad_measurement m = turn->measurement[region];
    double scale = sqrt(width_px / (double)turn->view.width * (height_px / (double)turn->view.height));
    m.length_px *= scale;
    m.breadth_px *= scale;
    m.area_px *= scale * scale;
    if (m.like_x >= 0) {
        m.like_x *= width_px / (double)turn->view.width;
        m.like_y *= height_px / (double)turn->view.height;
    }
    return m;
}

/* The region that a box is; -1: none, the text has a place of its own. */
static int region_of(const gad_turn *turn, const gad_defect *d, double width_px, double height_px)
{
    static const double same = 0.8; /* numbers of an answer are rounded */
    gad_box box = {d->x1, d->y1, d->x2, d->y2};
    int count = turn->region_count ? turn->region_count : 1, best = -1;
    double most = same;
    for (int i = 0; i < count; i++) {
        gad_box place = gad_regions_box(&turn->region[i], width_px, height_px);
        double iou = gad_box_iou(box, place);
        best = iou >= most ? i : best;
        most = fmax(most, iou);
    }
    return best;
}

static void write_strongest(const gad_turn *turn, const gad_inspection *r, gad_string *text)
{
    gad_box box = gad_regions_box(&turn->region[0], r->width_px, r->height_px);
    gad_measurement m = in_picture(turn, 0, r->width_px, r->height_px);
    gad_string_add(text, "Nothing stands out: the largest deviation is ");
    gad_string_add(text, gad_measurement_word(GAD_WORD_LEVEL, turn->words[0].of[GAD_WORD_LEVEL]));
    gad_string_add(text, " what good parts show: ");
    gad_measurement_write(&m, &box, r->width_px, r->height_px, text);
}

gad_status gad_findings_take(const gad_turn *turn, gad_inspection *r, gad_error *err)
{
    gad_string text = {0};
    int defect_of[GAD_REGIONS_MAX];
    if (!turn->heat)
        return GAD_OK;
    for (int k = 0; k < GAD_REGIONS_MAX; k++)
        defect_of[k] = -1;
    for (int i = r->defect_count; i-- > 0;) {
        int region = r->defect[i].valid ? region_of(turn, &r->defect[i], r->width_px, r->height_px) : -1;
        r->defect[i].measured = region >= 0;
        if (region >= 0)
            defect_of[region] = i;
    }
    for (int i = 0; i < r->defect_count; i++) {
        gad_defect *d = &r->defect[i];
        int region = d->measured ? region_of(turn, d, r->width_px, r->height_px) : -1;
        if (!d->measured)
            continue;
        gad_box box = {d->x1, d->y1, d->x2, d->y2};
        d->measurement = in_picture(turn, region, r->width_px, r->height_px);
        if (d->measurement.other >= 0)
            d->measurement.other = defect_of[d->measurement.other];
        gad_string_addf(&text, "%s%d: ", text.length ? "\n" : "", i + 1);
        gad_measurement_write(&d->measurement, &box, r->width_px, r->height_px, &text);
    }
    if (r->verdict == GAD_VERDICT_NORMAL && !turn->region_count)
        write_strongest(turn, r, &text);
    gad_memory_free(r->found);
    r->found = text.failed ? NULL : gad_memory_copy_string(gad_string_text(&text));
    gad_string_free(&text);
    return r->found ? GAD_OK : gad_error_memory(err, operation, text.length);
}
