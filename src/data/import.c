/* import: see import.h. Entries are copied into a queue of BATCH; a full queue is measured by all threads and stored by
 * this one, in order. */
#include "data/import.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "data/alike.h"
#include "data/import_part.h"
#include "data/measure.h"
#include "data/seen.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 64 };

/* An entry whose strings lie in `text`. */
typedef struct queued {
    gad_import_entry entry;
    char *memory;
} queued;

struct gad_import {
    gad_store *store;
    gad_import_settings settings;
    char *dataset, *folder, *license, *source_url;
    gad_mask_rule rule;
    queued queue[BATCH];
    int queued;
    gad_measure_result *results;
    gad_seen ids, images; /* by whom an id is used; which images there were */
    gad_alike *alike;
    gad_import_report report;
    int64_t number;
    bool open;
    gad_progress_meter meter;
};

static const char *const PROBLEM_NAMES[GAD_IMPORT_PROBLEMS] = {
    "missing image",   "unreadable image",     "missing mask",
    "unreadable mask", "mask of another size", "mask with unexpected values",
    "empty mask",      "mask without image",   "bad box",
    "bad record",      "unlabelled image"};

const char *gad_import_problem_name(gad_import_problem problem)
{
    return PROBLEM_NAMES[problem];
}

gad_status gad_import_open(gad_store *store, const gad_import_settings *settings, gad_import **out, gad_error *err)
{
    gad_import *import = gad_memory_zero(1, sizeof *import);
    if (!import)
        return gad_error_memory(err, "import a dataset", sizeof *import);
    import->store = store;
    import->settings = *settings;
    import->rule = gad_mask_rule_default();
    import->results = gad_memory_alloc(BATCH, sizeof *import->results);
    bool good = gad_sample_set(&import->dataset, settings->dataset) && gad_sample_set(&import->folder, settings->folder) &&
                gad_sample_set(&import->license, settings->license) &&
                gad_sample_set(&import->source_url, settings->source_url);
    if (!good || !import->results) {
        gad_import_free(import);
        return gad_error_memory(err, "import a dataset", sizeof *import->results * BATCH);
    }
    import->settings.dataset = import->dataset;
    import->settings.folder = import->folder;
    import->settings.license = import->license;
    import->settings.source_url = import->source_url;
    import->meter = gad_progress_start(settings->progress, "import", 0);
    gad_status status = gad_alike_open(import->folder, &import->alike, err);
    if (!status)
        status = gad_store_begin(store, err);
    if (!status) {
        import->open = true;
        status = gad_store_start_import(store, settings->dataset, &import->number, err);
    }
    if (status) {
        gad_import_free(import);
        return status;
    }
    *out = import;
    return GAD_OK;
}

static void drop_queue(gad_import *import)
{
    for (int i = 0; i < import->queued; i++)
        gad_memory_free(import->queue[i].memory);
    import->queued = 0;
}

void gad_import_free(gad_import *import)
{
    if (!import)
        return;
    if (import->open)
        gad_store_rollback(import->store);
    drop_queue(import);
    gad_memory_free(import->results);
    gad_seen_free(&import->ids);
    gad_seen_free(&import->images);
    gad_alike_free(import->alike);
    gad_memory_free(import->dataset);
    gad_memory_free(import->folder);
    gad_memory_free(import->license);
    gad_memory_free(import->source_url);
    gad_memory_free(import);
}

const char *gad_import_folder(const gad_import *import)
{
    return import->folder;
}

bool gad_import_takes_every_annotation(const gad_import *import)
{
    return import->settings.every_annotation;
}

const gad_log *gad_import_log(const gad_import *import)
{
    return import->settings.log;
}

const struct gad_catalog_list *gad_import_catalog(const gad_import *import)
{
    return import->settings.catalog;
}

