/* selection: see selection.h */
#include "bench/selection.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/rng.h"
#include "bench/subset.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REFERENCES = 16, MAX_TYPES = 64 };
static const char operation[] = "select samples";

/* A normal image that may serve as a reference, or an anomaly type of a category; `key` is "dataset/category". */
typedef struct entry {
    const char *key, *text, *hash;
    bool training;
} entry;

typedef struct entries {
    entry *at;
    size_t count, capacity;
} entries;

/* A root that was looked up: data sets are few. */
typedef struct root {
    char *dataset, *path;
} root;

typedef struct selector {
    gad_store *store;
    const gad_bench_questions *rule;
    bool learnt;
    gad_items *items;
    entries normals, types, hashes; /* hashes: of the items, in their order of arrival (text: the id) */
    gad_arena arena;
    root *roots;
    size_t root_count, root_capacity;
    gad_selection_report report;
} selector;

const char *gad_selection_preset_name(const gad_bench_questions *questions)
{
    static const char *const words[] = {GAD_SELECTION_PRESET_WORDS};
    return questions->preset == GAD_SELECTION_SPLIT ? questions->split : words[questions->preset];
}

const char *gad_selection_reference_name(gad_selection_reference reference)
{
    static const char *const words[] = {GAD_SELECTION_REFERENCE_WORDS};
    return words[reference];
}

/* ---- small helpers ---- */

static const char *keep(selector *s, const char *text)
{
    return gad_arena_copy(&s->arena, text);
}

static bool add_entry(selector *s, entries *to, const char *key, const char *text, const char *hash, bool training)
{
    entry e = {.key = keep(s, key), .text = keep(s, text), .hash = keep(s, hash), .training = training};
    if (!e.key || !e.text || !e.hash || !gad_memory_grow((void **)&to->at, &to->capacity, to->count, sizeof *to->at))
        return false;
    to->at[to->count++] = e;
    return true;
}

static int by_key(const void *a, const void *b)
{
    const entry *p = a, *q = b;
    int order = strcmp(p->key, q->key);
    if (!order && p->training != q->training)
        order = p->training ? -1 : 1;
    return order ? order : strcmp(p->text, q->text);
}

static void sort_entries(entries *e)
{
    if (e->count)
        qsort(e->at, e->count, sizeof *e->at, by_key);
}

