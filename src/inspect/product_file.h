/* product_file: a product as one file: a safetensors file with the rows of the bank, the parts as whole pictures, and a
 * text (JSON) that says the rest, without a date, so that equal input gives equal files. Reading maps the rows. In: a
 * product or a path. Out: a file or a product. */
#ifndef GAD_INSPECT_PRODUCT_FILE_H
#define GAD_INSPECT_PRODUCT_FILE_H
#include "gad_product.h"
#include "inspect/product.h"

gad_status gad_product_file_write(const gad_product *product, const char *path, gad_error *err);
/* Without a backbone: what it says can be read, nothing can be inspected. */
gad_status gad_product_file_read(const char *path, gad_product **product, gad_error *err);
#endif
