/* produce: see produce.h. Pairs are made and written by all threads, a batch at a time; the store gets them in order. */
#include "data/produce.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/file_resume.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/progress.h"
#include "data/part.h"
#include "io/image.h"

#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 64, PATH_BYTES = 1024, THREADS_MOST = 64 };

/* A normal image of the source dataset, by name only. */
typedef struct photo_file {
    char *path, *class_text, *class_name;
} photo_file;

typedef struct factory {
    gad_store *store;
    const gad_data_synth_settings *settings;
    gad_data_synthesised *report;
    photo_file *photos;
    size_t photo_count, photo_capacity;
    FILE *lines;
    char *root;
    gad_part *part;
    gad_hash made_of; /* all settings that a pair depends on */
} factory;

gad_data_synth_settings gad_data_synth_default(void)
{
    return (gad_data_synth_settings){
        .synth = gad_synth_default(), .out = "synth", .name = "synth", .count = 1000, .seed = 1, .jpeg_quality = 95};
}

static void close_photos(factory *f)
{
    for (size_t i = 0; i < f->photo_count; i++) {
        gad_memory_free(f->photos[i].path);
        gad_memory_free(f->photos[i].class_text);
        gad_memory_free(f->photos[i].class_name);
    }
    gad_memory_free(f->photos);
}

/* Paths of the normals that may be trained on. Held-out images are no material. */
static gad_status open_photos(factory *f, gad_error *err)
{
    gad_store_cursor *cursor = NULL;
    gad_store_filter filter = {0};
    gad_sample s = {0};
    char *root = NULL;
    bool found = true;
    filter.dataset = f->settings->from;
    filter.label = GAD_DATA_NORMAL;
    filter.split = "train";
    gad_status status = gad_store_root(f->store, f->settings->from, &root, err);
    if (!status)
        status = gad_store_select(f->store, &filter, &cursor, err);
    while (!status && found) {
        status = gad_store_next(cursor, &s, &found, err);
        if (status || !found || s.crop[2] > s.crop[0])
            continue;
        if (!gad_memory_grow((void **)&f->photos, &f->photo_capacity, f->photo_count, sizeof *f->photos)) {
            status = gad_error_memory(err, "make synthetic pairs", f->photo_count * sizeof *f->photos);
            break;
        }
        photo_file *p = &f->photos[f->photo_count++];
        *p = (photo_file){gad_file_join(root, s.image), gad_memory_copy_string(s.class_text ? s.class_text : s.class_name),
                          gad_memory_copy_string(s.class_name)};
        if (!p->path || !p->class_text || !p->class_name)
            status = gad_error_memory(err, "make synthetic pairs", 0);
    }
    if (!status && !f->photo_count)
        status = gad_error_set(err, GAD_E_ARGUMENT, "make synthetic pairs", "held-out datasets cannot be used",
                               "%s: it has no normal images in the split train", f->settings->from);
    gad_sample_free(&s);
    gad_store_cursor_free(cursor);
    gad_memory_free(root);
    return status;
}

static gad_status save(const factory *f, unsigned char *pixels, int width, int height, int channels, const char *relative,
                       gad_error *err)
{
    char path[2 * PATH_BYTES];
    gad_image image = {.width = width, .height = height, .channels = channels, .pixels = pixels};
    snprintf(path, sizeof path, "%s/%s", f->root, relative);
    return f->settings->jpeg_quality && channels == 3 ? gad_image_save_jpeg(&image, f->settings->jpeg_quality, path, err)
                                                      : gad_image_save_png(&image, path, err);
}

/* One finished pair as a sample with its texts. */
typedef struct product {
    gad_sample sample;
    gad_status status;
    gad_error err;
} product;

