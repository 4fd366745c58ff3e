/* products: the products of a folder (gad_serve.h), over the shelf. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/string.h"
#include "gad_serve.h"
#include "inspect/area.h"
#include "inspect/product_file.h"
#include "inspect/shelf.h"

static const char operation[] = "keep products";
enum { MAX_PICTURE_BYTES = 1 << 30 };

struct gad_products {
    gad_shelf *shelf;
    void (*on_unread)(void *user, const char *path, const gad_error *why); /* as in gad_learn_settings */
    void *user;
};

gad_status gad_products_open(const char *folder, const gad_learn_settings *learn, gad_products **products, gad_error *err)
{
    gad_products *made = gad_memory_zero(1, sizeof *made);
    if (!made)
        return gad_error_memory(err, operation, sizeof *made);
    made->on_unread = learn->on_unread;
    made->user = learn->user;
    gad_status status = gad_shelf_open(folder, learn, &made->shelf, err);
    if (status)
        gad_products_free(made);
    else
        *products = made;
    return status;
}

void gad_products_free(gad_products *products)
{
    if (!products)
        return;
    gad_shelf_close(products->shelf);
    gad_memory_free(products);
}

static gad_status find(gad_products *products, const char *name, bool learnt, gad_shelf_item **item, gad_error *err)
{
    *item = gad_shelf_find(products->shelf, name);
    if (!*item)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "gad product list shows the products",
                             "there is no product %.80s", name);
    if (learnt && (!(*item)->product || !(*item)->product->finished))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "add pictures of good parts", "%s has learnt nothing yet",
                             name);
    return GAD_OK;
}

gad_status gad_products_new(gad_products *products, const char *name, gad_error *err)
{
    gad_shelf_item *item;
    return gad_shelf_create(products->shelf, name, &item, err);
}

gad_status gad_products_look_at(gad_products *products, const char *name, const double rectangle[4], const char *mask,
                                gad_error *err)
{
    gad_shelf_item *item = NULL;
    gad_image area = {0};
    gad_status status = find(products, name, false, &item, err);
    if (!status)
        status = gad_area_load(rectangle, mask, &area, err);
    if (!status)
        status = gad_shelf_look_at(products->shelf, item, &area, err);
    gad_image_free(&area);
    return status;
}

gad_status gad_products_settle(gad_products *products, const char *name, const gad_learn_settings *learn, gad_error *err)
{
    gad_shelf_item *item = NULL;
    gad_status status = find(products, name, false, &item, err);
    return status ? status : gad_shelf_settle(products->shelf, item, learn, err);
}

gad_status gad_products_delete(gad_products *products, const char *name, gad_error *err)
{
    return gad_shelf_delete(products->shelf, name, err);
}

/* All files are decoded before the first is learnt; `readable` [count] gets those that can be, at least one. */
static gad_status check_files(const gad_products *products, const char *const *good, int64_t count, const char **readable,
                              int64_t *readable_count, gad_error *err)
{
    gad_status status = GAD_OK;
    gad_error why = {0};
    *readable_count = 0;
    for (int64_t i = 0; i < count; i++) {
        gad_image image = {0};
        status = gad_image_load(good[i], &image, &why);
        gad_image_free(&image);
        if (!status)
            readable[(*readable_count)++] = good[i];
        else if (status == GAD_E_MEMORY || !products->on_unread)
            break;
        else
            products->on_unread(products->user, good[i], &why);
    }
    if (*readable_count && products->on_unread && status != GAD_E_MEMORY)
        return GAD_OK;
    if (status && err)
        *err = why;
    return status;
}

static gad_status add_file(gad_products *products, gad_shelf_item *item, const char *path, gad_error *err)
{
    char kept[256], *bytes = NULL;
    size_t size;
    gad_status status = gad_file_read(path, MAX_PICTURE_BYTES, &bytes, &size, err);
    if (!status)
        status = gad_shelf_add(products->shelf, item, path, bytes, size, kept, err);
    gad_memory_free(bytes);
    return status;
}

