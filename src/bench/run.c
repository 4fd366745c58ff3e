/* run: see run.h */
#include "bench/run.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "bench/record.h"
#include "bench/row.h"

#include <string.h>

enum { FAILURES_SHOWN = 10 };
static const char operation[] = "run a benchmark";

/* ---- run.json ---- */

static json_t *describe_counts(const gad_items *items)
{
    int64_t anomalous = 0, boxes = 0, unlocalized = 0, without_reference = 0;
    for (size_t i = 0; i < items->count; i++) {
        const gad_item *item = &items->item[i];
        anomalous += item->anomalous;
        boxes += (int64_t)item->box_count;
        unlocalized += item->anomalous && !item->box_count;
        without_reference += item->reference_count == 0;
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "items", (json_int_t)items->count, "normal",
                     (json_int_t)items->count - anomalous, "anomalous", (json_int_t)anomalous, "boxes", (json_int_t)boxes,
                     "anomalous_without_boxes", (json_int_t)unlocalized, "without_reference",
                     (json_int_t)without_reference);
}

static json_t *describe_model(const gad_bench_model *model)
{
    json_t *own = model->describe(model->self), *all = json_pack("{s:s}", "name", model->name);
    if (own && all)
        json_object_update_missing(all, own);
    json_decref(own);
    return all;
}

/* What must be the same for a run to go on. */
static json_t *describe_settings(const gad_run_settings *s, const gad_bench_model *model, const gad_request *ask)
{
    static const char *const sizes[] = {"canvas", "original", "longest"};
    const gad_request_settings *a = gad_request_settings_of(ask);
    const char *order = model->order == GAD_BOX_YX ? "yx" : "xy";
    json_t *plan = s->plan ? json_deep_copy(s->plan) : json_object();
    json_t *root = json_pack("{s:s, s:s, s:s, s:o, s:{s:s, s:s}, s:o, s:{s:s, s:I}, s:o}", "schema", GAD_RECORD_SCHEMA,
                             "protocol", s->protocol, "items", s->items_path ? s->items_path : "items.jsonl", "model",
                             describe_model(model), "adapter", "coordinates", gad_box_convention_name(model->convention),
                             "order", order, "prompt", gad_request_describe(ask), "pictures", "size", sizes[a->size],
                             "longest", (json_int_t)a->longest, "plan", plan);
    return root;
}

/* First key of `settings` whose value differs in `stored`, as a path; false when all agree. */
static bool find_difference(const json_t *settings, const json_t *stored, gad_string *path)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)settings, key, value) {
        const json_t *other = json_object_get(stored, key);
        if (!other && !strcmp(key, "evidence") && !strcmp(json_string_value(value), "none")) /* of runs before there was */
            continue;
        if (json_equal(value, other) || !strcmp(key, "endpoint") || !strcmp(key, "from")) /* servers and files may move */
            continue;
        size_t length = path->length;
        gad_string_addf(path, "%s%s", length ? "." : "", key);
        if (!json_is_object(value) || !json_is_object(other) || find_difference(value, other, path))
            return true;
        path->length = length;
    }
    return false;
}

static gad_status check_same(const char *path, const json_t *settings, gad_error *err)
{
    json_t *stored = NULL;
    gad_string where = {0};
    gad_status status = gad_json_load(path, &stored, err);
    if (!status && find_difference(settings, stored, &where))
        status = gad_error_set(err, GAD_E_ARGUMENT, operation,
                               "repeat the command with the settings of that run, or choose another folder with --out",
                               "%s was made with another %s", path, gad_string_text(&where));
    gad_string_free(&where);
    json_decref(stored);
    return status;
}

static gad_status write_new(const gad_run_settings *s, const char *path, json_t *root, const gad_items *items,
                            gad_error *err)
{
    char stamp[32], hash_text[33], *items_path = gad_record_items_path(s->folder, root);
    gad_hash hash;
    gad_status status = items_path ? gad_file_make_directory(s->folder, err) : gad_error_memory(err, operation, 0);
    if (!status && !s->items_path)
        status = gad_item_write(items, items_path, err);
    if (!status)
        status = gad_hash_file(items_path, &hash, err);
    gad_memory_free(items_path);
    if (status)
        return status;
    gad_clock_stamp(stamp, sizeof stamp);
    gad_hash_text(hash, hash_text);
    json_object_set_new(root, "created", json_string(stamp));
    json_object_set_new(root, "gad", json_string(GAD_VERSION));
    json_object_set_new(root, "counts", describe_counts(items));
    json_object_set_new(root, "items_hash", json_string(hash_text));
    return gad_json_write(path, root, err); /* last: a folder with run.json is complete */
}