/* The entries of a key; returns where they begin and sets how many there are. */
static const entry *find_key(const entries *e, const char *key, size_t *count)
{
    size_t low = 0, high = e->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(e->at[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < e->count && !strcmp(e->at[end].key, key))
        end++;
    *count = end - low;
    return e->count ? e->at + low : NULL;
}

static gad_status root_of(selector *s, const char *dataset, const char **path, gad_error *err)
{
    for (size_t i = 0; i < s->root_count; i++)
        if (!strcmp(s->roots[i].dataset, dataset)) {
            *path = s->roots[i].path;
            return GAD_OK;
        }
    char *stored = NULL, resolved[PATH_MAX];
    gad_status status = gad_store_root(s->store, dataset, &stored, err);
    if (status)
        return status;
    root r = {gad_memory_copy_string(dataset), gad_memory_copy_string(realpath(stored, resolved) ? resolved : stored)};
    gad_memory_free(stored);
    if (!r.dataset || !r.path || !gad_memory_grow((void **)&s->roots, &s->root_capacity, s->root_count, sizeof *s->roots)) {
        gad_memory_free(r.dataset);
        gad_memory_free(r.path);
        return gad_error_memory(err, operation, strlen(dataset));
    }
    s->roots[s->root_count++] = r;
    *path = r.path;
    return GAD_OK;
}

static const char *absolute(selector *s, const char *folder, const char *path)
{
    char *joined = gad_file_join(folder, path);
    const char *kept = joined ? keep(s, joined) : NULL;
    gad_memory_free(joined);
    return kept;
}

/* ---- samples into items ---- */

static bool is_taken(const gad_bench_questions *rule, const gad_sample *sample)
{
    switch (rule->preset) {
    case GAD_SELECTION_SOURCE: return !strcmp(sample->split, "test") || !strcmp(sample->split, "benchmark");
    case GAD_SELECTION_SPLIT: return !strcmp(sample->split, rule->split);
    default: return true;
    }
}

static const char *joined_types(selector *s, const gad_sample *sample)
{
    char text[512];
    size_t n = 0;
    for (size_t i = 0; i < sample->type_count && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? "+" : "", sample->types[i]);
    return n ? keep(s, text) : NULL;
}

/* References as stored with the sample. */
static gad_status stored_references(selector *s, const gad_sample *sample, const char *folder, const char **reference,
                                    size_t *count, gad_error *err)
{
    for (size_t i = 0; i < sample->reference_count && i < MAX_REFERENCES && (int64_t)i < s->rule->references; i++)
        if (!(reference[(*count)++] = absolute(s, folder, sample->references[i].path)))
            return gad_error_memory(err, operation, 0);
    return GAD_OK;
}

static gad_status add_sample(selector *s, const gad_sample *sample, const char *key, const char *folder, gad_error *err)
{
    const char *reference[MAX_REFERENCES];
    size_t references = 0, boxes = sample->label ? sample->box_count : 0;
    bool single_mask = sample->mask && (!sample->mask_encoding || strcmp(sample->mask_encoding, "loco") != 0);
    gad_box *box = gad_memory_alloc(boxes, sizeof *box);
    const char **label = gad_memory_alloc(boxes, sizeof *label);
    gad_item item = {.id = sample->id,
                     .dataset = sample->dataset,
                     .category = sample->class_name,
                     .title = sample->class_text ? sample->class_text : sample->class_name,
                     .type = sample->label ? joined_types(s, sample) : NULL,
                     .image = absolute(s, folder, sample->image),
                     .mask = single_mask ? absolute(s, folder, sample->mask) : NULL,
                     .group = sample->split,
                     .anomalous = sample->label != 0,
                     .boxes_known = boxes > 0,
                     .width = sample->width,
                     .height = sample->height,
                     .mask_threshold = sample->mask_threshold,
                     .mask_index = sample->mask_encoding && !strcmp(sample->mask_encoding, "index"),
                     .box = box,
                     .box_label = label,
                     .box_count = boxes,
                     .reference = reference};
    gad_status status = box && label && item.image ? GAD_OK : gad_error_memory(err, operation, boxes * sizeof *box);
    for (size_t i = 0; i < boxes && !status; i++) {
        const gad_sample_box *b = &sample->boxes[i];
        box[i] = b->box;
        label[i] = b->label ? b->label : "";
    }
    for (int k = 0; k < 4; k++)
        item.crop[k] = sample->crop[k];
    if (!status && s->rule->reference == GAD_SELECTION_FIRST)
        status = stored_references(s, sample, folder, reference, &references, err);
    item.reference_count = references;
    if (!status)
        status = gad_item_add(s->items, &item, err);
    if (!status && !add_entry(s, &s->hashes, key, sample->id, sample->hash, false))
        status = gad_error_memory(err, operation, 0);
    gad_memory_free(box);
    gad_memory_free(label);
    return status;
}

static gad_status look_at(selector *s, const gad_sample *sample, gad_error *err)
{
    const gad_bench_questions *rule = s->rule;
    if (!gad_subset_is_listed(sample->dataset, rule->datasets, rule->dataset_count) ||
        !gad_subset_is_listed(sample->class_name, rule->classes, rule->class_count))
        return GAD_OK;
    s->report.seen++;
    char key[512];
    const char *folder = NULL;
    bool training = !strcmp(sample->split, "train") || !strcmp(sample->split, "reference");
    snprintf(key, sizeof key, "%s/%s", sample->dataset, sample->class_name);
    gad_status status = root_of(s, sample->dataset, &folder, err);
    if (status)
        return status;
    const char *path = sample->label ? NULL : absolute(s, folder, sample->image);
    if (!sample->label && (!path || !add_entry(s, &s->normals, key, path, sample->hash, training)))
        return gad_error_memory(err, operation, 0);
    for (size_t i = 0; i < sample->type_count; i++) {
        char type[128];
        snprintf(type, sizeof type, "%s", sample->types[i]);
        gad_sample_normalise(type);
        if (strcmp(type, "unspecified") != 0 && !add_entry(s, &s->types, key, type, "", false))
            return gad_error_memory(err, operation, 0);
    }
    return is_taken(rule, sample) ? add_sample(s, sample, key, folder, err) : GAD_OK;
}

static gad_status look_at_all(selector *s, gad_error *err)
{
    gad_store_filter filter = {0};
    gad_store_cursor *cursor;
    gad_sample sample = {0};
    bool found = true;
    gad_status status = gad_store_select(s->store, &filter, &cursor, err);
    if (status)
        return status;
    while (!status && found) {
        status = gad_store_next(cursor, &sample, &found, err);
        if (!status && found)
            status = look_at(s, &sample, err);
    }
    gad_sample_free(&sample);
    gad_store_cursor_free(cursor);
    return status;
}

/* ---- references and knowledge, once all samples are known ---- */

/* Up to `wanted` of the pool that are neither the image itself nor of its content. */
static size_t pick(const selector *s, const gad_item *item, const char *hash, const entry *pool, size_t size,
                   int64_t *order, const char **reference)
{
    size_t usable = 0, picked = 0;
    while (usable < size && pool[usable].training)
        usable++;
    usable = usable ? usable : size;
    /* What is learnt is spread over the pool: parts that are neighbours by name are often alike. */
    const int64_t wanted = s->learnt ? s->rule->references : INT64_MAX, all = (int64_t)usable;
    for (int64_t i = 0; i < all; i++)
        order[i] = wanted <= all / 2 ? (i % wanted) * all / wanted + i / wanted : i;
    if (s->rule->reference == GAD_SELECTION_RANDOM) {
        gad_rng rng = gad_rng_make(s->rule->seed, gad_hash_bytes(item->id, strlen(item->id)).low);
        gad_rng_shuffle(&rng, order, (int64_t)usable);
    }
    for (size_t i = 0; i < usable && (int64_t)picked < s->rule->references; i++) {
        const entry *e = &pool[order[i]];
        bool same = !strcmp(e->text, item->image) || (*hash && !strcmp(e->hash, hash));
        if (!same)
            reference[picked++] = e->text;
    }
    return picked;
}

static size_t list_types(const entry *type, size_t size, const char **knowledge)
{
    size_t n = 0;
    for (size_t i = 0; i < size && n < MAX_TYPES; i++)
        if (!n || strcmp(knowledge[n - 1], type[i].text) != 0) /* sorted: equal names are neighbours */
            knowledge[n++] = type[i].text;
    return n;
}

static const char **keep_list(selector *s, const char *const *list, size_t count)
{
    const char **copy = gad_arena_take(&s->items->arena, count ? count : 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        size_t n = strlen(list[i]) + 1;
        char *text = gad_arena_take(&s->items->arena, n, 1);
        if (!text)
            return NULL;
        copy[i] = memcpy(text, list[i], n);
    }
    return copy;
}

/* `order` and `reference` have room for all normal images. */
static gad_status complete_item(selector *s, size_t i, int64_t *order, const char **reference, gad_error *err)
{
    gad_item *item = &s->items->item[i];
    const char *knowledge[MAX_TYPES];
    size_t size;
    const entry *of = find_key(&s->types, s->hashes.at[i].key, &size);
    item->knowledge_count = list_types(of, size, knowledge);
    item->knowledge = keep_list(s, knowledge, item->knowledge_count);
    if (s->rule->reference == GAD_SELECTION_FIXED || s->rule->reference == GAD_SELECTION_RANDOM) {
        of = find_key(&s->normals, s->hashes.at[i].key, &size);
        item->reference_count = pick(s, item, s->hashes.at[i].hash, of, size, order, reference);
        item->reference = keep_list(s, reference, item->reference_count);
        if (!item->reference)
            return gad_error_memory(err, operation, 0);
    }
    return item->knowledge ? GAD_OK : gad_error_memory(err, operation, 0);
}

static gad_status complete_items(selector *s, gad_error *err)
{
    sort_entries(&s->normals);
    sort_entries(&s->types);
    int64_t *order = gad_memory_alloc(s->normals.count, sizeof *order);
    const char **reference = gad_memory_alloc(s->normals.count, sizeof *reference);
    gad_status status = order && reference ? GAD_OK : gad_error_memory(err, operation, s->normals.count * sizeof *order);
    for (size_t i = 0; i < s->items->count && !status; i++)
        status = complete_item(s, i, order, reference, err);
    gad_memory_free(order);
    gad_memory_free(reference);
    return status;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const gad_item *)a)->id, ((const gad_item *)b)->id);
}

