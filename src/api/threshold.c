/* threshold: gad_calibrate and what a threshold is made with, from pictures and from a benchmark run. Functions of gad.h
 * and gad_bench.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/picture.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "bench/record.h"
#include "gad_bench.h"
#include "inspect/threshold.h"

static const char operation[] = "calibrate a threshold";

gad_status gad_threshold_basis_make(const gad_engine *engine, gad_picture *const *good, int good_count, bool choose,
                                    const gad_inspect_settings *settings, gad_threshold_basis *basis, gad_error *err)
{
    gad_hash *hash = gad_memory_alloc((size_t)good_count + 1, sizeof *hash);
    if (!hash)
        return gad_error_memory(err, operation, (size_t)good_count * sizeof *hash);
    for (int i = 0; i < good_count; i++)
        hash[i] = good[i]->hash;
    gad_status status = gad_threshold_basis_fill(engine, hash, good_count, choose, settings, basis, err);
    gad_memory_free(hash);
    return status;
}

static gad_status calibrate(double *scores, size_t count, double rate, double confidence, const gad_threshold_basis *basis,
                            const char *settings, const char *path, gad_threshold *threshold, gad_error *err)
{
    gad_threshold t;
    gad_status status = gad_threshold_compute(scores, count, rate, confidence, &t, err);
    if (status)
        return status;
    t.basis = *basis;
    t.reasoned = !strcmp(basis->member[GAD_THRESHOLD_MODE], "reasoned");
    if (path)
        status = gad_threshold_write(&t, settings, path, err);
    if (!status)
        *threshold = t;
    return status;
}

gad_status gad_calibrate(double *scores, size_t count, double rate, double confidence, const gad_threshold_basis *basis,
                         const char *path, gad_threshold *threshold, gad_error *err)
{
    return calibrate(scores, count, rate, confidence, basis, "", path, threshold, err);
}

static bool is_reasoned(const gad_record *record)
{
    bool engine = !strcmp(gad_record_text(record, "model.kind", ""), "engine");
    return engine && !json_is_true(json_object_get(json_object_get(record->run, "model"), "fast"));
}

/* gad inspect takes pictures as they are. */
static void describe_mismatch(const gad_record *record, char *note, size_t size)
{
    const char *pictures = gad_record_text(record, "pictures.size", "original");
    if (strcmp(pictures, "original") != 0)
        snprintf(note, size,
                 "the run brought its pictures to another size (%s); gad inspect takes them as they are: run with "
                 "--image-size original",
                 pictures);
}

gad_status gad_calibrate_run(const char *run, const char *dataset, const char *class_name, double rate, double confidence,
                             const char *path, gad_threshold *threshold, gad_error *err)
{
    gad_record record;
    char settings[512];
    size_t count = 0;
    gad_status status = gad_record_open(run, &record, err);
    if (status)
        return status;
    double *scores = gad_memory_alloc(record.items.count, sizeof *scores);
    if (!scores)
        status = gad_error_memory(err, operation, record.items.count * sizeof *scores);
    for (size_t i = 0; !status && i < record.items.count; i++) {
        const gad_item *item = &record.items.item[i];
        const gad_row *row = &record.rows.of[i];
        bool wanted = !item->anomalous && (!dataset || !strcmp(item->dataset, dataset)) &&
                      (!class_name || !strcmp(item->category, class_name));
        if (wanted && row->id && row->answered && !isnan(row->score))
            scores[count++] = row->score;
    }
    if (!status && !count)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "choose a run with normal images whose model gives a score",
                               "%s: no scores of normal images", run);
    snprintf(settings, sizeof settings, "run %s, data set %s, class %s, reference %s, pictures %s", run,
             dataset ? dataset : "all", class_name ? class_name : "all", gad_record_text(&record, "plan.reference", "-"),
             gad_record_text(&record, "pictures.size", "-"));
    gad_threshold_basis basis = {0};
    snprintf(basis.member[GAD_THRESHOLD_MODEL], sizeof *basis.member, "%s",
             gad_record_text(&record, "model.weights", gad_record_text(&record, "model.name", "?")));
    snprintf(basis.member[GAD_THRESHOLD_MODE], sizeof *basis.member, "%s", is_reasoned(&record) ? "reasoned" : "fast");
    if (!status)
        status = calibrate(scores, count, rate, confidence, &basis, settings, path, threshold, err);
    if (!status)
        describe_mismatch(&record, threshold->note, sizeof threshold->note);
    gad_memory_free(scores);
    gad_record_free(&record);
    return status;
}