static gad_status add_note(gad_import *import, gad_import_problem problem, const char *path, const char *text,
                           gad_error *err)
{
    if (import->report.problems[problem]++ < 20)
        gad_log_warning(import->settings.log, "%s: %s: %s", PROBLEM_NAMES[problem], path, text);
    return gad_store_add_problem(import->store, import->dataset, PROBLEM_NAMES[problem], path, text, err);
}

gad_status gad_import_note(gad_import *import, gad_import_problem problem, const char *path, gad_error *err,
                           const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return add_note(import, problem, path, text, err);
}

/* ---- who is who ---- */

static gad_hash hash_text(const char *text)
{
    return gad_hash_bytes(text, strlen(text));
}

/* "dataset/class/split/type/" and the whole path: an id that no other image has. */
static bool lengthen_id(gad_sample *s)
{
    gad_string id = {0};
    const char *rest = s->id + strlen(s->dataset) + strlen(s->class_name) + 2, *view = strrchr(s->id, '#');
    for (int i = 0; i < 2 && strchr(rest, '/'); i++)
        rest = strchr(rest, '/') + 1;
    gad_string_addf(&id, "%.*s%s%s", (int)(rest - s->id), s->id, s->image, s->view >= 0 && view ? view : "");
    bool own_group = s->group && strcmp(s->group, s->id) == 0;
    bool good = !id.failed && gad_sample_set(&s->id, id.data) && (!own_group || gad_sample_set(&s->group, id.data));
    gad_string_free(&id);
    return good;
}

/* Ids are short where that is enough: the second image of an equal stem gets its whole path. *twice: this sample was here
 * already and is left out. */
static gad_status identify(gad_import *import, gad_sample *s, bool *twice, gad_error *err)
{
    gad_string place = {0};
    gad_string_addf(&place, "%s#%d", s->image, s->view);
    gad_hash image = hash_text(gad_string_text(&place));
    bool failed = place.failed, new_image = false, new_id = false;
    gad_string_free(&place);
    const gad_hash *owner = failed ? NULL : gad_seen_claim(&import->ids, hash_text(s->id), image, &new_id);
    if (owner && !new_id && !gad_hash_equal(*owner, image))
        owner = lengthen_id(s) ? gad_seen_claim(&import->ids, hash_text(s->id), image, &new_id) : NULL;
    if (!owner || !gad_seen_claim(&import->images, image, image, &new_image))
        return gad_error_memory(err, "import a dataset", import->ids.count);
    *twice = !new_id;
    if (new_image)
        return GAD_OK;
    return gad_import_note(
        import, GAD_IMPORT_BAD_RECORD, s->image, err,
        *twice ? "a second entry with the id %.200s: it was left out" : "a second entry for this image, as %.200s", s->id);
}

/* ---- storing ---- */

static void count_sample(gad_import *import, const gad_sample *sample, gad_store_change change)
{
    gad_import_report *report = &import->report;
    report->images++;
    *(sample->label ? &report->anomalous : &report->normal) += 1;
    report->boxes += (int64_t)sample->box_count;
    *(change == GAD_STORE_ADDED     ? &report->added
      : change == GAD_STORE_CHANGED ? &report->changed
                                    : &report->unchanged) += 1;
}

static gad_status store_sample(gad_import *import, gad_sample *s, gad_error *err)
{
    gad_store_change change;
    bool twice = false;
    gad_status status = identify(import, s, &twice, err);
    if (status || twice)
        return status;
    status = gad_store_put(import->store, s, &change, err);
    if (!status)
        count_sample(import, s, change);
    return status;
}

static gad_status store_result(gad_import *import, gad_measure_result *r, gad_error *err)
{
    gad_status status = r->status ? gad_error_memory(err, "import a dataset", 0) : GAD_OK;
    for (int i = 0; i < r->note_count && !status; i++)
        status = add_note(import, r->notes[i].problem, r->notes[i].path, r->notes[i].text, err);
    import->report.reduced += r->reduced;
    for (int i = 0; i < r->count; i++) {
        gad_sample *s = &r->samples[i];
        if (!status)
            status = store_sample(import, s, err);
        gad_sample_free(s);
    }
    return status;
}

