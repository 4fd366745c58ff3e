/* teach: see teach.h. Here: the grammar as teacher. */
#include "data/teach.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "data/part.h"
#include "io/image.h"
#include "task/reasoning.h"

#include <string.h>

enum { BATCH = 32, MAX_BOXES = 64 };

gad_data_reason_settings gad_data_reason_default(void)
{
    gad_data_reason_settings s = {.filter = {.seed = 1},
                                  .server = gad_endpoint_default(),
                                  .tries = 3,
                                  .max_tokens = 1024,
                                  .backoff_s = 1,
                                  .rule = gad_text_check_default()};
    s.server.temperature = 0.7;
    return s;
}

gad_status gad_teach_write(const gad_sample *s, const float *change, uint64_t seed, bool brief, char **out, gad_error *err)
{
    gad_reasoning_finding findings[MAX_BOXES];
    int count = (int)(s->box_count < MAX_BOXES ? s->box_count : MAX_BOXES);
    for (int i = 0; i < count; i++) {
        const gad_sample_box *b = &s->boxes[i];
        findings[i] = (gad_reasoning_finding){.label = b->label, .box = b->box};
        if (change)
            memcpy(findings[i].change, change + 3 * i, sizeof findings[i].change);
    }
    /* An image-level label without a place: the whole image is the finding. */
    if (s->label && !count)
        findings[count++] = (gad_reasoning_finding){.label = s->type_count ? s->types[0] : "anomaly",
                                                    .box = {.x2 = s->width, .y2 = s->height}};
    gad_reasoning_facts facts = {.class_text = s->class_text ? s->class_text : s->class_name,
                                 .width = s->width,
                                 .height = s->height,
                                 .findings = findings,
                                 .count = count,
                                 .has_reference = s->reference_count > 0,
                                 .brief = brief};
    gad_rng rng = gad_rng_make(seed, gad_hash_bytes(s->id, strlen(s->id)).low);
    gad_string text = {0};
    gad_status status = gad_reasoning_write(&facts, &rng, &text, err);
    if (status)
        gad_string_free(&text);
    else
        *out = text.data;
    return status;
}

/* One sample on its way. */
typedef struct work {
    gad_sample sample;
    char *root, *text;
    bool mine;
    float change[3 * MAX_BOXES];
    gad_status status;
} work;

/* Mean colour of a grid of points inside a box given in shares of the image. */
static void mean_color(const gad_image *image, const int crop[4], double width, double height, gad_box b, double mean[3])
{
    double x0 = 0, y0 = 0, sx = (double)image->width / width, sy = (double)image->height / height;
    if (crop) {
        x0 = crop[0];
        y0 = crop[1];
    }
    memset(mean, 0, 3 * sizeof *mean);
    for (int i = 0; i < 256; i++) {
        double u = b.x1 + (b.x2 - b.x1) * ((i % 16 + 0.5) / 16), v = b.y1 + (b.y2 - b.y1) * ((i / 16 + 0.5) / 16);
        int64_t x = (int64_t)((u + x0) * sx), y = (int64_t)((v + y0) * sy);
        x = x < 0 ? 0 : x >= image->width ? image->width - 1 : x;
        y = y < 0 ? 0 : y >= image->height ? image->height - 1 : y;
        for (int c = 0; c < 3; c++)
            mean[c] += gad_image_row(image, y)[x * 3 + c] / 256.0;
    }
}

