/* pair: see pair.h. One category at a time is in memory. */
#include "data/pair.h"
#include "data/pair_part.h"
#include "data/store_query.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/string.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REFERENCES = 16, FRAME_GAP = 30 };

/* What pairing needs to know of a sample. */
typedef struct item {
    int64_t row;
    char *image, *group, *pool; /* pool: candidates must have the same, where there are any */
    char hash[33], key[48];     /* key: of the feature; views of one file differ */
    int width, height, crop[4], label, frame;
    bool candidate, paired;
    uint16_t *feature;
    size_t index; /* among the candidates */
} item;

typedef struct category {
    gad_store *store;
    const gad_pair_settings *settings;
    gad_pair_report *report;
    gad_part *part;
    char *root, *dataset, *class_name;
    item *items;
    size_t count, capacity;
    char version[64];
} category;

gad_data_pair_settings gad_data_pair_default(void)
{
    return (gad_data_pair_settings){.method = GAD_PAIR_ALIGN, .k = 4, .seed = 1, .rule = gad_align_rule_default()};
}

static void category_clear(category *c)
{
    for (size_t i = 0; i < c->count; i++) {
        item *t = &c->items[i];
        void *owned[] = {t->image, t->group, t->pool, t->feature};
        for (size_t k = 0; k < 4; k++)
            gad_memory_free(owned[k]);
    }
    gad_memory_free(c->items);
    gad_memory_free(c->root);
    gad_memory_free(c->dataset);
    gad_memory_free(c->class_name);
    c->items = NULL;
    c->root = c->dataset = c->class_name = NULL;
    c->count = c->capacity = 0;
}

/* Candidates that can be aligned at all: the same view; the same product (GoodsAD); the same cable and side. */
static void pool_of(const gad_sample *s, char *pool, size_t size_bytes)
{
    if (strcmp(s->dataset, "goodsad") == 0) {
        snprintf(pool, size_bytes, "%s", s->group ? s->group : "");
    } else if (strcmp(s->dataset, "cableinspect") == 0) {
        const char *name = gad_file_name(s->image), *bar = strchr(name, '_'), *second = bar ? strchr(bar + 1, '_') : NULL;
        snprintf(pool, size_bytes, "%.*s", (int)(second ? second - name : 0), name);
    } else if (s->view >= 0) {
        snprintf(pool, size_bytes, "view%d", s->view);
    } else {
        *pool = 0;
    }
}

static bool add_item(category *c, const gad_sample *s)
{
    char pool[200];
    if (!gad_memory_grow((void **)&c->items, &c->capacity, c->count, sizeof *c->items))
        return false;
    item *t = &c->items[c->count++];
    *t = (item){.row = s->row,
                .width = s->width,
                .height = s->height,
                .label = s->label,
                .frame = -1,
                .paired = s->reference_count > 0};
    memcpy(t->crop, s->crop, sizeof t->crop);
    memcpy(t->hash, s->hash, sizeof t->hash);
    snprintf(t->key, sizeof t->key, s->crop[2] > s->crop[0] ? "%s#%d" : "%s", s->hash, s->view);
    if (strcmp(s->dataset, "cableinspect") == 0) {
        const char *bar = strrchr(s->image, '_');
        t->frame = bar ? atoi(bar + 1) : -1;
    }
    pool_of(s, pool, sizeof pool);
    t->candidate = !s->label && (strcmp(s->split, "train") == 0 || strcmp(s->split, "reference") == 0);
    t->image = gad_memory_copy_string(s->image);
    t->group = gad_memory_copy_string(s->group ? s->group : "");
    t->pool = gad_memory_copy_string(pool);
    return t->image && t->group && t->pool;
}

