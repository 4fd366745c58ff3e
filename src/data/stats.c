/* stats: see stats.h */
#include "data/stats.h"

#include "base/error.h"
#include "data/catalog.h"
#include "data/store_query.h"

#include <stdio.h>
#include <string.h>

/* Counts of one dataset. */
typedef struct row {
    char name[64];
    int64_t images, normal, anomalous, classes, types, boxes, references, texts, problems;
} row;

static void read_row(const gad_store_rows *rows, row *r)
{
    int64_t *const fields[] = {&r->images, &r->normal,     &r->anomalous, &r->classes, &r->types,
                               &r->boxes,  &r->references, &r->texts,     &r->problems};
    snprintf(r->name, sizeof r->name, "%s", gad_store_query_text(rows, 0));
    for (int i = 0; i < 9; i++)
        *fields[i] = gad_store_query_number(rows, i + 1);
}

static void number(gad_string *text, int64_t value)
{
    if (value)
        gad_string_addf(text, "%10lld", (long long)value);
    else
        gad_string_addf(text, "%10s", "-");
}

static void add_line(gad_string *text, const row *r, bool json, bool first)
{
    const gad_catalog_entry *e = gad_catalog_find(r->name);
    if (json) {
        gad_string_add(text, first ? "\n" : ",\n");
        gad_string_add(text, "{\"dataset\":");
        gad_string_add_json(text, r->name);
        gad_string_addf(text,
                        ",\"images\":%lld,\"normal\":%lld,\"anomalous\":%lld,\"classes\":%lld,\"types\":%lld,\"boxes\":%"
                        "lld,\"with_reference\":%lld,\"with_text\":%lld,\"problems\":%lld",
                        (long long)r->images, (long long)r->normal, (long long)r->anomalous, (long long)r->classes,
                        (long long)r->types, (long long)r->boxes, (long long)r->references, (long long)r->texts,
                        (long long)r->problems);
        if (e)
            gad_string_addf(text,
                            ",\"published\":{\"images\":%d,\"normal\":%d,\"anomalous\":%d},\"mmr_ad\":{\"images\":%d,"
                            "\"classes\":%d,\"types\":%d,\"boxes\":%d}",
                            e->images, e->normal, e->anomalous, e->mmr_images, e->mmr_categories, e->mmr_types,
                            e->mmr_boxes);
        gad_string_add(text, "}");
        return;
    }
    gad_string_addf(text, "%-18s", r->name);
    const int64_t own[] = {r->images, r->normal,     r->anomalous, r->classes, r->types,
                           r->boxes,  r->references, r->texts,     r->problems};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        number(text, own[i]);
    if (e && e->mmr_images) {
        const int64_t source[] = {e->images, e->normal, e->anomalous},
                      mmr[] = {e->mmr_images, -1, -1, e->mmr_categories, e->mmr_types, e->mmr_boxes};
        gad_string_addf(text, "\n%-18s", "  published");
        for (int i = 0; i < 3; i++)
            number(text, source[i]);
        gad_string_addf(text, "\n%-18s", "  used by MMR-AD");
        for (int i = 0; i < 6; i++) {
            if (mmr[i] < 0)
                gad_string_addf(text, "%10s", "");
            else
                number(text, mmr[i]);
        }
    }
    gad_string_add(text, "\n");
}

gad_status gad_stats_summary(gad_store *store, bool json, gad_string *text, gad_error *err)
{
    gad_store_rows *rows = NULL;
    bool more = false, first = true;
    row total = {.name = "all"};
    gad_status status = gad_store_query_open(store, GAD_STORE_TOTALS, &rows, err);
    if (status)
        return status;
    if (json)
        gad_string_add(text, "[");
    else
        gad_string_addf(text, "%-18s%10s%10s%10s%10s%10s%10s%10s%10s%10s\n", "dataset", "images", "normal", "anomalous",
                        "classes", "types", "boxes", "paired", "with text", "problems");
    status = gad_store_query_next(rows, &more, err);
    while (!status && more) {
        row r;
        read_row(rows, &r);
        add_line(text, &r, json, first);
        first = false;
        total.images += r.images;
        total.normal += r.normal;
        total.anomalous += r.anomalous;
        total.classes += r.classes;
        total.boxes += r.boxes;
        total.references += r.references;
        total.texts += r.texts;
        total.problems += r.problems;
        status = gad_store_query_next(rows, &more, err);
    }
    gad_store_query_close(rows);
    if (json)
        gad_string_add(text, "]\n");
    else
        add_line(text, &total, false, false);
    return status ? status : text->failed ? gad_error_memory(err, "count samples", 0) : GAD_OK;
}

