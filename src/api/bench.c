/* bench: gad_bench_run: questions from a store, a list or MMAD, put to an engine, an endpoint or a baseline. Translates
 * between gad.h and the bench room. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "bench/mmad.h"
#include "bench/model_baseline.h"
#include "bench/model_endpoint.h"
#include "bench/model_engine.h"
#include "bench/model_product.h"
#include "bench/record.h"
#include "bench/run.h"
#include "bench/selection.h"
#include "bench/subset.h"
#include "gad_bench.h"
#include "inspect/inspect.h"

static const char operation[] = "run a benchmark";
static const char companion_name[] = "pixel-difference";

gad_bench_settings gad_bench_settings_default(void)
{
    return (gad_bench_settings){.max_failures = 20,
                                .questions = {.references = 1, .seed = 1},
                                .answers = {.max_tokens = 1024, .seed = 1},
                                .endpoint = {.server = gad_endpoint_default(),
                                             .probabilities = true,
                                             .factor = 28,
                                             .min_pixels = 3136,
                                             .max_pixels = 1003520}};
}

/* Good parts in place of a model; they and the inspected pictures are taken as they are. */
static gad_status open_product(const gad_bench_settings *s, gad_bench_model *model, gad_error *err)
{
    char shots[24] = "all";
    if (s->questions.references < INT64_MAX)
        snprintf(shots, sizeof shots, "%lld", (long long)s->questions.references);
    return gad_model_product(s->learning, shots, model, err);
}

static gad_status check_settings(const gad_bench_settings *s, gad_error *err)
{
    const gad_bench_questions *q = &s->questions;
    if (!s->out)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "no folder for the run is named");
    if ((q->store != NULL) + (q->items != NULL) + (q->mmad != NULL) != 1)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                             "give one source of questions: a store, a list of items, or an MMAD folder");
    if ((s->engine != NULL) + (s->endpoint.server.url != NULL) + (s->baseline != GAD_BASELINE_NONE) +
            (s->learning != NULL) !=
        1)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                             "give one model: a checkpoint, an endpoint, a baseline, or good parts to learn");
    if (s->learning && (q->mmad || q->references < 1))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%s",
                             q->mmad ? "what is learnt from good parts cannot answer MMAD's questions in words"
                                     : "nothing can be learnt from no good part");
    if (s->hints != GAD_HINTS_NONE && (q->mmad || s->baseline || s->learning || q->references < 1))
        return gad_error_set(
            err, GAD_E_ARGUMENT, operation, NULL,
            "evidence is for a checkpoint or an endpoint that is shown a good part and asked for anomalies");
    return GAD_OK;
}

/* ---- questions ---- */

static gad_status select_samples(const gad_bench_settings *s, gad_items *items, gad_error *err)
{
    gad_store *store = NULL;
    gad_selection_report report;
    gad_status status = gad_store_open(s->questions.store, GAD_SQLITE_READ, &store, err);
    if (!status)
        status = gad_selection_make(store, &s->questions, s->learning != NULL, items, &report, err);
    gad_store_close(store);
    if (!status && report.without_reference)
        gad_log_warning(s->log,
                        "%lld of %lld samples have no reference and are asked without; gad data pair finds references",
                        (long long)report.without_reference, (long long)report.taken);
    return status;
}

static gad_status load_mmad(const gad_bench_settings *s, gad_items *items, gad_error *err)
{
    gad_mmad_report report;
    gad_status status = gad_mmad_load(&s->questions, items, &report, err);
    if (status)
        return status;
    gad_log_info(s->log, "MMAD: %lld of %lld questions on %lld images; file %s", (long long)report.questions,
                 (long long)report.all_questions, (long long)report.images, report.hash);
    if (report.missing_images || report.missing_templates)
        gad_log_warning(s->log, "%lld images and %lld templates are missing (the first: %s); their questions will fail",
                        (long long)report.missing_images, (long long)report.missing_templates, report.first_missing);
    if (report.foreign_pills)
        gad_log_warning(s->log, "%lld of the good pills have the size of metal nuts: an early, faulty copy of MMAD",
                        (long long)report.foreign_pills);
    return GAD_OK;
}

