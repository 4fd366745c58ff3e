/* inspect: gad_inspect of gad.h: pictures as the inspect room takes them, what a product sees of the part as hints. */
#include "inspect/inspect.h"
#include "api/picture.h"
#include "base/memory.h"
#include "inspect/product.h"

#include <math.h>

/* A model without a map of its own shows the product's. */
static void take_heat(gad_inspection *result, gad_inspection *seen)
{
    if (result->heat || !seen->heat)
        return;
    result->heat = seen->heat;
    result->heat_width = seen->heat_width;
    result->heat_height = seen->heat_height;
    result->difference = seen->difference;
    seen->heat = NULL;
}

gad_status gad_inspect(gad_engine *engine, gad_picture *const *good, int good_count, const gad_picture *part,
                       const gad_inspect_settings *settings, gad_inspection *result, gad_error *err)
{
    gad_turn_part *picture = NULL;
    gad_inspection seen = {0}, *hints = NULL;
    int count;
    gad_status status = gad_picture_turn(good, good_count, part, &picture, &count, err);
    if (status)
        return status;
    if (settings->hints != GAD_HINTS_NONE && settings->product) {
        status = gad_engine_compares(engine) ? gad_inspect_refuse_hints(err)
                                             : gad_product_look(settings->product, &part->image, NAN, &seen, err);
        hints = &seen;
    }
    if (!status)
        status = gad_inspect_pictures(engine, picture, count, hints, settings, result, err);
    if (!status)
        take_heat(result, &seen);
    gad_inspection_clear(&seen);
    gad_memory_free(picture);
    return status;
}