/* Test minus reference inside each box; zeros where an image cannot be read. */
static void measure_change(const char *root, work *l)
{
    gad_image test = {0}, normal = {0};
    const gad_sample *s = &l->sample;
    char *test_path = gad_file_join(root, s->image), *normal_path = gad_file_join(root, s->references[0].path);
    bool cropped = s->crop[2] > s->crop[0];
    if (test_path && normal_path && !gad_image_load_shrunk(test_path, 512, &test, NULL) &&
        !gad_image_load_shrunk(normal_path, 512, &normal, NULL)) {
        /* A view of a strip: boxes are in the crop, the file is as many views wide as its shape says. */
        double wide = cropped ? (double)s->height * (double)test.width / (double)test.height : s->width;
        for (size_t i = 0; i < s->box_count && i < MAX_BOXES; i++) {
            double a[3], b[3];
            mean_color(&test, cropped ? s->crop : NULL, wide, s->height, s->boxes[i].box, a);
            mean_color(&normal, cropped ? s->crop : NULL, wide, s->height, s->boxes[i].box, b);
            for (int c = 0; c < 3; c++)
                l->change[3 * i + (size_t)c] = (float)((a[c] - b[c]) / 255);
        }
    }
    gad_memory_free(test_path);
    gad_memory_free(normal_path);
    gad_image_free(&test);
    gad_image_free(&normal);
}

/* All that the text depends on. */
static gad_status key_of(const gad_teach_settings *settings, const char *root, const gad_sample *s, gad_hash *key)
{
    gad_string text = {0};
    gad_status status = gad_sample_to_json(s, &text, NULL);
    gad_string_addf(&text, "%s %llu %d %d %s", GAD_VERSION, (unsigned long long)settings->filter.seed, settings->brief,
                    settings->without_images, root);
    *key = gad_hash_bytes(gad_string_text(&text), text.length);
    status = text.failed ? GAD_E_MEMORY : status;
    gad_string_free(&text);
    return status;
}

/* The text of another process, as it was written there: one line, its ends of lines as \n of JSON. */
static bool find_text(const gad_part *part, gad_hash key, char **text)
{
    size_t length = 0;
    json_t *root = NULL;
    const char *line = gad_part_find(part, key, &length), *written;
    if (!line || gad_json_parse(line, length, "a part", &root, NULL))
        return false;
    if ((written = json_string_value(json_array_get(root, 0))))
        *text = gad_memory_copy_string(written);
    json_decref(root);
    return *text;
}

static gad_status leave_text(const gad_part *part, gad_hash key, const char *text)
{
    gad_string line = {0};
    gad_string_add(&line, "[");
    gad_string_add_json(&line, text);
    gad_string_add(&line, "]");
    gad_status status = line.failed ? GAD_E_MEMORY : gad_part_add(part, key, line.data, line.length, NULL);
    gad_string_free(&line);
    return status;
}

static void learn(const gad_teach_settings *settings, const gad_part *part, work *l)
{
    const gad_sample *s = &l->sample;
    gad_hash key;
    memset(l->change, 0, sizeof l->change);
    l->status = key_of(settings, l->root, s, &key);
    if (l->status || find_text(part, key, &l->text))
        return;
    if (!settings->without_images && s->box_count && s->reference_count)
        measure_change(l->root, l);
    l->status = gad_teach_write(s, l->change, settings->filter.seed, settings->brief, &l->text, NULL);
    if (!l->status && gad_part_is_share(part))
        l->status = leave_text(part, key, l->text);
}

bool gad_teach_keeps(const gad_sample *sample)
{
    bool own = sample->text_source && !strcmp(sample->text_source, "template");
    bool accepted = !sample->text_status || strcmp(sample->text_status, "fallback") != 0;
    return sample->think && *sample->think && accepted && !own;
}

/* One text into the store; a share's are counted only. */
static gad_status store_one(gad_store *store, const gad_part *part, work *l, gad_teach_report *report, gad_error *err)
{
    gad_sample text = {.row = l->sample.row,
                       .think = l->text,
                       .text_source = "template",
                       .text_status = "accepted",
                       .text_model = "grammar v1"};
    report->samples++;
    if (gad_teach_keeps(&l->sample)) {
        report->kept++;
        return GAD_OK;
    }
    report->accepted++;
    if (l->status)
        return gad_error_memory(err, "write texts", 0);
    return gad_part_is_share(part) ? GAD_OK : gad_store_put_text(store, &text, err);
}