/* By this process, unless another one has done it. */
static gad_status measure_one(const gad_import *import, int i, gad_error *err)
{
    const gad_import_settings *s = &import->settings;
    const gad_import_entry *entry = &import->queue[i].entry;
    gad_measure_result *result = &import->results[i];
    gad_hash key = {0};
    if (s->part && !gad_import_part_key(s, entry, &key))
        return gad_error_memory(err, "import a dataset", 0);
    if (s->part && gad_import_part_find(s->part, key, result))
        return GAD_OK;
    gad_measure_entry(s, &import->rule, entry, result);
    return gad_import_part_add(s->part, key, result, err);
}

/* All of the queue; of the failures the first one's error is told. */
static gad_status measure_queue(gad_import *import, gad_error *err)
{
    gad_status status[BATCH];
    gad_error errors[BATCH];
    const int n = import->queued;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < n; i++)
        status[i] = measure_one(import, i, &errors[i]);
    for (int i = 0; i < n; i++)
        if (status[i]) {
            if (err)
                *err = errors[i];
            return status[i];
        }
    return GAD_OK;
}

static gad_status flush(gad_import *import, gad_error *err)
{
    int n = import->queued;
    memset(import->results, 0, BATCH * sizeof *import->results);
    gad_status status = measure_queue(import, err);
    for (int i = 0; i < n; i++) {
        if (!status)
            status = store_result(import, &import->results[i], err);
        else
            for (int k = 0; k < import->results[i].count; k++)
                gad_sample_free(&import->results[i].samples[k]);
    }
    drop_queue(import);
    if (!status && !gad_progress_update(&import->meter, import->report.images))
        status = gad_error_set(err, GAD_E_CANCELLED, "import a dataset", NULL, "%s: cancelled; nothing was stored",
                               import->dataset);
    return status;
}

/* ---- copying entries ---- */

/* A bump allocator over one block: counted in a first pass (base NULL), filled in a second. */
typedef struct packer {
    char *base;
    size_t used;
} packer;

static void *pack(packer *p, const void *bytes, size_t size_bytes)
{
    p->used = (p->used + 7) & ~(size_t)7;
    void *at = p->base ? p->base + p->used : NULL;
    if (at)
        memcpy(at, bytes, size_bytes);
    p->used += size_bytes;
    return at;
}

static const char *pack_text(packer *p, const char *text)
{
    return text ? pack(p, text, strlen(text) + 1) : NULL;
}