gad_status gad_run_prepare(const gad_run_settings *s, const gad_bench_model *model, const gad_request *ask,
                           const gad_items *items, gad_error *err)
{
    char *path = gad_file_join(s->folder, "run.json");
    json_t *root = describe_settings(s, model, ask);
    gad_status status = GAD_OK;
    if (!path || !root)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "the settings cannot be written as JSON (not UTF-8?)");
    else if (gad_file_exists(path))
        status = check_same(path, root, err);
    else if (!items->count)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "look at the filters; gad data list shows what is imported",
                               "there is no sample to ask about");
    else
        status = write_new(s, path, root, items, err);
    json_decref(root);
    gad_memory_free(path);
    return status;
}

/* ---- asking ---- */

typedef struct session {
    const gad_run_settings *settings;
    gad_bench_model *model;
    gad_request *ask;
    const gad_items *items;
    const gad_log *log;
    gad_row_writer writer;
    gad_progress_meter meter;
    gad_run_result *result;
    int64_t failures_in_a_row;
} session;

static bool ends_run(gad_status status)
{
    return status == GAD_E_CANCELLED || status == GAD_E_ARGUMENT || status == GAD_E_MEMORY || status == GAD_E_DEVICE ||
           status == GAD_E_INTERNAL;
}

static void free_reply(gad_bench_reply *reply)
{
    gad_string_free(&reply->text);
    gad_memory_free(reply->map);
    *reply = gad_bench_reply_start();
}

/* Store what came of item `index`: an answer, or the failure that `why` tells. */
static gad_status store(session *s, size_t index, const gad_bench_reply *reply, const gad_error *why, gad_error *err)
{
    gad_row row = {.id = s->items->item[index].id,
                   .answered = !why,
                   .text = gad_string_text(&reply->text),
                   .error = why ? why->cause : NULL,
                   .finish = reply->finish[0] ? reply->finish : NULL,
                   .prompt_tokens = reply->prompt_tokens,
                   .answer_tokens = reply->answer_tokens,
                   .attempts = reply->attempts,
                   .score = reply->score,
                   .latency_s = reply->latency_s,
                   .first_s = reply->first_s,
                   .input_width = reply->input_width,
                   .input_height = reply->input_height,
                   .map_offset = -1,
                   .map_width = reply->map_width,
                   .map_height = reply->map_height};
    gad_status status = gad_row_append(&s->writer, &row, why ? NULL : reply->map, err);
    if (status)
        return status;
    s->result->asked++;
    *(why ? &s->result->failed : &s->result->answered) += 1;
    s->failures_in_a_row = why ? s->failures_in_a_row + 1 : 0;
    if (why) {
        if (s->result->failed <= FAILURES_SHOWN)
            gad_log_warning(s->log, "%s: %s%s", row.id, why->cause,
                            s->result->failed == FAILURES_SHOWN ? " (further failures are only stored)" : "");
        if (!s->result->first_failure[0])
            snprintf(s->result->first_failure, sizeof s->result->first_failure, "%s: %s", row.id, why->cause);
    }
    if (s->settings->max_failures && s->failures_in_a_row >= s->settings->max_failures)
        return gad_error_set(err, GAD_E_NETWORK, operation, "repeat the command to go on when the cause is gone",
                             "%lld requests failed one after the other; the last: %s", (long long)s->failures_in_a_row,
                             why->cause);
    if (!gad_progress_update(&s->meter, s->result->asked))
        return gad_error_set(err, GAD_E_CANCELLED, operation, "repeat the command to go on", "stopped by the caller");
    return GAD_OK;
}

/* What a call returned, as a stored row or as the end of the run. */
static gad_status settle(session *s, size_t index, gad_status status, gad_bench_reply *reply, const gad_error *why,
                         gad_error *err)
{
    if (ends_run(status)) {
        if (err)
            *err = *why;
    } else {
        status = store(s, index, reply, status ? why : NULL, err);
    }
    free_reply(reply);
    return status;
}

static gad_status ask_one(session *s, size_t index, gad_error *err)
{
    gad_bench_request request;
    gad_bench_reply reply = gad_bench_reply_start();
    gad_error why = {0};
    gad_status status = gad_request_build(s->ask, &s->items->item[index], s->model->wants_pictures, &request, &why);
    if (!status)
        status = s->model->answer(s->model->self, &request, &reply, &why);
    return settle(s, index, status, &reply, &why, err);
}

static gad_status ask_in_turn(session *s, const size_t *todo, size_t count, gad_error *err)
{
    gad_status status = GAD_OK;
    for (size_t k = 0; k < count && !status; k++)
        status = ask_one(s, todo[k], err);
    return status;
}