static gad_status store_batch(gad_store *store, const gad_part *part, work *texts, int count, gad_teach_report *report,
                              gad_error *err)
{
    bool share = gad_part_is_share(part);
    gad_status status = share ? GAD_OK : gad_store_begin(store, err);
    for (int i = 0; i < count && !status; i++)
        if (texts[i].mine)
            status = store_one(store, part, &texts[i], report, err);
    if (share)
        return status;
    if (!status)
        return gad_store_commit(store, err);
    gad_store_rollback(store);
    return status;
}

/* The next samples. A fresh cursor per batch: the batch before it is stored by then, and none stays open while writing. */
static gad_status load_batch(gad_store *store, gad_part *part, const gad_store_filter *filter, work *texts, int *count,
                             gad_error *err)
{
    gad_store_cursor *cursor = NULL;
    bool found = true;
    int n = 0;
    gad_status status = gad_store_select(store, filter, &cursor, err);
    while (!status && found && n < BATCH) {
        status = gad_store_next(cursor, &texts[n].sample, &found, err);
        if (!status && found)
            status = gad_store_root(store, texts[n].sample.dataset, &texts[n].root, err);
        if (!status && found)
            texts[n++].mine = gad_part_takes(part);
    }
    gad_store_cursor_free(cursor);
    *count = n;
    return status;
}

static void clear_batch(work *texts, int count)
{
    for (int i = 0; i < count; i++) {
        gad_memory_free(texts[i].text);
        gad_memory_free(texts[i].root);
        texts[i].text = texts[i].root = NULL;
    }
}

static gad_status write_all(gad_store *store, const gad_teach_settings *settings, gad_part *part, work *texts,
                            gad_teach_report *report, gad_error *err)
{
    gad_store_filter filter = settings->filter;
    int64_t total = 0, done = 0;
    int n = 1;
    filter.limit = 0;
    filter.without_text = !settings->overwrite;
    gad_status status = gad_store_count(store, &filter, &total, err);
    total = settings->filter.limit && settings->filter.limit < total ? settings->filter.limit : total;
    gad_progress_meter meter = gad_progress_start(settings->progress, "write texts", total);
    while (!status && done < total && n) {
        filter.limit = total - done < BATCH ? total - done : BATCH;
        status = load_batch(store, part, &filter, texts, &n, err);
#pragma omp parallel for schedule(dynamic)
        for (int i = 0; i < n; i++)
            if (texts[i].mine)
                learn(settings, part, &texts[i]);
        if (!status)
            status = store_batch(store, part, texts, n, report, err);
        if (n)
            filter.after_row = texts[n - 1].sample.row;
        clear_batch(texts, n);
        done += n;
        if (!status && !gad_progress_update(&meter, done))
            status = gad_error_set(err, GAD_E_CANCELLED, "write texts", "what was written is kept; start again to go on",
                                   "cancelled");
    }
    return status;
}

gad_status gad_teach_template(gad_store *store, const gad_teach_settings *settings, gad_teach_report *report,
                              gad_error *err)
{
    double started = gad_clock_seconds();
    gad_part *part = NULL;
    *report = (gad_teach_report){0};
    work *texts = gad_memory_zero(BATCH, sizeof *texts);
    gad_status status = texts ? gad_part_open(gad_store_path(store), "reason", &settings->share, &part, err)
                              : gad_error_memory(err, "write texts", BATCH * sizeof *texts);
    if (!status)
        status = write_all(store, settings, part, texts, report, err);
    if (!status && !gad_part_is_share(part))
        status = gad_part_remove(part, err);
    gad_part_free(part);
    for (int i = 0; i < BATCH && texts; i++)
        gad_sample_free(&texts[i].sample);
    gad_memory_free(texts);
    report->seconds = gad_clock_seconds() - started;
    return status;
}
