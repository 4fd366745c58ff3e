/* sight: see sight.h */
#include "evidence/sight.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "evidence/distances.h"

static const char operation[] = "compare a picture with good parts";

/* Without knowledge of the product: what helps cookies, toys and screws (docs/results.md). */
static const double usual_slope = 0.04, least_slope = 0.02, most_slope = 0.12;
/* Usual deviations of good parts, which count as so many parts: a few say little of them. */
static const float nothing = -100; /* the logit of a cell that is not looked at */
static const double usual_distance = 0.03, usual_logit = 0.6, usual_parts = 8;

gad_sight gad_sight_make(void)
{
    return (gad_sight){.slope = usual_slope};
}

/* The standard deviation, drawn to the usual one. */
static double deviation(const double *value, int64_t count, double usual, double *mean)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++)
        sum += value[i];
    *mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++)
        squares += (value[i] - *mean) * (value[i] - *mean);
    return sqrt((squares + usual_parts * usual * usual) / ((double)count + usual_parts));
}

void gad_sight_fit(gad_sight *sight, const double *distance, const double *logit, int64_t parts)
{
    double mean_distance, mean_logit;
    const double scatter = deviation(distance, parts, usual_distance, &mean_distance) / usual_distance,
                 doubt = deviation(logit, parts, usual_logit, &mean_logit) / usual_logit;
    sight->slope = fmin(fmax(usual_slope * scatter / doubt, least_slope), most_slope);
    sight->level = mean_logit * (double)parts / ((double)parts + usual_parts);
}

void gad_sight_raise(const gad_sight *sight, float *distance, const float *logit, int64_t cells)
{
    for (int64_t i = 0; logit && i < cells; i++) {
        const double z = (double)logit[i] - sight->level;
        if (distance[i] >= 0)
            distance[i] += (float)(sight->slope * (z > 30 ? z : log1p(exp(z))));
    }
}

gad_status gad_sight_measure(const gad_bank *bank, const gad_sight *sight, gad_device *device,
                             const gad_descriptors *picture, int64_t except, float *distance, float *logit, gad_error *err)
{
    const int64_t cells = picture->rows * picture->cols, maps = gad_distances_maps(&picture->levels);
    gad_status status = GAD_OK;
    if (!gad_map_head_exists(&sight->head) || !logit) {
        status = gad_bank_compare(bank, device, picture->data, cells, except, distance, err);
        for (int64_t i = 0; !status && i < cells; i++)
            distance[i] = gad_descriptor_is_blank(picture, i) ? -1 : distance[i];
        return status;
    }
    float *map = gad_memory_alloc((size_t)(maps * cells), sizeof *map);
    if (!map)
        return gad_error_memory(err, operation, (size_t)(maps * cells) * sizeof *map);
    status = gad_distances_make(bank, device, picture, except, map, err);
    if (!status)
        status = gad_map_head_run(&sight->head, device, map, picture->rows, picture->cols, logit, err);
    for (int64_t i = 0; !status && i < cells; i++) {
        distance[i] = map[i];
        logit[i] = map[i] < 0 ? nothing : logit[i];
    }
    gad_memory_free(map);
    return status;
}

gad_status gad_sight_look(const gad_bank *bank, const gad_sight *sight, gad_device *device, const gad_descriptors *picture,
                          float *distance, gad_error *err)
{
    const int64_t cells = picture->rows * picture->cols;
    float *logit = NULL;
    if (gad_map_head_exists(&sight->head) && !(logit = gad_memory_alloc((size_t)cells, sizeof *logit)))
        return gad_error_memory(err, operation, (size_t)cells * sizeof *logit);
    gad_status status = gad_sight_measure(bank, sight, device, picture, -1, distance, logit, err);
    if (!status)
        gad_sight_raise(sight, distance, logit, cells);
    gad_memory_free(logit);
    return status;
}