/* One line of the catalogue. */
typedef struct listed {
    const char *name, *title, *license, *citation, *home, *role;
    int published;
    int64_t imported;
} listed;

static void add_listed(gad_string *text, const listed *l, bool json, bool first)
{
    if (!json) {
        char published[24] = "-", there[24] = "-";
        if (l->published)
            snprintf(published, sizeof published, "%d", l->published);
        if (l->imported)
            snprintf(there, sizeof there, "%lld", (long long)l->imported);
        gad_string_addf(text, "%-16s %-34s %10s %10s  %-12s %s\n", l->name, l->title, published, there, l->role,
                        l->license);
        return;
    }
    const char *const keys[] = {"name", "title", "license", "citation", "home", "role"}, *const values[] = {
                                                                                             l->name,    l->title,
                                                                                             l->license, l->citation,
                                                                                             l->home,    l->role};
    gad_string_add(text, first ? "\n{" : ",\n{");
    for (int k = 0; k < 6; k++) {
        gad_string_addf(text, "%s\"%s\":", k ? "," : "", keys[k]);
        gad_string_add_json(text, values[k]);
    }
    gad_string_addf(text, ",\"published\":%d,\"imported\":%lld}", l->published, (long long)l->imported);
}

static gad_status imported(gad_store *store, const char *name, int64_t *count, gad_error *err)
{
    gad_store_filter filter = {0};
    *count = 0;
    filter.dataset = name;
    return store ? gad_store_count(store, &filter, count, err) : GAD_OK;
}

/* What is in the store under names of the user's own. */
static gad_status add_others(gad_store *store, bool json, gad_string *text, gad_error *err)
{
    gad_store_rows *rows = NULL;
    bool more = false;
    gad_status status = gad_store_query_open(store, GAD_STORE_CATALOGUE, &rows, err);
    if (!status)
        status = gad_store_query_next(rows, &more, err);
    while (!status && more) {
        const listed l = {.name = gad_store_query_text(rows, 0),
                          .title = gad_store_query_text(rows, 1),
                          .license = gad_store_query_text(rows, 2),
                          .citation = gad_store_query_text(rows, 3),
                          .home = gad_store_query_text(rows, 4),
                          .role = gad_store_query_number(rows, 6) ? "benchmark" : "imported",
                          .imported = gad_store_query_number(rows, 5)};
        if (!gad_catalog_find(l.name))
            add_listed(text, &l, json, false);
        status = gad_store_query_next(rows, &more, err);
    }
    gad_store_query_close(rows);
    return status;
}

gad_status gad_stats_catalogue(gad_store *store, bool json, gad_string *text, gad_error *err)
{
    gad_status status = GAD_OK;
    if (json)
        gad_string_add(text, "[");
    else
        gad_string_addf(text, "%-16s %-34s %10s %10s  %-12s %s\n", "name", "dataset", "published", "imported", "role",
                        "licence");
    for (int i = 0; i < gad_catalog_count() && !status; i++) {
        const gad_catalog_entry *e = gad_catalog_at(i);
        listed l = {.name = e->name,
                    .title = e->title,
                    .license = e->license,
                    .citation = e->citation,
                    .home = e->home,
                    .role = e->generic     ? "your own"
                            : e->benchmark ? "benchmark"
                                           : "training",
                    .published = e->images};
        status = imported(store, e->name, &l.imported, err);
        add_listed(text, &l, json, i == 0);
    }
    if (!status && store)
        status = add_others(store, json, text, err);
    gad_string_add(text, json ? "]\n" : "");
    return status ? status : text->failed ? gad_error_memory(err, "list datasets", 0) : GAD_OK;
}
