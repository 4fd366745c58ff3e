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
    gad_string_addf(text, "Nothing stands out: the largest deviation, in the %s, is %.2f of what rejects a part.",
                    gad_place_name(gad_place_of(&at, r->width_px, r->height_px)), peak);
}

gad_status gad_findings_write(const gad_image *image, const gad_findings_map *map, gad_inspection *r, gad_error *err)
{
    gad_string text = {0};
    gad_box box[MAX_FINDINGS];
    gad_measurement m[MAX_FINDINGS];
    int count = 0;
    for (int i = 0; i < r->defect_count && count < MAX_FINDINGS; i++)
        if (r->defect[i].valid)
            box[count++] = (gad_box){r->defect[i].x1, r->defect[i].y1, r->defect[i].x2, r->defect[i].y2};
    gad_status status = count ? measure(image, box, count, m, err) : GAD_OK;
    if (!status && r->verdict == GAD_VERDICT_UNFAMILIAR)
        gad_string_addf(&text, "This does not look like the good parts at all (distance %.3f, limit %.3f).\n", r->distance,
                        r->distance_limit);
    if (!status && !count && r->verdict == GAD_VERDICT_NORMAL)
        write_normal(map, r, &text);
    for (int i = 0; i < count && !status; i++) {
        m[i].unusual = peak_under(map, &box[i], r->width_px, r->height_px, NULL);
        gad_string_addf(&text, "%s%d: ", i ? "\n" : "", i + 1);
        gad_measurement_write(&m[i], r->width_px, r->height_px, &text);
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
