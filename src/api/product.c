/* product: gad_product_inspect and gad_product_explain of gad_product.h: pictures as the inspect room takes them. */
#include "inspect/product.h"
#include "api/picture.h"
#include "base/memory.h"
#include "gad_product.h"
#include "inspect/explain.h"

gad_status gad_product_inspect(gad_product *product, const gad_picture *part, double threshold, gad_inspection *result,
                               gad_error *err)
{
    return gad_product_look(product, &part->image, threshold, result, err);
}

gad_status gad_product_explain(gad_engine *engine, gad_picture *const *good, int good_count, const gad_picture *part,
                               const gad_inspect_settings *settings, gad_inspection *result, gad_error *err)
{
    gad_turn_part *picture = NULL;
    int count;
    gad_status status = gad_picture_turn(good, good_count, part, &picture, &count, err);
    if (!status)
        status = gad_explain(engine, picture, count, settings, result, err);
    gad_memory_free(picture);
    return status;
}