gad_status gad_products_add(gad_products *products, const char *name, const char *const *good, int64_t count,
                            const gad_progress *progress, gad_error *err)
{
    gad_shelf_item *item;
    int64_t readable_count = 0;
    const char **readable = gad_memory_alloc((size_t)count, sizeof *readable);
    gad_status status = readable ? find(products, name, false, &item, err)
                                 : gad_error_memory(err, operation, (size_t)count * sizeof *readable);
    if (!status)
        status = check_files(products, good, count, readable, &readable_count, err);
    gad_progress_meter meter = gad_progress_start(progress, "good parts", readable_count);
    for (int64_t i = 0; i < readable_count && !status; i++) {
        status = add_file(products, item, readable[i], err);
        if (!status && !gad_progress_update(&meter, i + 1))
            status = gad_error_set(err, GAD_E_CANCELLED, operation, NULL, "stopped");
    }
    gad_memory_free(readable);
    return status ? status : gad_shelf_learn(products->shelf, item, err);
}

gad_status gad_products_forget(gad_products *products, const char *name, const char *part, gad_error *err)
{
    gad_shelf_item *item;
    gad_status status = find(products, name, true, &item, err);
    return status ? status : gad_shelf_remove(products->shelf, item, part, err);
}

gad_status gad_products_choose(gad_products *products, const char *name, double threshold, gad_error *err)
{
    gad_shelf_item *item;
    gad_status status = find(products, name, false, &item, err);
    return status ? status : gad_shelf_choose(products->shelf, item, threshold, err);
}

/* ---- telling ------------------------------------------------------------------------------------------------------- */

static void add_number(gad_string *text, double value)
{
    if (isfinite(value))
        gad_string_addf(text, "%.4f", value);
    else
        gad_string_add(text, "null");
}

/* Of its largest picture; files of an earlier form do not say how large it was. */
static int64_t tiles_of(const gad_product *p)
{
    return p->most_px[0] ? gad_product_tiles(p, p->most_px[0], p->most_px[1]) : 1;
}

static void add_json(gad_string *text, const gad_shelf_item *item)
{
    const gad_product *p = item->product;
    gad_string_add(text, "{\"name\":");
    gad_string_add_json(text, item->name);
    gad_string_addf(text, ",\"good\":%lld,\"threshold\":", (long long)(p ? p->bank.parts : 0));
    add_number(text, gad_shelf_threshold(item));
    gad_string_addf(text, ",\"chosen\":%s", isnan(item->threshold) ? "false" : "true");
    if (p)
        gad_string_addf(text, ",\"side_px\":%lld,\"tiles\":%lld,\"mirrored\":%s,\"guarantee\":%s,\"looked_at\":%.4f",
                        (long long)p->side_px, (long long)tiles_of(p), p->views > 1 ? "true" : "false",
                        p->guarantee ? "true" : "false", gad_area_share(&p->area));
    gad_string_add(text, ",\"parts\":[");
    for (int64_t i = 0; p && i < p->bank.parts; i++) {
        gad_string_add(text, i ? ",{\"name\":" : "{\"name\":");
        gad_string_add_json(text, p->bank.part[i].name);
        gad_string_add(text, ",\"score\":");
        add_number(text, gad_product_own_score(p, i));
        gad_string_addf(text, ",\"odd\":%s}", gad_product_is_odd(p, i) ? "true" : "false");
    }
    gad_string_add(text, "]}");
}

static void add_line(gad_string *text, const gad_shelf_item *item)
{
    const gad_product *p = item->product;
    gad_string_addf(text, "%-24s %5lld good parts, threshold %.3f (%s)\n", item->name, (long long)(p ? p->bank.parts : 0),
                    gad_shelf_threshold(item), isnan(item->threshold) ? "learnt" : "chosen");
}

/* How it was learnt, and what it promises. */
static void add_settings(gad_string *text, const gad_product *p)
{
    char promise[128];
    const int64_t tiles = tiles_of(p);
    gad_string_addf(text, "  pictures of %lld x %lld px, seen at %lld px by %s", (long long)p->most_px[0],
                    (long long)p->most_px[1], (long long)p->side_px, p->family);
    if (tiles > 1)
        gad_string_addf(text, " in %lld tiles", (long long)tiles);
    gad_string_addf(text, "%s; %lld places are remembered\n", p->views > 1 ? ", mirrored too" : "",
                    (long long)p->bank.count);
    if (p->area.pixels)
        gad_string_addf(text, "  looks at %.3g %% of the picture\n", 100 * gad_area_share(&p->area));
    gad_threshold_describe(&p->threshold, promise, sizeof promise);
    gad_string_addf(text, "  learnt threshold: %s\n", promise);
    if (p->milliseconds > 0)
        gad_string_addf(text, "  %.1f ms a part\n", p->milliseconds);
}

