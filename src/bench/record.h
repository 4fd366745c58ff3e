/* record: a run folder as it lies on the disk: settings (run.json), items, rows. In: a folder. Out: one value that scoring,
 * report and comparison read. Knows nothing of models. */
#ifndef GAD_BENCH_RECORD_H
#define GAD_BENCH_RECORD_H
#include "bench/item.h"
#include "bench/row.h"
#include "bench/scoring.h"
#include "gad.h"

#include <jansson.h>

#define GAD_RECORD_SCHEMA "gad-bench/1"

typedef struct gad_record {
    char *folder;
    json_t *run; /* run.json; docs/formats.md, "Benchmark runs" */
    gad_items items;
    gad_rows rows;
} gad_record;

gad_status gad_record_open(const char *folder, gad_record *record, gad_error *err);
void gad_record_free(gad_record *record);

/* A string of run.json by path ("model.name"), or `fallback`. Belongs to the record. */
const char *gad_record_text(const gad_record *record, const char *path, const char *fallback);
int64_t gad_record_integer(const gad_record *record, const char *path, int64_t fallback);
/* Scoring choices with the coordinates that the run's adapter states. */
gad_status gad_record_choices(const gad_record *record, gad_scoring_choices *choices, gad_error *err);
/* The run whose items a record shares ("items" of run.json: a companion of another run) or its own folder; the caller's
 * (gad_memory_free). */
char *gad_record_items_path(const char *folder, const json_t *run);
#endif
