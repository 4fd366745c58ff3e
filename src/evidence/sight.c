/* sight: see sight.h */
#include "evidence/sight.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "evidence/distances.h"

static const char operation[] = "compare a picture with good parts";

/* What a logit adds to a distance, where it is positive (by a softplus): what helps cookies, toys and screws
 * (docs/results.md). */
static const double slope = 0.04;

float gad_sight_raise(float distance, float logit)
{
    const double z = (double)logit;
    return distance + (float)(slope * (z > 30 ? z : log1p(exp(z))));
}

/* With what the head says. */
static gad_status look_closely(const gad_bank *bank, const gad_map_head *head, gad_device *device,
                               const gad_descriptors *picture, int64_t except, float *distance, gad_error *err)
{
    const int64_t cells = picture->rows * picture->cols, maps = gad_distances_maps(&picture->levels);
    float *map = gad_memory_alloc((size_t)((maps + 1) * cells), sizeof *map), *logit = map ? map + maps * cells : NULL;
    if (!map)
        return gad_error_memory(err, operation, (size_t)((maps + 1) * cells) * sizeof *map);
    gad_status status = gad_distances_make(bank, device, picture, except, map, err);
    if (!status)
        status = gad_map_head_run(head, device, map, picture->rows, picture->cols, logit, err);
    for (int64_t i = 0; !status && i < cells; i++)
        distance[i] = map[i] < 0 ? -1 : gad_sight_raise(map[i], logit[i]);
    gad_memory_free(map);
    return status;
}

gad_status gad_sight_look(const gad_bank *bank, const gad_map_head *head, gad_device *device,
                          const gad_descriptors *picture, int64_t except, float *distance, gad_error *err)
{
    const int64_t cells = picture->rows * picture->cols;
    if (head && gad_map_head_exists(head))
        return look_closely(bank, head, device, picture, except, distance, err);
    gad_status status = gad_bank_compare(bank, device, picture->data, cells, except, distance, err);
    for (int64_t i = 0; !status && i < cells; i++)
        if (gad_descriptor_is_blank(picture, i))
            distance[i] = -1;
    return status;
}