static gad_status read_list(const gad_bench_questions *q, gad_items *items, gad_error *err)
{
    gad_status status = gad_item_read(q->items, items, err);
    if (status)
        return status;
    gad_subset_filter(items, q->datasets, q->dataset_count, q->classes, q->class_count);
    return gad_subset_draw(items, q->limit, q->seed, err);
}

/* Items of the run that is there, else of the source. */
static gad_status find_items(const gad_bench_settings *s, gad_items *items, gad_error *err)
{
    char *manifest = gad_file_join(s->out, "run.json"), *stored = gad_file_join(s->out, "items.jsonl");
    gad_status status;
    if (!manifest || !stored)
        status = gad_error_memory(err, operation, strlen(s->out));
    else if (gad_file_exists(manifest))
        status = gad_item_read(stored, items, err);
    else if (s->questions.items)
        status = read_list(&s->questions, items, err);
    else
        status = s->questions.mmad ? load_mmad(s, items, err) : select_samples(s, items, err);
    gad_memory_free(manifest);
    gad_memory_free(stored);
    return status;
}

static json_t *list_of(const char *const *list, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(list[i]));
    return array;
}

/* "from" may change between calls: the items are stored. */
static json_t *describe_plan(const gad_bench_questions *q)
{
    const char *kind = q->store ? "store" : q->items ? "items" : "mmad";
    const char *from = q->store ? q->store : q->items ? q->items : q->mmad;
    json_t *plan = json_pack("{s:s, s:s, s:o, s:o, s:I, s:I}", "source", kind, "from", from, "datasets",
                             list_of(q->datasets, q->dataset_count), "classes", list_of(q->classes, q->class_count),
                             "limit", (json_int_t)q->limit, "seed", (json_int_t)q->seed);
    if (q->limit)
        json_object_set_new(plan, "limit_rule", json_string(GAD_SUBSET_RULE));
    if (q->store) {
        json_object_set_new(plan, "preset", json_string(gad_selection_preset_name(q)));
        json_object_set_new(plan, "reference", json_string(gad_selection_reference_name(q->reference)));
        json_object_set_new(plan, "references", json_integer((json_int_t)q->references));
    } else if (q->items) {
        json_object_set_new(plan, "preset", json_string("own list"));
        json_object_set_new(plan, "reference", json_string("as listed"));
    } else {
        json_object_set_new(plan, "shots", json_integer((json_int_t)q->references));
        json_object_set_new(plan, "templates", json_string(q->similar_templates ? "similar" : "random"));
    }
    return plan;
}

/* ---- the model ---- */

static gad_status open_baseline(const gad_bench_settings *s, gad_baseline baseline, gad_bench_model *model, gad_error *err)
{
    if (baseline == GAD_BASELINE_DIFFERENCE)
        return gad_model_baseline_difference(&s->difference, model, err);
    *model = gad_model_baseline_constant(baseline == GAD_BASELINE_YES);
    return GAD_OK;
}

static gad_status open_engine(const gad_bench_settings *s, gad_engine **engine, gad_bench_model *model, gad_error *err)
{
    gad_engine_options options = *s->engine;
    options.image_size = NULL; /* pictures come in the size that the run asks for */
    gad_status status = gad_engine_open(&options, engine, err);
    return status ? status : gad_model_engine(*engine, &options, &s->answers, model, err);
}

/* ---- asking ---- */

static gad_status read_size(const gad_bench_settings *s, gad_request_settings *request, gad_error *err)
{
    const char *size = s->learning ? "original" : s->image_size ? s->image_size : s->questions.mmad ? "original" : "canvas";
    char *end;
    if (!strcmp(size, "canvas") || !strcmp(size, "original")) {
        request->size = *size == 'c' ? GAD_REQUEST_CANVAS : GAD_REQUEST_ORIGINAL;
        return GAD_OK;
    }
    long longest = strtol(size, &end, 10);
    if (end == size || *end || longest < 1 || longest > 100000)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                             "image size \"%s\" is neither canvas, original nor a number of pixels", size);
    request->size = GAD_REQUEST_LONGEST;
    request->longest = longest;
    return GAD_OK;
}

