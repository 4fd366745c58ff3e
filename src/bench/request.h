/* request: the request of an item: its images in the size that models get, its text, hints of a comparison. In: item,
 * protocol, wording. Out: a request. Keeps the references of the last item and what was learnt from them, so that a fixed
 * reference is read once. Knows nothing of models. */
#ifndef GAD_BENCH_REQUEST_H
#define GAD_BENCH_REQUEST_H
#include "bench/item.h"
#include "bench/model.h"
#include "gad_product.h"
#include "task/question.h"

typedef enum gad_request_size {
    GAD_REQUEST_CANVAS,   /* shorter side 448, as the benchmark's annotations are drawn */
    GAD_REQUEST_ORIGINAL, /* as stored */
    GAD_REQUEST_LONGEST   /* longer side at most gad_request_settings.longest, never enlarged */
} gad_request_size;

typedef struct gad_request_settings {
    bool mmad;
    const char *prompt_file; /* NULL: the built-in wording */
    bool knowledge;          /* name the anomaly types that may occur */
    bool learns;             /* references are given as files, not as pictures */
    gad_request_size size;
    int64_t longest;
    gad_box_convention convention; /* what the text says about coordinates */
    gad_box_order order;
    gad_preprocess input;               /* as of gad_bench_model */
    gad_hints hints;                    /* after the question: what a product of the item's references finds in the image */
    const gad_learn_settings *learning; /* how that is learnt; borrowed */
} gad_request_settings;

typedef struct gad_request gad_request;

gad_status gad_request_open(const gad_request_settings *settings, gad_request **ask, gad_error *err);
void gad_request_free(gad_request *ask);
const gad_request_settings *gad_request_settings_of(const gad_request *ask);
/* {"id", "hash", "text"} of the wording. New reference. */
json_t *gad_request_describe(const gad_request *ask);
/* Which items will be asked about, in this order: the image of the next one is read in a thread of its own. Both lists are
 * the caller's and must outlive `ask` or the next call; none: nothing is read ahead. */
gad_status gad_request_expect(gad_request *ask, const gad_item *items, const size_t *coming, size_t count, gad_error *err);
/* The request belongs to `ask` and lives until the next call. Images are left out unless `pictures`. */
gad_status gad_request_build(gad_request *ask, const gad_item *item, bool pictures, gad_bench_request *request,
                             gad_error *err);
#endif