static const char *const *pack_list(packer *p, const char *const *list)
{
    if (!list)
        return NULL;
    size_t n = 0;
    while (list[n])
        n++;
    const char **copy = pack(p, list, (n + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        const char *text = pack_text(p, list[i]);
        if (copy)
            copy[i] = text;
    }
    return copy;
}

static void pack_entry(packer *p, const gad_import_entry *from, gad_import_entry *to)
{
    gad_import_entry e = *from;
    const char **texts[] = {&e.class_name,       &e.class_text, &e.split,       &e.type,    &e.group,      &e.image,
                            &e.reference_method, &e.think,      &e.text_source, &e.license, &e.source_url, &e.meta,
                            &e.box_rule};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = pack_text(p, *texts[i]);
    e.masks = pack_list(p, from->masks);
    e.names = pack_list(p, from->names);
    e.references = pack_list(p, from->references);
    gad_import_value *values = from->value_count ? pack(p, from->values, (size_t)from->value_count * sizeof *values) : NULL;
    for (int i = 0; i < from->value_count; i++) {
        const char *name = pack_text(p, from->values[i].name);
        if (values)
            values[i].name = name;
    }
    gad_import_box *boxes = from->box_count ? pack(p, from->boxes, (size_t)from->box_count * sizeof *boxes) : NULL;
    for (int i = 0; i < from->box_count; i++) {
        const gad_import_box *b = &from->boxes[i];
        const char *label = pack_text(p, b->label), *source = pack_text(p, b->source), *track = pack_text(p, b->track);
        if (boxes) {
            boxes[i].label = label;
            boxes[i].source = source;
            boxes[i].track = track;
        }
    }
    e.values = values;
    e.boxes = boxes;
    *to = e;
}

/* The first path of an entry that leads out of the dataset's folder; NULL: none does. */
static const char *outside(const gad_import_entry *e)
{
    if (!gad_file_stays_inside(e->image))
        return e->image;
    for (int i = 0; e->masks && e->masks[i]; i++)
        if (!gad_file_stays_inside(e->masks[i]))
            return e->masks[i];
    for (int i = 0; e->references && e->references[i]; i++)
        if (!gad_file_stays_inside(e->references[i]))
            return e->references[i];
    return NULL;
}

static bool is_utf8(const char *text)
{
    for (size_t left = strlen(text); left;) {
        int n = gad_string_utf8_length(text, left);
        if (n <= 0)
            return false;
        text += n;
        left -= (size_t)n;
    }
    return true;
}

static gad_status enqueue(gad_import *import, const gad_import_entry *entry, gad_error *err)
{
    queued *q = &import->queue[import->queued];
    packer p = {0};
    pack_entry(&p, entry, &q->entry);
    if (!(q->memory = gad_memory_alloc(p.used + 8, 1)))
        return gad_error_memory(err, "import a dataset", p.used);
    p = (packer){q->memory, 0};
    pack_entry(&p, entry, &q->entry);
    import->queued++;
    return import->queued == BATCH ? flush(import, err) : GAD_OK;
}

static gad_status refuse_name(gad_import *import, const char *name, gad_error *err)
{
    gad_string readable = {0};
    gad_string_add_json(&readable, name);
    gad_status refused = gad_import_note(import, GAD_IMPORT_BAD_RECORD, gad_string_text(&readable), err,
                                         "its name is not UTF-8: rename it; the image was left out");
    gad_string_free(&readable);
    return refused;
}

gad_status gad_import_add(gad_import *import, const gad_import_entry *given, gad_error *err)
{
    gad_import_entry entry = *given;
    if (!is_utf8(entry.image))
        return refuse_name(import, entry.image, err);
    gad_alike_begin(import->alike);
    gad_status status = gad_alike_spell(import->alike, &entry.image, err);
    if (!status)
        status = gad_alike_spell_list(import->alike, &entry.masks, err);
    if (!status)
        status = gad_alike_spell_list(import->alike, &entry.references, err);
    if (status)
        return status;
    const char *away = outside(&entry);
    if (away)
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, away, err,
                               "not a path inside the data set: the entry was left out");
    if (!gad_file_stays_inside(entry.class_name))
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, entry.image, err,
                               "\"%.100s\" is no name for a class: the entry was left out", entry.class_name);
    return gad_part_takes(import->settings.part) ? enqueue(import, &entry, err) : GAD_OK;
}

/* "other/class/..." becomes "dataset/class/...". */
static bool adopt(const gad_import *import, gad_sample *sample)
{
    gad_string id = {0};
    const char *rest = strchr(sample->id, '/');
    gad_string_addf(&id, "%s%s", import->dataset, rest ? rest : sample->id);
    bool good = !id.failed && gad_sample_set(&sample->id, id.data) && gad_sample_set(&sample->dataset, import->dataset);
    gad_string_free(&id);
    return good;
}

gad_status gad_import_put(gad_import *import, gad_sample *sample, gad_error *err)
{
    if (!gad_import_exists(import, sample->image))
        return gad_import_note(import, GAD_IMPORT_MISSING_IMAGE, sample->image, err, "no such file");
    if (!adopt(import, sample))
        return gad_error_memory(err, "import a dataset", 0);
    return store_sample(import, sample, err);
}