static gad_status load_category(category *c, gad_error *err)
{
    gad_store_cursor *cursor = NULL;
    gad_sample s = {0};
    bool found = true;
    size_t candidates = 0;
    gad_store_filter filter = {0};
    filter.dataset = c->dataset;
    filter.class_name = c->class_name;
    gad_status status = gad_store_root(c->store, c->dataset, &c->root, err);
    if (!status)
        status = gad_store_select(c->store, &filter, &cursor, err);
    while (!status && found) {
        status = gad_store_next(cursor, &s, &found, err);
        if (!status && found && !add_item(c, &s))
            status = gad_error_memory(err, "pair samples", c->count * sizeof *c->items);
    }
    gad_sample_free(&s);
    gad_store_cursor_free(cursor);
    for (size_t i = 0; i < c->count; i++)
        candidates += c->items[i].candidate;
    /* Without train normals (products that differ between train and test) other normals of the class serve. */
    for (size_t i = 0; i < c->count && !candidates; i++)
        c->items[i].candidate = !c->items[i].label;
    return status;
}

static bool decode(const category *c, const item *t, gad_image *image)
{
    char *path = gad_file_join(c->root, t->image);
    bool cropped = t->crop[2] > t->crop[0];
    gad_status status = !path     ? GAD_E_MEMORY
                        : cropped ? gad_image_load(path, image, NULL)
                                  : gad_image_load_shrunk(path, 2 * GAD_ALIGN_SIDE, image, NULL);
    gad_memory_free(path);
    if (status || !cropped)
        return !status;
    gad_image cut = {0};
    int w = t->crop[2] - t->crop[0], h = t->crop[3] - t->crop[1];
    bool good = t->crop[2] <= image->width && t->crop[3] <= image->height && !gad_image_new(w, h, 3, &cut, NULL);
    for (int y = 0; y < h && good; y++)
        memcpy(gad_image_row(&cut, y), gad_image_row(image, y + t->crop[1]) + (size_t)t->crop[0] * 3, (size_t)w * 3);
    gad_image_free(image);
    *image = cut;
    return good;
}

static gad_hash key_of(const category *c, const item *t)
{
    return gad_hash_combine(gad_hash_bytes(t->key, strlen(t->key)), gad_hash_bytes(c->version, strlen(c->version)));
}

/* What is known of an item already: in the cache, or from another process, whose part then goes into the cache. */
static gad_status find_feature(category *c, item *t, size_t bytes, gad_error *err)
{
    size_t size = 0;
    void *cached = NULL;
    gad_status status = gad_store_get_feature(c->store, t->key, c->version, &cached, &size, err);
    if (!status && cached && size == bytes) {
        t->feature = cached;
        c->report->cached++;
        return GAD_OK;
    }
    gad_memory_free(cached);
    if (!status && (t->feature = gad_pair_part_feature(c->part, key_of(c, t), bytes))) {
        c->report->measured++;
        if (!gad_part_is_share(c->part))
            status = gad_store_put_feature(c->store, t->key, c->version, t->feature, bytes, err);
    }
    return status;
}

static gad_status measure_one(const category *c, item *t, size_t numbers)
{
    gad_image image = {0};
    uint16_t *feature = gad_memory_alloc(numbers, sizeof *feature);
    if (feature && decode(c, t, &image) && !gad_align_feature(&image, &c->settings->rule, feature, NULL)) {
        t->feature = feature;
        feature = NULL;
    }
    gad_memory_free(feature);
    gad_image_free(&image);
    /* of a share at once, so that little is lost with the process */
    return gad_pair_part_add_feature(c->part, key_of(c, t), t->feature, numbers * sizeof *feature);
}

/* What came of one item, into the report and the cache; a share's is in its part already. */
static gad_status keep_feature(category *c, const item *t, size_t bytes, gad_error *err)
{
    c->report->measured += t->feature != NULL;
    c->report->unreadable += t->feature == NULL;
    if (!t->feature)
        gad_log_warning(c->settings->log, "%s: could not be read; it gets no references", t->image);
    else if (!gad_part_is_share(c->part))
        return gad_store_put_feature(c->store, t->key, c->version, t->feature, bytes, err);
    return GAD_OK;
}