static bool describe(const factory *f, const gad_synth_pair *pair, int64_t index, const char *class_name, product *p)
{
    gad_sample *s = &p->sample;
    char text[256], image[128], rule[160];
    gad_mask_rule boxes = gad_mask_rule_default();
    const char *extension = f->settings->jpeg_quality ? "jpg" : "png", *type = pair->count ? pair->boxes[0].label : "good";
    *s = (gad_sample){.view = -1, .label = pair->count > 0, .width = pair->width, .height = pair->height};
    snprintf(image, sizeof image, "images/%08lld.%s", (long long)index, extension);
    snprintf(text, sizeof text, "%s/%s/train/%s/%08lld", f->settings->name, class_name, type, (long long)index);
    for (char *c = text; *c; c++)
        *c = *c == ' ' ? '_' : *c;
    boxes.max_boxes = 4;
    gad_mask_rule_text(&boxes, rule, sizeof rule);
    bool good = gad_sample_set(&s->id, text) && gad_sample_set(&s->dataset, f->settings->name) &&
                gad_sample_set(&s->class_name, class_name) && gad_sample_set(&s->class_text, pair->class_text) &&
                gad_sample_set(&s->split, "train") && gad_sample_set(&s->group, text) && gad_sample_set(&s->image, image) &&
                gad_sample_set(&s->think, pair->think) && gad_sample_set(&s->text_source, "template") &&
                gad_sample_set(&s->text_status, "accepted") && gad_sample_set(&s->text_model, "grammar v1") &&
                gad_sample_set(&s->license, f->settings->from ? "as the source image" : "made by gad") &&
                gad_sample_set(&s->reference_method, "synth");
    if (pair->count) {
        snprintf(text, sizeof text, "masks/%08lld.png", (long long)index);
        good = good && gad_sample_set(&s->mask, text) && gad_sample_set(&s->mask_encoding, "binary") &&
               gad_sample_set(&s->box_rule, rule);
    }
    for (int i = 0; i < pair->references && good; i++) {
        snprintf(text, sizeof text, "references/%08lld_%d.%s", (long long)index, i, extension);
        good = gad_sample_add_reference(s, text, NULL, 0);
    }
    for (int i = 0; i < pair->count && good; i++) {
        const gad_synth_box *b = &pair->boxes[i];
        good = gad_sample_add_box(s, b->box, b->label, "synth");
        if (good)
            s->boxes[i].area = b->area;
    }
    return good && gad_sample_settle(s);
}

static gad_status write_files(const factory *f, gad_synth_pair *pair, product *p, gad_error *err)
{
    const gad_sample *s = &p->sample;
    gad_status status = save(f, pair->test, pair->width, pair->height, 3, s->image, err);
    for (int i = 0; i < pair->references && !status; i++)
        status = save(f, pair->reference[i], pair->width, pair->height, 3, s->references[i].path, err);
    if (!status && s->mask) {
        for (int64_t i = 0; i < (int64_t)pair->width * pair->height; i++)
            pair->mask[i] = pair->mask[i] ? 255 : 0;
        status = save(f, pair->mask, pair->width, pair->height, 1, s->mask, err);
    }
    char path[2 * PATH_BYTES];
    gad_hash hash;
    snprintf(path, sizeof path, "%s/%s", f->root, s->image);
    if (!status)
        status = gad_hash_file(path, &hash, err);
    if (!status)
        gad_hash_text(hash, p->sample.hash);
    return status;
}

/* A photograph, seen twice. */
static gad_status from_photo(const factory *f, gad_synth_work *work, int64_t index, gad_synth_pair *pair,
                             const char **class_name, gad_error *err)
{
    gad_rng rng = gad_rng_make(f->settings->seed ^ 0x9107, (uint64_t)index);
    const photo_file *file = &f->photos[gad_rng_below(&rng, (uint32_t)f->photo_count)];
    gad_image image = {0};
    int side = f->settings->synth.width > f->settings->synth.height ? f->settings->synth.width : f->settings->synth.height;
    gad_status status = gad_image_load_shrunk(file->path, 2 * side, &image, err);
    if (!status) {
        gad_synth_photo photo = {image.pixels, (int)image.width, (int)image.height};
        status = gad_synth_make_photo(work, f->settings->seed, (uint64_t)index, &photo, 1, file->class_text, pair, err);
    }
    *class_name = file->class_name;
    gad_image_free(&image);
    return status;
}

