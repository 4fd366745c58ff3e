/* ask: the request of an item: its images in the size that models get, its text. In: item, protocol, wording. Out: a
 * request. Keeps the references of the last item, so that a fixed reference is read once. Knows nothing of models. */
#ifndef GAD_BENCH_ASK_H
#define GAD_BENCH_ASK_H
#include "bench/item.h"
#include "bench/model.h"
#include "task/question.h"

typedef enum gad_ask_size {
    GAD_ASK_CANVAS,   /* shorter side 448, as the benchmark's annotations are drawn */
    GAD_ASK_ORIGINAL, /* as stored */
    GAD_ASK_LONGEST   /* longer side at most gad_ask_settings.longest, never enlarged */
} gad_ask_size;

typedef struct gad_ask_settings {
    bool mmad;
    const char *prompt_file; /* NULL: the built-in wording */
    bool knowledge;          /* name the anomaly types that may occur */
    gad_ask_size size;
    int64_t longest;
    gad_box_convention convention; /* what the text says about coordinates */
    gad_box_order order;
} gad_ask_settings;

typedef struct gad_ask gad_ask;

gad_status gad_ask_open(const gad_ask_settings *settings, gad_ask **ask, gad_error *err);
void gad_ask_free(gad_ask *ask);
const gad_ask_settings *gad_ask_settings_of(const gad_ask *ask);
/* {"id", "hash", "text"} of the wording. New reference. */
json_t *gad_ask_describe(const gad_ask *ask);
/* The request belongs to `ask` and lives until the next call. Images are left out unless `pictures`. */
gad_status gad_ask_build(gad_ask *ask, const gad_item *item, bool pictures, gad_bench_request *request, gad_error *err);
#endif