/* Features of all items (of a share: its own), those that are not known measured by all threads and kept in batches. */
static gad_status measure(category *c, gad_progress_meter *meter, gad_error *err)
{
    enum { BATCH = 32 };
    size_t numbers = gad_align_count(&c->settings->rule), bytes = numbers * sizeof(uint16_t);
    gad_status status = GAD_OK;
    size_t missing[BATCH];
    gad_status left[BATCH];
    int waiting = 0;
    double started = gad_clock_seconds();
    for (size_t i = 0; i <= c->count && !status; i++) {
        if (i < c->count) {
            if (!gad_part_takes(c->part))
                continue;
            status = find_feature(c, &c->items[i], bytes, err);
            if (status || c->items[i].feature)
                continue;
            missing[waiting++] = i;
        }
        if (waiting < BATCH && i < c->count)
            continue;
#pragma omp parallel for schedule(dynamic)
        for (int k = 0; k < waiting; k++)
            left[k] = measure_one(c, &c->items[missing[k]], numbers);
        for (int k = 0; k < waiting && !status; k++)
            status = left[k] ? gad_error_set(err, left[k], "pair samples", "see whether its disk is full",
                                             "%s.parts cannot be written", gad_store_path(c->store))
                             : keep_feature(c, &c->items[missing[k]], bytes, err);
        waiting = 0;
        if (!status && !gad_progress_update(meter, c->report->samples + (int64_t)i / 2))
            status = gad_error_set(err, GAD_E_CANCELLED, "pair samples", "what was measured is kept", "cancelled");
    }
    c->report->measure_s += gad_clock_seconds() - started;
    return status;
}

/* May b be a reference of a, leaving the pool aside? Never itself, its content, its object; nor a neighbouring frame. */
static bool independent(const item *a, const item *b, bool group_is_product)
{
    if (a->row == b->row || (strcmp(a->hash, b->hash) == 0 && a->crop[0] == b->crop[0] && a->crop[1] == b->crop[1]))
        return false;
    if (!group_is_product && strcmp(a->group, b->group) == 0 && a->group[0])
        return false;
    return a->frame < 0 || b->frame < 0 || strcmp(a->pool, b->pool) != 0 || abs(a->frame - b->frame) >= FRAME_GAP;
}

static bool same_shape(const item *a, const item *b)
{
    double p = (double)a->width / (a->height > 0 ? a->height : 1), q = (double)b->width / (b->height > 0 ? b->height : 1);
    return fabs(p - q) <= 0.05 * fmax(p, q);
}

/* Which candidates an item may use; rules that leave nothing are dropped one after the other (shape, then pool). */
static size_t allow(const category *c, const item *t, const size_t *candidates, size_t count, unsigned char *allowed)
{
    bool product = strcmp(c->dataset, "goodsad") == 0;
    for (int strict = 2; strict >= 0; strict--) {
        size_t n = 0;
        for (size_t i = 0; i < count; i++) {
            const item *b = &c->items[candidates[i]];
            allowed[i] = independent(t, b, product) && (strict < 1 || strcmp(t->pool, b->pool) == 0) &&
                         (strict < 2 || same_shape(t, b));
            n += allowed[i];
        }
        if (n)
            return n;
    }
    return 0;
}

/* k of the allowed candidates without looking at them; FIXED: the same ones for every sample, as far as they may be used.
 */
static int draw(const category *c, const item *t, const unsigned char *allowed, size_t count, gad_align_match *best)
{
    const gad_pair_settings *s = c->settings;
    gad_rng rng = gad_rng_make(s->seed, s->method == GAD_PAIR_FIXED ? 0 : (uint64_t)t->row);
    int64_t *order = gad_memory_alloc(count + 1, sizeof *order);
    int found = 0;
    for (size_t i = 0; i < count && order; i++)
        order[i] = (int64_t)i;
    if (order)
        gad_rng_shuffle(&rng, order, (int64_t)count);
    for (size_t i = 0; i < count && order && found < s->k; i++)
        if (allowed[order[i]])
            best[found++] = (gad_align_match){.candidate = (size_t)order[i]};
    gad_memory_free(order);
    return found;
}