/* A pair that another process made: its files are there and its sample is in a part. */
static bool find_made(const factory *f, gad_hash key, product *p)
{
    char path[2 * PATH_BYTES];
    size_t length = 0;
    const char *line = gad_part_find(f->part, key, &length);
    json_t *root = NULL;
    if (!line || gad_json_parse(line, length, "a part", &root, NULL))
        return false;
    bool good = !gad_sample_from_json(root, "a part", &p->sample, NULL);
    json_decref(root);
    if (good) {
        snprintf(path, sizeof path, "%s/%s", f->root, p->sample.image);
        good = gad_file_exists(path);
    }
    if (!good)
        gad_sample_free(&p->sample);
    return good;
}

static gad_hash key_of(const factory *f, int64_t index)
{
    return gad_hash_combine(f->made_of, gad_hash_bytes(&index, sizeof index));
}

static gad_status leave_made(const factory *f, gad_hash key, const gad_sample *sample, gad_error *err)
{
    gad_string line = {0};
    gad_status status = GAD_OK;
    if (gad_part_is_share(f->part))
        status = gad_sample_to_json(sample, &line, err);
    if (!status)
        status = gad_part_add(f->part, key, line.data, line.length, err);
    gad_string_free(&line);
    return status;
}

static void make_one(const factory *f, gad_synth_work *work, gad_synth_pair *pair, int64_t index, product *p)
{
    const gad_hash key = key_of(f, index);
    p->status = GAD_OK;
    if (find_made(f, key, p))
        return;
    char made[96];
    const char *class_name = made;
    p->status = f->photo_count ? from_photo(f, work, index, pair, &class_name, &p->err)
                               : gad_synth_make(work, f->settings->seed, (uint64_t)index, pair, &p->err);
    if (p->status)
        return;
    if (!f->photo_count)
        snprintf(made, sizeof made, "%s_%llu", gad_scene_family_name(pair->family), (unsigned long long)pair->class_index);
    p->status = describe(f, pair, index, class_name, p) ? write_files(f, pair, p, &p->err)
                                                        : gad_error_memory(&p->err, "make synthetic pairs", 0);
    if (!p->status)
        p->status = leave_made(f, key, &p->sample, &p->err);
}

static gad_status store_one(factory *f, product *p, gad_error *err)
{
    gad_store_change change;
    gad_string line = {0};
    gad_status status = gad_store_put(f->store, &p->sample, &change, err);
    if (!status)
        status = gad_sample_to_json(&p->sample, &line, err);
    if (!status && fprintf(f->lines, "%s\n", line.data) < 0)
        status = gad_error_system(err, "make synthetic pairs", "samples.jsonl", errno);
    gad_string_free(&line);
    return status;
}

/* In the order of pairs; a share's are counted only. */
static gad_status settle_one(factory *f, product *p, gad_error *err)
{
    if (p->status) {
        if (err)
            *err = p->err;
        return p->status;
    }
    gad_status status = gad_part_is_share(f->part) ? GAD_OK : store_one(f, p, err);
    f->report->pairs++;
    f->report->anomalous += p->sample.label;
    f->report->boxes += (int64_t)p->sample.box_count;
    return status;
}

static gad_status run(factory *f, gad_error *err)
{
    const gad_data_synth_settings *s = f->settings;
    int threads = omp_get_max_threads() < THREADS_MOST ? omp_get_max_threads() : THREADS_MOST;
    gad_synth_work *works[THREADS_MOST] = {NULL};
    gad_synth_pair *pairs = gad_memory_zero((size_t)threads, sizeof *pairs);
    product *products = gad_memory_zero(BATCH, sizeof *products);
    gad_progress_meter meter = gad_progress_start(s->progress, "synthesise", s->count);
    gad_status status = pairs && products ? GAD_OK : gad_error_memory(err, "make synthetic pairs", 0);
    for (int i = 0; i < threads && !status; i++)
        status = gad_synth_work_new(&s->synth, &works[i], err);
    for (int64_t from = 0; from < s->count && !status; from += BATCH) {
        int n = (int)(s->count - from < BATCH ? s->count - from : BATCH);
        bool mine[BATCH];
        for (int i = 0; i < n; i++)
            mine[i] = gad_part_takes(f->part);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
        for (int i = 0; i < n; i++)
            if (mine[i])
                make_one(f, works[omp_get_thread_num()], &pairs[omp_get_thread_num()], (int64_t)s->first + from + i,
                         &products[i]);
        for (int i = 0; i < n; i++) {
            if (!status && mine[i])
                status = settle_one(f, &products[i], err);
            gad_sample_free(&products[i].sample);
        }
        if (!status && !gad_progress_update(&meter, from + n))
            status = gad_error_set(err, GAD_E_CANCELLED, "make synthetic pairs", NULL, "cancelled");
    }
    for (int i = 0; i < threads && pairs; i++) {
        gad_synth_work_free(works[i]);
        gad_synth_free(&pairs[i]);
    }
    gad_memory_free(pairs);
    gad_memory_free(products);
    return status;
}

