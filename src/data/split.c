/* split: see split.h. A group's place is decided by the order of a hash of (seed, dataset, class, group), so that it does
 * not depend on what else is in the store. */
#include "data/split.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "data/store_query.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    char *dataset, *class_name, *group;
    int label;
    uint64_t order;
    const char *split; /* decided; NULL: as it is */
} entry;

typedef struct entries {
    entry *item;
    size_t count, capacity;
} entries;

gad_data_split_settings gad_data_split_default(void)
{
    return (gad_data_split_settings){.val_share = 0.02, .seed = 1};
}

static void entries_free(entries *list)
{
    for (size_t i = 0; i < list->count; i++) {
        gad_memory_free(list->item[i].dataset);
        gad_memory_free(list->item[i].class_name);
        gad_memory_free(list->item[i].group);
    }
    gad_memory_free(list->item);
    *list = (entries){0};
}

static uint64_t order_of(uint64_t seed, const char *dataset, const char *class_name, const char *group)
{
    gad_string text = {0};
    gad_string_addf(&text, "%llu/%s/%s/%s", (unsigned long long)seed, dataset, class_name, group);
    uint64_t order = gad_hash_bytes(gad_string_text(&text), text.length).high;
    gad_string_free(&text);
    return order;
}

/* Is the word in a list separated by commas? */
static bool listed(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
        if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == 0))
            return true;
    return false;
}

/* Rows of (dataset, class) and, with groups, (group, label). */
static gad_status load(gad_store *store, gad_store_query query, bool groups, const gad_split_settings *s, entries *list,
                       gad_error *err)
{
    gad_store_rows *rows = NULL;
    bool row = false;
    gad_status status = gad_store_query_open(store, query, &rows, err);
    if (!status)
        status = gad_store_query_next(rows, &row, err);
    while (!status && row) {
        if (!gad_memory_grow((void **)&list->item, &list->capacity, list->count, sizeof *list->item)) {
            status = gad_error_memory(err, "split samples", list->count * sizeof *list->item);
            break;
        }
        entry *e = &list->item[list->count++];
        *e = (entry){.dataset = gad_memory_copy_string(gad_store_query_text(rows, 0)),
                     .class_name = gad_memory_copy_string(gad_store_query_text(rows, 1)),
                     .group = gad_memory_copy_string(groups ? gad_store_query_text(rows, 2) : ""),
                     .label = groups ? (int)gad_store_query_number(rows, 3) : 0};
        if (!e->dataset || !e->class_name || !e->group)
            status = gad_error_memory(err, "split samples", 0);
        else
            e->order = order_of(s->seed, e->dataset, e->class_name, e->group);
        if (!status)
            status = gad_store_query_next(rows, &row, err);
    }
    gad_store_query_close(rows);
    return status;
}

static int compare_strata(const void *a, const void *b)
{
    const entry *p = a, *q = b;
    int d = strcmp(p->dataset, q->dataset);
    d = d ? d : strcmp(p->class_name, q->class_name);
    d = d ? d : p->label - q->label;
    return d ? d : (p->order > q->order) - (p->order < q->order);
}

static int compare_order(const void *a, const void *b)
{
    const entry *p = a, *q = b;
    return (p->order > q->order) - (p->order < q->order);
}

/* The classes with the lowest hashes are held out. */
static gad_status hold_classes(gad_store *store, const gad_split_settings *s, entries *held, gad_error *err)
{
    gad_status status = load(store, GAD_STORE_FREE_CLASSES, false, s, held, err);
    if (status)
        return status;
    if (held->count)
        qsort(held->item, held->count, sizeof *held->item, compare_order);
    size_t keep = (size_t)(s->hold_classes < 0 ? 0 : s->hold_classes);
    if (keep > held->count)
        status = gad_error_set(err, GAD_E_ARGUMENT, "split samples", NULL,
                               "%lld classes to hold out, but there are only %zu", (long long)s->hold_classes, held->count);
    while (held->count > keep) {
        entry *e = &held->item[--held->count];
        gad_memory_free(e->dataset);
        gad_memory_free(e->class_name);
        gad_memory_free(e->group);
    }
    return status;
}