static gad_status store_references(category *c, const item *t, const size_t *candidates, const gad_align_match *best,
                                   int found, gad_error *err)
{
    static const char *const names[] = {GAD_PAIR_METHOD_WORDS};
    gad_sample s = {.row = t->row};
    char method[96];
    gad_status status = GAD_OK;
    if (c->settings->method == GAD_PAIR_ALIGN)
        gad_align_rule_text(&c->settings->rule, method, sizeof method);
    else
        snprintf(method, sizeof method, "%s:seed=%llu", names[c->settings->method], (unsigned long long)c->settings->seed);
    for (int i = 0; i < found && !status; i++) {
        const item *b = &c->items[candidates[best[i].candidate]];
        if (!gad_sample_add_reference(&s, b->image, b->hash, best[i].score))
            status = gad_error_memory(err, "pair samples", 0);
    }
    s.reference_method = method;
    if (!status)
        status = gad_store_put_references(c->store, &s, err);
    gad_sample_clear_references(&s);
    return status;
}

typedef struct result {
    gad_align_match best[MAX_REFERENCES + 4];
    int found;
    gad_status status;
} result;

/* The references of one item. */
static void find_references(const category *c, const item *t, const gad_align_index *index, const size_t *candidates,
                            size_t count, result *r)
{
    *r = (result){0};
    unsigned char *allowed = gad_memory_alloc(count + 1, 1);
    if (!allowed) {
        r->status = GAD_E_MEMORY;
        return;
    }
    size_t n = allow(c, t, candidates, count, allowed);
    if (n && c->settings->method != GAD_PAIR_ALIGN) {
        r->found = draw(c, t, allowed, count, r->best);
    } else if (n && t->feature) {
        int k = c->settings->k;
        r->status = gad_align_search(index, t->feature, allowed, k + 4, r->best, &r->found, NULL);
        /* A normal image and its double teach that identical means normal: drop what is identical in all but name. */
        int kept = 0;
        for (int i = 0; i < r->found; i++)
            if (t->label || r->best[i].score >= 1e-6)
                r->best[kept++] = r->best[i];
        r->found = kept < k ? kept : k;
    }
    gad_memory_free(allowed);
}

/* ---- what processes found out about each other's samples ---- */

/* All that the choice among a category's candidates depends on, but for the item itself. */
static gad_hash category_hash(const category *c)
{
    const gad_pair_settings *s = c->settings;
    char rule[96], text[320];
    gad_align_rule_text(&s->rule, rule, sizeof rule);
    snprintf(text, sizeof text, "%s %d %d %llu %s", GAD_VERSION, (int)s->method, s->k, (unsigned long long)s->seed, rule);
    gad_hash hash = gad_hash_bytes(text, strlen(text));
    for (size_t i = 0; i < c->count; i++) {
        const item *t = &c->items[i];
        const char *const texts[] = {t->key, t->hash, t->group, t->pool};
        const int64_t numbers[] = {t->row,     t->width, t->height, t->crop[0],   t->crop[1],
                                   t->crop[2], t->label, t->frame,  t->candidate, t->feature != NULL};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            hash = gad_hash_combine(hash, gad_hash_bytes(texts[k], strlen(texts[k])));
        hash = gad_hash_combine(hash, gad_hash_bytes(numbers, sizeof numbers));
    }
    return hash;
}

