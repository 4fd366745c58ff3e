/* run: asks a model every item of a run folder that has no answer yet, and stores each answer as it comes. In: folder,
 * items, model. Out: rows on disk. A stopped or killed run goes on where it was. Knows nothing of scores. */
#ifndef GAD_BENCH_RUN_H
#define GAD_BENCH_RUN_H
#include "base/share.h"
#include "bench/item.h"
#include "bench/model.h"
#include "bench/request.h"
#include "gad.h"

typedef struct gad_run_settings {
    const char *folder;
    const char *items_path; /* shared items, relative to the folder; NULL: the folder's own items.jsonl */
    const char *protocol;   /* "mmr-ad" or "mmad" */
    const json_t *plan;     /* how the items were chosen; a run is resumed only with the same */
    int64_t max_failures;   /* so many failed requests in a row end the run; 0: never */
    gad_share share;        /* of the items that this process asks */
} gad_run_settings;

/* Make the folder with run.json and items.jsonl, or check that an existing one has the same settings (GAD_E_ARGUMENT names
 * the first that differs). Items of an existing folder are kept as they are. */
gad_status gad_run_prepare(const gad_run_settings *settings, const gad_bench_model *model, const gad_request *ask,
                           const gad_items *items, gad_error *err);

typedef struct gad_run_result {
    int64_t items, answered; /* of the whole folder, now */
    int64_t open;            /* of the whole folder: neither answered nor failed yet */
    int64_t asked, failed;   /* in this call */
    char first_failure[512]; /* of this call; "" when there was none */
} gad_run_result;

/* Ask what is missing, failed requests of earlier calls included. After the call every answer that came is on disk,
 * whatever it returns; GAD_E_CANCELLED when the progress callback asked to stop. Failed requests are no error: see
 * `result`. */
gad_status gad_run_execute(const gad_run_settings *settings, gad_bench_model *model, gad_request *ask, gad_items *items,
                           const gad_log *log, const gad_progress *progress, gad_run_result *result, gad_error *err);
#endif