static bool is_held(const entries *held, const entry *e)
{
    for (size_t i = 0; i < held->count; i++)
        if (strcmp(held->item[i].dataset, e->dataset) == 0 && strcmp(held->item[i].class_name, e->class_name) == 0)
            return true;
    return false;
}

/* Each stratum (dataset, class, label) gives its share to val. */
static void decide(const gad_split_settings *s, entries *groups, const entries *held)
{
    if (groups->count) /* qsort takes no null */
        qsort(groups->item, groups->count, sizeof *groups->item, compare_strata);
    for (size_t from = 0; from < groups->count;) {
        entry *first = &groups->item[from];
        size_t to = from;
        while (to < groups->count && strcmp(groups->item[to].dataset, first->dataset) == 0 &&
               strcmp(groups->item[to].class_name, first->class_name) == 0 && groups->item[to].label == first->label)
            to++;
        bool test = is_held(held, first) || listed(s->hold_datasets, first->dataset);
        size_t val = (size_t)llround(s->val_share * (double)(to - from));
        for (size_t i = from; i < to; i++)
            groups->item[i].split = test ? "test" : i - from < val ? "val" : "train";
        from = to;
    }
}

static gad_status apply(gad_store *store, const gad_split_settings *s, const entries *groups, gad_error *err)
{
    static const gad_store_query queries[2][2] = {{GAD_STORE_SET_FREE_SPLIT, GAD_STORE_SET_FREE_SPLIT_KEEP},
                                                  {GAD_STORE_SET_SPLIT, GAD_STORE_SET_SPLIT_KEEP}};
    gad_store_rows *rows = NULL;
    bool row = false;
    gad_status status = gad_store_query_open(store, queries[s->with_benchmarks][s->keep_test], &rows, err);
    for (size_t i = 0; i < groups->count && !status; i++) {
        const entry *e = &groups->item[i];
        gad_store_query_ask(
            rows, (const char *[GAD_STORE_VALUES]){e->split, e->dataset, e->class_name, e->group[0] ? e->group : NULL});
        status = gad_store_query_next(rows, &row, err);
    }
    gad_store_query_close(rows);
    return status;
}

static gad_status restore(gad_store *store, gad_error *err)
{
    gad_store_rows *rows = NULL;
    bool row = false;
    gad_status status = gad_store_query_open(store, GAD_STORE_RESTORE_SPLITS, &rows, err);
    if (!status)
        status = gad_store_query_next(rows, &row, err);
    gad_store_query_close(rows);
    return status;
}

static gad_status count(gad_store *store, gad_split_report *report, gad_error *err)
{
    static const char *const names[] = {"train", "val", "test", "reference", "benchmark"};
    int64_t *const fields[] = {&report->train, &report->val, &report->test, &report->reference, &report->benchmark};
    gad_status status = GAD_OK;
    for (int i = 0; i < 5 && !status; i++) {
        gad_store_filter filter = {0};
        filter.split = names[i];
        status = gad_store_count(store, &filter, fields[i], err);
    }
    return status;
}

gad_status gad_split_run(gad_store *store, const gad_split_settings *s, gad_split_report *out, gad_error *err)
{
    entries groups = {0}, held = {0};
    gad_split_report counts = {0}, *report = &counts;
    if (!(s->val_share >= 0 && s->val_share < 1))
        return gad_error_set(err, GAD_E_ARGUMENT, "split samples", NULL, "a validation share of %g; it goes from 0 to 1",
                             s->val_share);
    gad_status status = gad_store_begin(store, err);
    if (status)
        return status;
    if (s->restore) {
        status = restore(store, err);
    } else {
        status = hold_classes(store, s, &held, err);
        if (!status)
            status = load(store, s->with_benchmarks ? GAD_STORE_GROUPS : GAD_STORE_FREE_GROUPS, true, s, &groups, err);
        if (!status) {
            decide(s, &groups, &held);
            status = apply(store, s, &groups, err);
        }
    }
    report->held_classes = (int64_t)held.count;
    if (!status)
        status = count(store, report, err);
    entries_free(&groups);
    entries_free(&held);
    if (status) {
        gad_store_rollback(store);
        return status;
    }
    status = gad_store_commit(store, err);
    if (!status)
        *out = counts;
    return status;
}