static void free_selector(selector *s)
{
    for (size_t i = 0; i < s->root_count; i++) {
        gad_memory_free(s->roots[i].dataset);
        gad_memory_free(s->roots[i].path);
    }
    gad_memory_free(s->roots);
    gad_memory_free(s->normals.at);
    gad_memory_free(s->types.at);
    gad_memory_free(s->hashes.at);
    gad_arena_free(&s->arena);
}

gad_status gad_selection_make(gad_store *store, const gad_bench_questions *rule, bool learnt, gad_items *items,
                              gad_selection_report *report, gad_error *err)
{
    if (rule->references < 0 || (rule->references > MAX_REFERENCES && !learnt))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%lld references; at most %d are possible",
                             (long long)rule->references, MAX_REFERENCES);
    selector s = {.store = store, .rule = rule, .learnt = learnt, .items = items};
    gad_status status = look_at_all(&s, err);
    if (!status)
        status = complete_items(&s, err);
    if (!status && items->count) {
        qsort(items->item, items->count, sizeof *items->item, by_id);
        status = gad_subset_draw(items, rule->limit, rule->seed, err);
    }
    for (size_t i = 0; i < items->count && !status; i++)
        s.report.without_reference += rule->reference != GAD_SELECTION_NONE && !items->item[i].reference_count;
    s.report.taken = (int64_t)items->count;
    free_selector(&s);
    if (status)
        gad_item_free(items);
    else
        *report = s.report;
    return status;
}