/* Queue the request of an item; *queued false when it failed already and was stored so. */
static gad_status submit_one(session *s, size_t index, bool *queued, gad_error *err)
{
    gad_bench_request request;
    gad_bench_reply reply = gad_bench_reply_start();
    gad_error why = {0};
    gad_status status = gad_request_build(s->ask, &s->items->item[index], s->model->wants_pictures, &request, &why);
    if (!status)
        status = s->model->submit(s->model->self, &request, (int64_t)index, &why);
    *queued = !status;
    return status ? settle(s, index, status, &reply, &why, err) : GAD_OK;
}

static gad_status collect_one(session *s, bool *got, gad_error *err)
{
    gad_bench_reply reply = gad_bench_reply_start();
    gad_error why = {0};
    int64_t tag = -1;
    gad_status status = s->model->collect(s->model->self, .25, &reply, &tag, got, &why);
    if (*got || status)
        return settle(s, tag < 0 ? 0 : (size_t)tag, status, &reply, &why, err);
    if (!gad_progress_update(&s->meter, s->result->asked))
        return gad_error_set(err, GAD_E_CANCELLED, operation, "repeat the command to go on", "stopped by the caller");
    return GAD_OK;
}

static gad_status ask_in_flight(session *s, const size_t *todo, size_t count, gad_error *err)
{
    gad_status status = GAD_OK;
    int64_t pending = 0;
    for (size_t next = 0; !status && (next < count || pending);) {
        bool queued, got = false;
        if (next < count && pending < s->model->in_flight) {
            status = submit_one(s, todo[next++], &queued, err);
            pending += queued;
        } else {
            status = collect_one(s, &got, err);
            pending -= got;
        }
    }
    return status;
}

/* Items of this process's share without an answer; counts what is there. Answers of earlier failures are asked again. */
static gad_status find_todo(const gad_run_settings *settings, gad_items *items, size_t *todo, size_t *count,
                            gad_run_result *result, const gad_log *log, gad_error *err)
{
    gad_rows rows;
    gad_status status = gad_row_read(settings->folder, items, &rows, err);
    if (status)
        return status;
    for (size_t i = 0; i < items->count; i++)
        if (gad_share_has(&settings->share, (int64_t)i) && (!rows.of[i].id || !rows.of[i].answered))
            todo[(*count)++] = i;
    result->answered = rows.answered;
    if (rows.answered || rows.failed)
        gad_log_info(log, "%s: %lld answers are there, %zu to ask%s", settings->folder, (long long)rows.answered, *count,
                     rows.failed ? " (failed requests are repeated)" : "");
    gad_row_free(&rows);
    return GAD_OK;
}

/* What the folder holds now, with what others wrote beside this process. */
static gad_status count_all(const gad_run_settings *settings, gad_items *items, gad_run_result *result, gad_error *err)
{
    gad_rows rows;
    gad_status status = gad_row_read(settings->folder, items, &rows, err);
    if (status)
        return status;
    result->answered = rows.answered;
    result->open = (int64_t)items->count - rows.answered - rows.failed;
    gad_row_free(&rows);
    return GAD_OK;
}

gad_status gad_run_execute(const gad_run_settings *settings, gad_bench_model *model, gad_request *ask, gad_items *items,
                           const gad_log *log, const gad_progress *progress, gad_run_result *result, gad_error *err)
{
    *result = (gad_run_result){.items = (int64_t)items->count};
    session s = {.settings = settings, .model = model, .ask = ask, .items = items, .log = log, .result = result};
    size_t count = 0, *todo = gad_memory_alloc(items->count, sizeof *todo);
    if (!todo)
        return gad_error_memory(err, operation, items->count * sizeof *todo);
    gad_status status = gad_row_open(&s.writer, settings->folder, &settings->share, err);
    if (status) {
        gad_memory_free(todo);
        return status;
    }
    status = find_todo(settings, items, todo, &count, result, log, err);
    if (!status && model->wants_pictures)
        status = gad_request_expect(ask, items->item, todo, count, err);
    if (!status) {
        s.meter = gad_progress_start(progress, model->name, (int64_t)count);
        status = model->answer ? ask_in_turn(&s, todo, count, err) : ask_in_flight(&s, todo, count, err);
    }
    gad_error late;
    gad_status closed = gad_row_close(&s.writer, &late);
    if (!status && closed) {
        status = closed;
        if (err)
            *err = late;
    }
    gad_request_expect(ask, NULL, NULL, 0, NULL); /* the list goes */
    gad_memory_free(todo);
    return status ? status : count_all(settings, items, result, err);
}