static void add_parts(gad_string *text, const gad_shelf_item *item)
{
    const gad_product *p = item->product;
    for (int64_t i = 0; p && i < p->bank.parts; i++)
        gad_string_addf(text, "  %-40s %6.3f%s\n", p->bank.part[i].name, gad_product_own_score(p, i),
                        gad_product_is_odd(p, i) ? "  odd: look at it" : "");
    if (p && p->finished)
        add_settings(text, p);
}

gad_status gad_products_describe(gad_products *products, const char *name, bool json, char **text, gad_error *err)
{
    gad_string s = {0};
    gad_shelf_item *one = NULL;
    gad_status status = name ? find(products, name, false, &one, err) : GAD_OK;
    size_t count = one ? 1 : gad_shelf_count(products->shelf);
    if (json && !one)
        gad_string_add(&s, "[");
    for (size_t i = 0; i < count && !status; i++) {
        const gad_shelf_item *item = one ? one : gad_shelf_at(products->shelf, i);
        if (json) {
            gad_string_add(&s, i ? "," : "");
            add_json(&s, item);
            continue;
        }
        add_line(&s, item);
        if (one)
            add_parts(&s, item);
    }
    if (json)
        gad_string_add(&s, one ? "\n" : "]\n");
    if (!status)
        status = s.failed || !(*text = gad_memory_copy_string(gad_string_text(&s)))
                     ? gad_error_memory(err, operation, s.length)
                     : GAD_OK;
    gad_string_free(&s);
    return status;
}

/* ---- checking ------------------------------------------------------------------------------------------------------ */

typedef struct check {
    const gad_products *products;
    const gad_shelf_item *item;
    void (*on_wrong)(void *user, const char *path, double score);
    void *user;
    gad_products_test *report;
} check;

static gad_status check_one(const check *c, const char *path, bool bad, gad_error *err)
{
    gad_image image = {0};
    gad_inspection r = {0};
    gad_error why = {0};
    double start = gad_clock_seconds();
    gad_status status = gad_image_load(path, &image, &why);
    if (!status)
        status = gad_product_look(c->item->product, &image, gad_shelf_threshold(c->item), &r, &why);
    gad_image_free(&image);
    if (status == GAD_E_MEMORY || status == GAD_E_CANCELLED) {
        if (err)
            *err = why;
        return status;
    }
    c->report->failed += status != GAD_OK;
    if (status && c->products->on_unread)
        c->products->on_unread(c->products->user, path, &why);
    if (status)
        return GAD_OK;
    bool rejected = r.verdict != GAD_VERDICT_NORMAL;
    c->report->milliseconds += 1000 * (gad_clock_seconds() - start);
    c->report->bad += bad;
    c->report->good += !bad;
    c->report->missed += bad && !rejected;
    c->report->false_alarms += !bad && rejected;
    if (bad != rejected && c->on_wrong)
        c->on_wrong(c->user, path, r.score);
    gad_inspection_clear(&r);
    return GAD_OK;
}

gad_status gad_products_check(gad_products *products, const char *name, const char *const *good, int64_t good_count,
                              const char *const *bad, int64_t bad_count,
                              void (*on_wrong)(void *user, const char *path, double score), void *user,
                              gad_products_test *report, gad_error *err)
{
    gad_products_test counted = {0};
    gad_shelf_item *item;
    gad_status status = find(products, name, true, &item, err);
    check c = {.products = products, .item = item, .on_wrong = on_wrong, .user = user, .report = &counted};
    for (int64_t i = 0; i < good_count && !status; i++)
        status = check_one(&c, good[i], false, err);
    for (int64_t i = 0; i < bad_count && !status; i++)
        status = check_one(&c, bad[i], true, err);
    if (counted.good + counted.bad)
        counted.milliseconds /= (double)(counted.good + counted.bad);
    if (!status)
        *report = counted;
    return status;
}

gad_status gad_products_export(gad_products *products, const char *name, const char *path, gad_error *err)
{
    gad_shelf_item *item;
    gad_status status = find(products, name, true, &item, err);
    return status ? status : gad_product_file_write(item->product, path, err);
}

gad_status gad_products_import(gad_products *products, const char *name, const char *path, gad_error *err)
{
    return gad_shelf_import(products->shelf, name, path, err);
}
