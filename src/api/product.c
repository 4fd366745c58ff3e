/* product: gad_product_inspect of gad.h: a picture as the inspect room takes it. */
#include "inspect/product.h"
#include "api/picture.h"
#include "gad_product.h"

gad_status gad_product_inspect(gad_product *product, const gad_picture *part, double threshold, gad_inspection *result,
                               gad_error *err)
{
    return gad_product_look(product, &part->image, threshold, result, err);
}