/* One model over the items, into one folder. */
static gad_status ask_model(const gad_bench_settings *s, const gad_run_settings *run, gad_bench_model *model,
                            gad_items *items, gad_run_result *result, gad_error *err)
{
    gad_request *request = NULL;
    gad_request_settings ask = {.mmad = s->questions.mmad != NULL,
                                .prompt_file = s->prompt_file || s->questions.mmad ? s->prompt_file : model->prompt_file,
                                .knowledge = s->knowledge,
                                .learns = model->learns,
                                .convention = model->convention,
                                .order = model->order,
                                .input = model->input,
                                .hints = s->hints,
                                .learning = s->evidence};
    gad_status status = s->hints != GAD_HINTS_NONE && model->compares ? gad_inspect_refuse_hints(err) : GAD_OK;
    if (!status)
        status = read_size(s, &ask, err);
    if (!status)
        status = gad_request_open(&ask, &request, err);
    if (!status)
        status = gad_run_prepare(run, model, request, items, err);
    if (!status)
        status = gad_run_execute(run, model, request, items, s->log, s->progress, result, err);
    gad_request_free(request);
    return status;
}

static bool any_reference(const gad_items *items)
{
    for (size_t i = 0; i < items->count; i++)
        if (items->item[i].reference_count)
            return true;
    return false;
}

/* The pixel difference of the same items, in a folder inside the run: what every figure is shown against. */
static gad_status ask_companion(const gad_bench_settings *s, const gad_run_settings *run, gad_items *items, gad_error *err)
{
    gad_bench_settings own = *s;
    gad_bench_model model;
    gad_run_result unused;
    char *folder = gad_file_join(s->out, companion_name);
    if (!folder)
        return gad_error_memory(err, operation, strlen(s->out));
    gad_run_settings inside = *run;
    inside.folder = folder;
    inside.items_path = "../items.jsonl";
    inside.max_failures = 0;
    own.prompt_file = NULL;
    own.knowledge = false;
    own.hints = GAD_HINTS_NONE;
    gad_status status = open_baseline(&own, GAD_BASELINE_DIFFERENCE, &model, err);
    if (!status) {
        status = ask_model(&own, &inside, &model, items, &unused, err);
        model.free(model.self);
    }
    gad_memory_free(folder);
    return status;
}

static gad_status run_items(const gad_bench_settings *s, gad_items *items, gad_bench_result *result, gad_error *err)
{
    json_t *plan = describe_plan(&s->questions);
    gad_engine *engine = NULL;
    gad_bench_model model = {0};
    gad_run_result counts = {0};
    gad_run_settings run = {.folder = s->out,
                            .protocol = s->questions.mmad ? "mmad" : "mmr-ad",
                            .plan = plan,
                            .share = s->share,
                            .max_failures = s->baseline       ? 0
                                            : s->max_failures ? s->max_failures
                                                              : 20};
    gad_status status = s->engine                ? open_engine(s, &engine, &model, err)
                        : s->endpoint.server.url ? gad_model_endpoint_open(&s->endpoint, &s->answers, &model, err)
                        : s->learning            ? open_product(s, &model, err)
                                                 : open_baseline(s, s->baseline, &model, err);
    if (!status) {
        if (s->started)
            s->started(s->started_user);
        status = ask_model(s, &run, &model, items, &counts, err);
        model.free(model.self);
    }
    gad_engine_free(engine);
    *result = (gad_bench_result){.items = counts.items,
                                 .answered = counts.answered,
                                 .open = counts.open,
                                 .asked = counts.asked,
                                 .failed = counts.failed};
    memcpy(result->first_failure, counts.first_failure, sizeof result->first_failure);
    bool companion = !s->questions.mmad && !s->without_difference && !s->learning && s->baseline != GAD_BASELINE_DIFFERENCE;
    if (!status && companion && any_reference(items))
        status = ask_companion(s, &run, items, err);
    json_decref(plan);
    return status;
}

gad_status gad_bench_run(const gad_bench_settings *settings, gad_bench_result *result, gad_error *err)
{
    gad_items items = {0};
    gad_bench_result counts = {0};
    gad_status status = check_settings(settings, err);
    if (!status)
        status = find_items(settings, &items, err);
    if (!status)
        status = run_items(settings, &items, &counts, err);
    gad_item_free(&items);
    if (!status)
        *result = counts;
    else if (counts.items)
        gad_log_info(settings->log, "%lld of %lld answers are stored in %s", (long long)counts.answered,
                     (long long)counts.items, settings->out);
    return status;
}
