/* threshold: gad_calibrate and its file. Translates between gad.h and the bench room. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "bench/calibrate.h"
#include "bench/record.h"
#include "gad_bench.h"
#include "generate/engine.h"

static gad_threshold public_form(const gad_calibration *c)
{
    return (gad_threshold){.value = c->threshold,
                           .rate = c->rate,
                           .confidence = c->confidence,
                           .reached = c->reached,
                           .supported = c->supported,
                           .rate_supported = c->rate_supported,
                           .normals = c->normals,
                           .normals_needed = c->normals_needed};
}

static gad_status calibrate(double *scores, size_t count, double rate, double confidence, const char *model,
                            const char *settings, const char *path, gad_threshold *threshold, gad_error *err)
{
    gad_calibration c;
    gad_status status = gad_calibrate_threshold(scores, count, rate, confidence, &c, err);
    if (!status && path)
        status = gad_calibrate_write(&c, model, settings, path, err);
    if (!status)
        *threshold = public_form(&c);
    return status;
}

gad_status gad_calibrate(double *scores, size_t count, double rate, double confidence, const char *model, const char *path,
                         gad_threshold *threshold, gad_error *err)
{
    return calibrate(scores, count, rate, confidence, model, "", path, threshold, err);
}

/* gad inspect --threshold decides fast answers about pictures as they are. */
static void describe_mismatch(const gad_record *record, char *note, size_t size)
{
    const char *pictures = gad_record_text(record, "pictures.size", "original");
    bool engine = !strcmp(gad_record_text(record, "model.kind", ""), "engine");
    if (engine && !json_is_true(json_object_get(json_object_get(record->run, "model"), "fast")))
        snprintf(note, size,
                 "these are scores of reasoned answers; gad inspect --threshold decides fast ones: run with --fast");
    else if (strcmp(pictures, "original") != 0)
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
        status = gad_error_memory(err, "calibrate a threshold", record.items.count * sizeof *scores);
    for (size_t i = 0; !status && i < record.items.count; i++) {
        const gad_item *item = &record.items.item[i];
        const gad_row *row = &record.rows.of[i];
        bool wanted = !item->anomalous && (!dataset || !strcmp(item->dataset, dataset)) &&
                      (!class_name || !strcmp(item->category, class_name));
        if (wanted && row->id && row->answered && !isnan(row->score))
            scores[count++] = row->score;
    }
    if (!status && !count)
        status = gad_error_set(err, GAD_E_ARGUMENT, "calibrate a threshold",
                               "choose a run with normal images whose model gives a score",
                               "%s: no scores of normal images", run);
    snprintf(settings, sizeof settings, "run %s, data set %s, class %s, reference %s, pictures %s", run,
             dataset ? dataset : "all", class_name ? class_name : "all", gad_record_text(&record, "plan.reference", "-"),
             gad_record_text(&record, "pictures.size", "-"));
    const char *model = gad_record_text(&record, "model.weights", gad_record_text(&record, "model.name", "?"));
    if (!status)
        status = calibrate(scores, count, rate, confidence, model, settings, path, threshold, err);
    if (!status)
        describe_mismatch(&record, threshold->note, sizeof threshold->note);
    gad_memory_free(scores);
    gad_record_free(&record);
    return status;
}

gad_status gad_threshold_read(const char *path, const char *model, gad_threshold *threshold, gad_error *err)
{
    gad_calibration c;
    gad_status status = gad_calibrate_read(path, model, &c, err);
    if (!status)
        *threshold = public_form(&c);
    return status;
}

gad_status gad_threshold_of_engine(const gad_engine *engine, gad_threshold *threshold, gad_error *err)
{
    char *path = gad_file_join(engine->folder, "threshold.json");
    if (!path)
        return gad_error_memory(err, "read a threshold", strlen(engine->folder));
    *threshold = (gad_threshold){.value = 0.5};
    gad_status status = gad_file_exists(path) ? gad_threshold_read(path, engine->hash, threshold, err) : GAD_OK;
    gad_memory_free(path);
    return status;
}
