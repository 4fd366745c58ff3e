/* fuzz_product: any bytes as the file of a product. What is read obeys the rules of products and comes back when it is
 * written. */
#include "base/file.h"
#include "base/memory.h"
#include "evidence/bank.h"
#include "gad_product.h"
#include "inspect/product_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check(bool rule)
{
    if (!rule)
        __builtin_trap();
}

static void check_product(const gad_product *p)
{
    gad_product_info info;
    gad_product_describe(p, &info);
    check(p->bank.parts > 0 && p->bank.count > 0 && isfinite(info.threshold.value));
    for (int64_t i = 0; i < info.parts; i++) {
        const char *name;
        double distance;
        bool odd;
        gad_product_part(p, i, &name, &distance, &odd);
        check(name != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    char folder[] = "/tmp/gad-fuzz-product-XXXXXX";
    char *path = mkdtemp(folder) ? gad_file_join(folder, "a.gad") : NULL,
         *copy = path ? gad_file_join(folder, "b.gad") : NULL;
    gad_product *product = NULL, *again = NULL;
    gad_error err = {0};
    if (copy && gad_file_write(path, data, size_bytes, NULL) == GAD_OK) {
        if (gad_product_file_read(path, &product, &err) == GAD_OK) {
            check_product(product);
            check(gad_product_file_write(product, copy, NULL) == GAD_OK);
            check(gad_product_file_read(copy, &again, NULL) == GAD_OK && again->bank.parts == product->bank.parts);
        } else {
            check(err.code && err.cause[0]);
        }
        gad_product_free(again);
        gad_product_free(product);
    }
    if (path)
        gad_file_remove(folder, NULL);
    gad_memory_free(copy);
    gad_memory_free(path);
    return 0;
}