/* The folder itself; then, once it is known to be ours, those inside. */
static gad_status make_root(factory *f, gad_error *err)
{
    gad_status status = gad_file_make_directory(f->settings->out, err);
    char *resolved = status ? NULL : realpath(f->settings->out, NULL);
    f->root = resolved ? gad_memory_copy_string(resolved) : NULL;
    free(resolved);
    return status || f->root ? status : gad_error_memory(err, "make synthetic pairs", 0);
}

static gad_status make_folders(const factory *f, gad_error *err)
{
    static const char *const subs[] = {"images", "references", "masks"};
    char path[PATH_BYTES];
    gad_status status = GAD_OK;
    for (int i = 0; i < 3 && !status; i++) {
        snprintf(path, sizeof path, "%s/%s", f->root, subs[i]);
        status = gad_file_make_directory(path, err);
        if (!status && gad_share_is_whole(&f->settings->share))
            gad_file_resume_tidy(path); /* what a killed process left half written */
    }
    return status;
}

/* ---- a folder that is there already ---- */

/* All that pair number n depends on. A longer run of the same settings continues a set. */
static json_t *record(const gad_data_synth_settings *s)
{
    const gad_synth_settings *y = &s->synth;
    return json_pack("{s:i,s:i,s:i,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:b,s:I,s:i,s:s?}", "width", y->width, "height",
                     y->height, "references", y->references, "scenes", (json_int_t)y->families, "kinds",
                     (json_int_t)y->kinds, "class_seed", (json_int_t)y->class_seed, "first_class",
                     (json_int_t)y->first_class, "classes", (json_int_t)y->class_count, "normal", y->normal_share,
                     "strength_low", y->strength_low, "strength_high", y->strength_high, "nuisance", y->nuisance,
                     "same_piece", y->same_piece, "brief", (int)y->brief, "seed", (json_int_t)s->seed, "jpeg",
                     s->jpeg_quality, "from", s->from);
}

/* The first setting that a set was not made with; NULL: it is the same. */
static const char *difference(const json_t *known, const json_t *wanted)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)wanted, key, value)
        if (!json_equal(value, json_object_get(known, key)))
            return key;
    return NULL;
}

static gad_status check_known(const factory *f, const char *path, const json_t *wanted, gad_error *err)
{
    json_t *known = NULL;
    gad_status status = gad_json_load(path, &known, err);
    const char *key = status ? NULL : difference(known, wanted);
    if (key)
        status = gad_error_set(err, GAD_E_ARGUMENT, "make synthetic pairs",
                               "give another --out and --name, or --force to replace it",
                               "%s holds a set that was made with another \"%s\"", f->root, key);
    json_decref(known);
    return status;
}