/* Of a share: whether it knows the features of all, so that it can choose among them. Counts stay those of its own. */
static gad_status find_others(category *c, bool *all, gad_error *err)
{
    const gad_pair_report own = *c->report;
    const size_t bytes = gad_align_count(&c->settings->rule) * sizeof(uint16_t);
    gad_status status = GAD_OK;
    *all = true;
    for (size_t i = 0; i < c->count && *all && !status; i++) {
        if (!c->items[i].feature)
            status = find_feature(c, &c->items[i], bytes, err);
        *all = c->items[i].feature;
    }
    *c->report = own;
    return status;
}

/* ---- a category ---- */

static bool is_wanted(const category *c, size_t i)
{
    return !(c->settings->keep && c->items[i].paired) && gad_share_has(&c->settings->share, (int64_t)i);
}

/* What was chosen for one item, into the report and the store; of a share into the report. */
static gad_status settle(category *c, const item *t, const size_t *candidates, const result *r, gad_error *err)
{
    if (r->status)
        return gad_error_memory(err, "pair samples", 0);
    *(r->found ? &c->report->paired : &c->report->without) += 1;
    return gad_part_is_share(c->part) ? GAD_OK : store_references(c, t, candidates, r->best, r->found, err);
}

/* References for all items (of a share: its own). */
static gad_status choose(category *c, const gad_align_index *index, const size_t *candidates, size_t count, gad_error *err)
{
    enum { BATCH = 64 };
    result *results = gad_memory_alloc(BATCH, sizeof *results);
    const gad_hash of_category = category_hash(c);
    gad_status status = results ? GAD_OK : gad_error_memory(err, "pair samples", BATCH * sizeof *results);
    for (size_t from = 0; from < c->count && !status; from += BATCH) {
        int n = (int)(c->count - from < BATCH ? c->count - from : BATCH);
#pragma omp parallel for schedule(dynamic)
        for (int k = 0; k < n; k++) {
            const item *t = &c->items[from + (size_t)k];
            const gad_hash key = gad_hash_combine(of_category, gad_hash_bytes(&t->row, sizeof t->row));
            result *r = &results[k];
            if (!is_wanted(c, from + (size_t)k))
                continue;
            *r = (result){0};
            if (gad_pair_part_matches(c->part, key, count, c->settings->k, r->best, &r->found))
                continue;
            find_references(c, t, index, candidates, count, r);
            if (!r->status)
                r->status = gad_pair_part_add_matches(c->part, key, r->best, r->found);
        }
        for (int k = 0; k < n && !status; k++) {
            const size_t i = from + (size_t)k;
            c->report->kept += c->settings->keep && c->items[i].paired;
            if (is_wanted(c, i))
                status = settle(c, &c->items[i], candidates, &results[k], err);
        }
    }
    gad_memory_free(results);
    return status;
}

static gad_status pair_category(category *c, gad_progress_meter *meter, gad_error *err)
{
    bool align = c->settings->method == GAD_PAIR_ALIGN, all = true;
    size_t *candidates = NULL, count = 0;
    gad_align_index *index = NULL;
    gad_status status = load_category(c, err);
    if (!status && align)
        status = measure(c, meter, err);
    if (!status && align && gad_part_is_share(c->part))
        status = find_others(c, &all, err);
    c->report->samples += status ? 0 : (int64_t)c->count;
    if (status || !all)
        return status;
    candidates = gad_memory_alloc(c->count + 1, sizeof *candidates);
    if (!candidates)
        return gad_error_memory(err, "pair samples", c->count * sizeof *candidates);
    for (size_t i = 0; i < c->count && c->settings->method != GAD_PAIR_NONE; i++)
        if (c->items[i].candidate && (!align || c->items[i].feature))
            candidates[count++] = i;
    double started = gad_clock_seconds();
    if (align)
        status = gad_align_index_new(&c->settings->rule, count, &index, err);
    for (size_t i = 0; i < count && !status && align; i++)
        status = gad_align_index_add(index, c->items[candidates[i]].feature, err);
    if (!status)
        status = choose(c, index, candidates, count, err);
    c->report->search_s += gad_clock_seconds() - started;
    gad_align_index_free(index);
    gad_memory_free(candidates);
    return status;
}