static bool is_same(const gad_sample *s, const gad_import_truth *truth)
{
    if ((int)s->box_count != truth->box_count || (truth->label >= 0 && truth->label != s->label))
        return false;
    for (int i = 0; i < truth->box_count; i++) {
        const gad_import_box *b = &truth->boxes[i];
        const gad_sample_box *k = &s->boxes[i];
        const double drawn[4] = {b->box.x1, b->box.y1, b->box.x2, b->box.y2},
                     kept[4] = {k->box.x1, k->box.y1, k->box.x2, k->box.y2};
        char label[128];
        snprintf(label, sizeof label, "%s", b->label ? b->label : "");
        gad_sample_normalise(label);
        for (int n = 0; n < 4; n++)
            if (!(drawn[n] - kept[n] <= 1 && kept[n] - drawn[n] <= 1))
                return false;
        if (strcmp(label, k->label) != 0)
            return false;
    }
    return true;
}

gad_status gad_import_put_whole(gad_import *import, const json_t *whole, const gad_import_truth *truth, const char *where,
                                bool *used, gad_error *err)
{
    gad_sample sample = {0};
    gad_status status = gad_sample_from_json(whole, where, &sample, err);
    *used = !status && is_same(&sample, truth);
    if (*used)
        status = gad_import_put(import, &sample, err);
    gad_sample_free(&sample);
    return status;
}

gad_status gad_import_finish(gad_import *import, gad_import_report *report, gad_error *err)
{
    gad_status status = flush(import, err);
    if (!status)
        status = gad_store_finish_import(import->store, import->dataset, import->number, &import->report.removed, err);
    if (!status)
        status = gad_store_commit(import->store, err);
    if (status)
        return status;
    import->open = false;
    *report = import->report;
    return GAD_OK;
}

static bool full_path(const gad_import *import, const char *relative, char path[PATH_MAX])
{
    int n = snprintf(path, PATH_MAX, "%s/%s", import->folder, relative);
    return n > 0 && n < PATH_MAX;
}

bool gad_import_exists(const gad_import *import, const char *relative)
{
    char path[PATH_MAX]; /* without memory of its own: "absent" must not mean that there was none */
    return full_path(import, relative, path) && gad_file_exists(path);
}

bool gad_import_is_file(const gad_import *import, const char *relative)
{
    char path[PATH_MAX]; /* without memory of its own: "absent" must not mean that there was none */
    return full_path(import, relative, path) && gad_file_exists(path) && !gad_file_is_directory(path);
}

gad_status gad_import_find(const gad_import *import, char *relative, size_t size_bytes, bool *found, gad_error *err)
{
    return gad_alike_find(import->alike, relative, size_bytes, found, err);
}

static bool is_dropping(const char *name)
{
    return name[0] == '.' || strcmp(name, "Thumbs.db") == 0 || strcmp(name, "__MACOSX") == 0 ||
           strcmp(name, "desktop.ini") == 0;
}

gad_status gad_import_list(const gad_import *import, const char *relative, gad_file_names *names, gad_error *err)
{
    *names = (gad_file_names){0};
    char *path = gad_file_join(import->folder, relative);
    if (!path)
        return gad_error_memory(err, "list a folder", 0);
    gad_status status = gad_file_is_directory(path) ? gad_file_list(path, names, err) : GAD_OK;
    gad_memory_free(path);
    size_t kept = 0;
    for (size_t i = 0; i < names->count && !status; i++) {
        if (is_dropping(names->name[i]))
            gad_memory_free(names->name[i]);
        else
            names->name[kept++] = names->name[i];
    }
    if (!status)
        names->count = kept;
    return status;
}

bool gad_import_is_image(const char *name)
{
    static const char *const extensions[] = {"jpg", "jpeg", "jfif", "jpe", "png", "bmp", "tif", "tiff", "webp"};
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (gad_file_has_extension(name, extensions[i]))
            return true;
    return false;
}