/* Nobody's pictures are overwritten by those of other settings. */
static gad_status claim_folder(const factory *f, gad_error *err)
{
    static const char *const made[] = {"samples.jsonl", "images", "references", "masks"};
    char path[2 * PATH_BYTES];
    json_t *wanted = record(f->settings);
    gad_status status = wanted ? GAD_OK : gad_error_memory(err, "make synthetic pairs", 0);
    snprintf(path, sizeof path, "%s/synth.json", f->root);
    if (!status && !f->settings->force && gad_file_exists(path)) {
        status = check_known(f, path, wanted, err);
    } else if (!status && !f->settings->force) {
        for (size_t i = 0; i < sizeof made / sizeof *made && !status; i++) {
            char other[2 * PATH_BYTES];
            snprintf(other, sizeof other, "%s/%s", f->root, made[i]);
            if (gad_file_exists(other))
                status = gad_error_set(err, GAD_E_ARGUMENT, "make synthetic pairs", "give another --out, or --force",
                                       "%s: was not made by these settings, and would be overwritten", other);
        }
    }
    if (!status)
        status = gad_json_write(path, wanted, err);
    json_decref(wanted);
    return status;
}

/* A name in the store stands for one folder. */
static gad_status claim_name(const factory *f, gad_error *err)
{
    char *root = NULL;
    gad_error unknown;
    if (gad_store_root(f->store, f->settings->name, &root, &unknown))
        return GAD_OK;
    gad_status status = GAD_OK;
    if (strcmp(root, f->root) != 0 && !f->settings->force)
        status = gad_error_set(err, GAD_E_ARGUMENT, "make synthetic pairs", "give the set another --name, or --force",
                               "\"%s\" is the dataset in %s already", f->settings->name, root);
    gad_memory_free(root);
    return status;
}

/* All settings, and the folder that the files are in. */
static gad_status open_part(factory *f, gad_error *err)
{
    char job[256];
    json_t *made = record(f->settings);
    char *text = made ? json_dumps(made, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
    json_decref(made);
    if (!text)
        return gad_error_memory(err, "make synthetic pairs", 0);
    const char *const parts[] = {GAD_VERSION, text, f->root, f->settings->name};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        f->made_of = gad_hash_combine(f->made_of, gad_hash_bytes(parts[i], strlen(parts[i])));
    free(text);
    snprintf(job, sizeof job, "synth-%.200s", f->settings->name);
    return gad_part_open(gad_store_path(f->store), job, &f->settings->share, &f->part, err);
}

/* The samples into samples.jsonl and the store, or neither. */
static gad_status run_stored(factory *f, gad_error *err)
{
    gad_file_writer lines = {0};
    char path[2 * PATH_BYTES];
    snprintf(path, sizeof path, "%s/samples.jsonl", f->root);
    gad_status status = gad_file_writer_open(&lines, path, err);
    if (status)
        return status;
    f->lines = lines.stream;
    gad_store_dataset d = {.name = f->settings->name,
                           .root = f->root,
                           .title = "synthetic defects",
                           .license = f->settings->from ? "as the source images" : "made by gad",
                           .citation = "",
                           .home = ""};
    status = gad_store_begin(f->store, err);
    if (!status)
        status = gad_store_put_dataset(f->store, &d, err);
    if (!status)
        status = run(f, err);
    if (!status)
        status = gad_file_writer_commit(&lines, err);
    else
        gad_file_writer_discard(&lines);
    if (!status)
        status = gad_store_commit(f->store, err);
    else
        gad_store_rollback(f->store);
    return status ? status : gad_part_remove(f->part, err);
}

gad_status gad_produce_run(gad_store *store, const gad_data_synth_settings *settings, gad_data_synthesised *report,
                           gad_error *err)
{
    factory f = {.store = store, .settings = settings, .report = report};
    double started = gad_clock_seconds();
    *report = (gad_data_synthesised){0};
    gad_status status = gad_synth_check(&settings->synth, err);
    if (!status)
        status = make_root(&f, err);
    if (!status)
        status = claim_name(&f, err);
    if (!status)
        status = claim_folder(&f, err);
    if (!status)
        status = make_folders(&f, err);
    if (!status && settings->from)
        status = open_photos(&f, err);
    if (!status)
        status = open_part(&f, err);
    if (!status)
        status = gad_part_is_share(f.part) ? run(&f, err) : run_stored(&f, err);
    gad_part_free(f.part);
    close_photos(&f);
    gad_memory_free(f.root);
    report->seconds = gad_clock_seconds() - started;
    return status;
}