/* A category in a transaction of its own; a share changes nothing. */
static gad_status pair_stored(category *c, gad_progress_meter *meter, gad_error *err)
{
    if (gad_part_is_share(c->part))
        return pair_category(c, meter, err);
    gad_status status = gad_store_begin(c->store, err);
    if (status)
        return status;
    status = pair_category(c, meter, err);
    if (status && status != GAD_E_CANCELLED) {
        gad_store_rollback(c->store);
        return status;
    }
    gad_status committed = gad_store_commit(c->store, status ? NULL : err);
    return status ? status : committed;
}

/* What gad_pair_run does; *report also counts what a failing run did. */
static gad_status pair_all(gad_store *store, const gad_pair_settings *settings, gad_part *part, gad_pair_report *report,
                           gad_error *err)
{
    gad_store_rows *rows = NULL;
    bool row = true;
    int64_t total = 0;
    if (settings->k < 1 || settings->k > MAX_REFERENCES)
        return gad_error_set(err, GAD_E_ARGUMENT, "pair samples", NULL, "%d references per sample; 1 to %d are possible",
                             settings->k, MAX_REFERENCES);
    gad_store_filter filter = {0};
    filter.dataset = settings->dataset;
    filter.class_name = settings->class_name;
    gad_status status = gad_store_count(store, &filter, &total, err);
    if (!status && !total)
        status = gad_error_set(err, GAD_E_ARGUMENT, "pair samples", "gad data list shows what is imported",
                               "no samples of %s%s%s", settings->dataset ? settings->dataset : "any dataset",
                               settings->class_name ? ", class " : "", settings->class_name ? settings->class_name : "");
    if (!status)
        status = gad_store_query_open(store, GAD_STORE_CLASSES, &rows, err);
    if (status)
        return status;
    gad_progress_meter meter = gad_progress_start(settings->progress, "pair", total);
    gad_store_query_ask(rows, (const char *[GAD_STORE_VALUES]){settings->dataset, settings->class_name});
    status = gad_store_query_next(rows, &row, err);
    while (!status && row) {
        category c = {.store = store, .settings = settings, .report = report, .part = part};
        c.dataset = gad_memory_copy_string(gad_store_query_text(rows, 0));
        c.class_name = gad_memory_copy_string(gad_store_query_text(rows, 1));
        snprintf(c.version, sizeof c.version, "align:S=%d,v3", settings->rule.blocks);
        status = c.dataset && c.class_name ? pair_stored(&c, &meter, err) : gad_error_memory(err, "pair samples", 0);
        category_clear(&c);
        if (!status && !gad_progress_update(&meter, report->samples))
            status = gad_error_set(err, GAD_E_CANCELLED, "pair samples", "categories that were done are kept", "cancelled");
        if (!status)
            status = gad_store_query_next(rows, &row, err);
    }
    gad_store_query_close(rows);
    return status;
}

gad_status gad_pair_run(gad_store *store, const gad_pair_settings *settings, gad_pair_report *report, gad_error *err)
{
    gad_pair_report counts = {0};
    gad_part *part = NULL;
    gad_string job = {0};
    gad_string_add(&job, "pair");
    const char *const names[] = {settings->dataset, settings->class_name};
    for (size_t i = 0; i < 2; i++)
        gad_string_addf(&job, "%s%s", names[i] ? "-" : "", names[i] ? names[i] : "");
    gad_status status = job.failed ? gad_error_memory(err, "pair samples", job.length)
                                   : gad_part_open(gad_store_path(store), job.data, &settings->share, &part, err);
    if (!status)
        status = pair_all(store, settings, part, &counts, err);
    if (!status && !gad_part_is_share(part))
        status = gad_part_remove(part, err);
    gad_part_free(part);
    gad_string_free(&job);
    if (!status)
        *report = counts;
    return status;
}
