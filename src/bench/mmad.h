/* mmad: the MMAD benchmark as items: its JSON, its seven sub-tasks, its request. In: mmad.json and the folder of its
 * images. Out: one item per question, and the parts of its request. Reference: docs/spec/benchmark.md part 2. Knows nothing
 * of models. */
#ifndef GAD_BENCH_MMAD_H
#define GAD_BENCH_MMAD_H
#include "base/arena.h"
#include "bench/item.h"
#include "bench/model.h"
#include "gad_bench.h"

enum { GAD_MMAD_TASKS = 7 };
/* In the order of the published tables: "Anomaly Detection", ..., "Object Analysis". */
const char *gad_mmad_task_name(int task);
/* Index of a question's type, merged types included; -1 when unknown. */
int gad_mmad_task_find(const char *type);

typedef struct gad_mmad_report {
    char hash[33];                    /* of the questions' file */
    int64_t images;                   /* that pass the filters, like the counts below */
    int64_t questions, all_questions; /* taken; in the whole file */
    int64_t missing_images, missing_templates;
    char first_missing[512];
    int64_t foreign_pills; /* images of metal nuts that early copies had among the good pills */
} gad_mmad_report;

/* Missing files are counted, not replaced: their questions will fail until the files are there. */
gad_status gad_mmad_load(const gad_bench_questions *questions, gad_items *items, gad_mmad_report *report, gad_error *err);

/* A wording is lines of text with {knowledge}, {references}, {count}, {query} and {question}. A line whose knowledge or
 * references are absent is left out. */
const char *gad_mmad_wording(void);
/* Parts of the request of an item; texts live in the arena. GAD_E_ARGUMENT when the wording has no place for the query
 * image, the question, the references or the knowledge that the item brings. */
gad_status gad_mmad_request(const char *wording, const gad_item *item, gad_arena *arena, gad_bench_part **part,
                            size_t *parts, gad_error *err);
#endif
