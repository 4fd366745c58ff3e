/* model_product: a memory of good parts behind the benchmark's interface: each item's references are learnt as a product
 * (inspect/product.h), once for all items that have the same. In: a request with the files of its references. Out: the
 * product's answer. Knows nothing of truth. */
#ifndef GAD_BENCH_MODEL_PRODUCT_H
#define GAD_BENCH_MODEL_PRODUCT_H
#include "bench/model.h"
#include "gad_product.h"

/* `settings` are borrowed: how products are learnt. `shots`: how many good parts are wanted, as reports name it. */
gad_status gad_model_product(const gad_learn_settings *settings, const char *shots, gad_bench_model *model, gad_error *err);
#endif
