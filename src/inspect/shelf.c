/* shelf: see shelf.h */
#include "inspect/shelf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "inspect/product_file.h"

static const char operation[] = "keep products";
enum { MAX_NAME = 64, MAX_KEPT = 120, MAX_HISTORY = 1000 };

struct gad_shelf {
    char *folder, *backbone, *device;
    gad_learn_settings learn;
    gad_shelf_item **item; /* by name; addresses stay valid */
    size_t count, capacity;
};

static bool good_name(const char *name)
{
    size_t length = strlen(name);
    return length >= 1 && length <= MAX_NAME && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == length;
}

/* folder/NAME/rest; the caller's. */
static gad_status path_of(const gad_shelf *shelf, const char *name, const char *rest, char **path, gad_error *err)
{
    char *inner = gad_file_join(shelf->folder, name);
    *path = inner && rest ? gad_file_join(inner, rest) : inner;
    if (rest)
        gad_memory_free(inner);
    return *path ? GAD_OK : gad_error_memory(err, operation, 256);
}

static void free_item(gad_shelf_item *item)
{
    if (!item)
        return;
    gad_product_free(item->product);
    gad_memory_free(item->name);
    gad_memory_free(item);
}

/* ---- settings ------------------------------------------------------------------------------------------------------ */

/* What a product was settled to be learnt with. */
static void read_learn(const json_t *root, gad_shelf_item *item)
{
    const json_t *learn = json_object_get(root, "learn");
    gad_learn_settings *l = &item->learn;
    item->settled = json_is_object(learn);
    if (!item->settled)
        return;
    l->side_px = json_integer_value(json_object_get(learn, "side_px"));
    l->smallest_px = json_number_value(json_object_get(learn, "smallest_px"));
    l->smallest_share = json_number_value(json_object_get(learn, "smallest_share"));
    l->max_rows = json_integer_value(json_object_get(learn, "most_rows"));
    l->mirror = json_is_true(json_object_get(learn, "mirror"));
    l->guarantee = json_is_true(json_object_get(learn, "guarantee"));
}

static json_t *write_learn(const gad_learn_settings *l)
{
    return json_pack("{s:I, s:f, s:f, s:I, s:b, s:b}", "side_px", (json_int_t)l->side_px, "smallest_px", l->smallest_px,
                     "smallest_share", l->smallest_share, "most_rows", (json_int_t)l->max_rows, "mirror", l->mirror,
                     "guarantee", l->guarantee);
}

static gad_status read_settings(const gad_shelf *shelf, gad_shelf_item *item, gad_error *err)
{
    char *path = NULL;
    json_t *root = NULL;
    item->threshold = (double)NAN;
    gad_status status = path_of(shelf, item->name, "settings.json", &path, err);
    if (!status && gad_file_exists(path)) {
        status = gad_json_load(path, &root, err);
        if (!status && json_is_number(json_object_get(root, "threshold")))
            item->threshold = json_number_value(json_object_get(root, "threshold"));
        read_learn(root, item);
    }
    json_decref(root);
    gad_memory_free(path);
    return status;
}

/* Writes the settings with one more line of history. */
static gad_status note(const gad_shelf *shelf, const gad_shelf_item *item, const char *what, gad_error *err)
{
    char *path = NULL, time[32];
    json_t *root = NULL;
    gad_status status = path_of(shelf, item->name, "settings.json", &path, err);
    if (!status && gad_file_exists(path))
        status = gad_json_load(path, &root, err);
    if (!status && !root)
        root = json_object();
    if (!status) {
        json_t *history = json_object_get(root, "history");
        if (!json_is_array(history)) {
            history = json_array();
            json_object_set_new(root, "history", history);
        }
        while (json_array_size(history) >= MAX_HISTORY)
            json_array_remove(history, 0);
        gad_clock_stamp(time, sizeof time);
        json_array_append_new(history, json_pack("{s:s, s:s, s:I}", "time", time, "what", what, "good",
                                                 (json_int_t)(item->product ? item->product->bank.parts : 0)));
        if (item->settled)
            json_object_set_new(root, "learn", write_learn(&item->learn));
        json_object_set_new(root, "threshold", isnan(item->threshold) ? json_null() : json_real(item->threshold));
        status = gad_json_write(path, root, err);
    }
    json_decref(root);
    gad_memory_free(path);
    return status;
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static gad_status insert(gad_shelf *shelf, gad_shelf_item *item, gad_error *err)
{
    if (!gad_memory_grow((void **)&shelf->item, &shelf->capacity, shelf->count, sizeof *shelf->item))
        return gad_error_memory(err, operation, sizeof *shelf->item);
    size_t at = shelf->count++;
    for (; at && strcmp(shelf->item[at - 1]->name, item->name) > 0; at--)
        shelf->item[at] = shelf->item[at - 1];
    shelf->item[at] = item;
    return GAD_OK;
}

static gad_status new_item(const gad_shelf *shelf, const char *name, gad_shelf_item **item, gad_error *err)
{
    gad_shelf_item *made = gad_memory_zero(1, sizeof *made);
    if (made)
        made->name = gad_memory_copy_string(name);
    if (!made || !made->name) {
        free_item(made);
        return gad_error_memory(err, operation, sizeof *made);
    }
    made->threshold = (double)NAN;
    made->learn = shelf->learn;
    *item = made;
    return GAD_OK;
}

static gad_status equip(const gad_shelf *shelf, gad_product *product, gad_error *err)
{
    gad_backbone *backbone = NULL;
    gad_status status = gad_product_backbone(shelf->backbone, shelf->device, shelf->learn.threads, &backbone, err);
    return status ? status : gad_product_equip(product, backbone, shelf->learn.threads, err);
}

static gad_status load_item(gad_shelf *shelf, const char *name, gad_error *err)
{
    gad_shelf_item *item = NULL;
    char *path = NULL;
    gad_status status = new_item(shelf, name, &item, err);
    if (!status)
        status = path_of(shelf, name, "product.gad", &path, err);
    if (!status)
        status = read_settings(shelf, item, err);
    if (!status && gad_file_exists(path)) {
        status = gad_product_file_read(path, &item->product, err);
        if (!status)
            status = equip(shelf, item->product, err);
    }
    if (!status)
        status = insert(shelf, item, err);
    gad_memory_free(path);
    if (status)
        free_item(item);
    return status;
}

gad_status gad_shelf_open(const char *folder, const gad_learn_settings *learn, gad_shelf **shelf, gad_error *err)
{
    gad_file_names names = {0};
    gad_shelf *s = gad_memory_zero(1, sizeof *s);
    if (!s)
        return gad_error_memory(err, operation, sizeof *s);
    s->folder = gad_memory_copy_string(folder);
    s->backbone = learn->backbone ? gad_memory_copy_string(learn->backbone) : NULL;
    s->device = learn->device ? gad_memory_copy_string(learn->device) : NULL;
    s->learn = *learn;
    gad_status status = s->folder && (s->backbone || !learn->backbone) && (s->device || !learn->device)
                            ? GAD_OK
                            : gad_error_memory(err, operation, strlen(folder));
    if (!status)
        status = gad_file_make_directory(folder, err);
    if (!status)
        status = gad_file_list(folder, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        char *path = NULL;
        status = path_of(s, names.name[i], NULL, &path, err);
        if (!status && good_name(names.name[i]) && gad_file_is_directory(path))
            status = load_item(s, names.name[i], err);
        gad_memory_free(path);
    }
    gad_file_names_free(&names);
    if (status)
        gad_shelf_close(s);
    else
        *shelf = s;
    return status;
}

void gad_shelf_close(gad_shelf *shelf)
{
    if (!shelf)
        return;
    for (size_t i = 0; i < shelf->count; i++)
        free_item(shelf->item[i]);
    gad_memory_free(shelf->item);
    gad_memory_free(shelf->folder);
    gad_memory_free(shelf->backbone);
    gad_memory_free(shelf->device);
    gad_memory_free(shelf);
}

size_t gad_shelf_count(const gad_shelf *shelf)
{
    return shelf->count;
}

gad_shelf_item *gad_shelf_at(gad_shelf *shelf, size_t index)
{
    return shelf->item[index];
}

gad_shelf_item *gad_shelf_find(gad_shelf *shelf, const char *name)
{
    for (size_t i = 0; name && i < shelf->count; i++)
        if (!strcmp(shelf->item[i]->name, name))
            return shelf->item[i];
    return NULL;
}

/* ---- products ------------------------------------------------------------------------------------------------------ */

gad_status gad_shelf_create(gad_shelf *shelf, const char *name, gad_shelf_item **item, gad_error *err)
{
    char *path = NULL;
    gad_shelf_item *made = NULL;
    if (!good_name(name))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "use letters, digits, '.', '_' and '-'",
                             "\"%.80s\" cannot be the name of a product", name);
    if (gad_shelf_find(shelf, name))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "there is a product %s already", name);
    gad_status status = new_item(shelf, name, &made, err);
    if (!status)
        status = path_of(shelf, name, "good", &path, err);
    if (!status)
        status = gad_file_make_directory(path, err);
    if (!status)
        status = note(shelf, made, "made", err);
    if (!status)
        status = insert(shelf, made, err);
    gad_memory_free(path);
    if (status)
        free_item(made);
    else
        *item = made;
    return status;
}

gad_status gad_shelf_look_at(gad_shelf *shelf, gad_shelf_item *item, const gad_image *area, gad_error *err)
{
    char *path = NULL;
    if (item->product)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "make a new product", "%s has good parts already", item->name);
    gad_status status = path_of(shelf, item->name, "area.png", &path, err);
    if (!status)
        status = gad_image_save_png(area, path, err);
    if (!status)
        status = note(shelf, item, "area chosen", err);
    gad_memory_free(path);
    return status;
}

gad_status gad_shelf_settle(gad_shelf *shelf, gad_shelf_item *item, const gad_learn_settings *learn, gad_error *err)
{
    if (item->product)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "make a new product", "%s has good parts already", item->name);
    item->settled = true;
    item->learn.side_px = learn->side_px;
    item->learn.smallest_px = learn->smallest_px;
    item->learn.smallest_share = learn->smallest_share;
    item->learn.max_rows = learn->max_rows;
    item->learn.mirror = learn->mirror;
    item->learn.guarantee = learn->guarantee;
    return note(shelf, item, "settings chosen", err);
}

gad_status gad_shelf_delete(gad_shelf *shelf, const char *name, gad_error *err)
{
    char *path = NULL;
    for (size_t i = 0; i < shelf->count; i++) {
        if (strcmp(shelf->item[i]->name, name))
            continue;
        gad_status status = path_of(shelf, name, NULL, &path, err);
        if (!status)
            status = gad_file_remove(path, err);
        gad_memory_free(path);
        if (status)
            return status;
        free_item(shelf->item[i]);
        memmove(shelf->item + i, shelf->item + i + 1, (shelf->count - i - 1) * sizeof *shelf->item);
        shelf->count--;
        return GAD_OK;
    }
    return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "there is no product %.80s", name);
}

gad_status gad_shelf_import(gad_shelf *shelf, const char *name, const char *path, gad_error *err)
{
    gad_shelf_item *item = NULL;
    gad_product *product = NULL;
    gad_status status = gad_product_file_read(path, &product, err);
    if (!status)
        status = equip(shelf, product, err);
    if (!status)
        status = gad_shelf_create(shelf, name, &item, err);
    if (status) {
        gad_product_free(product);
        return status;
    }
    item->product = product;
    char *own = NULL;
    status = path_of(shelf, name, "product.gad", &own, err);
    if (!status)
        status = gad_product_file_write(product, own, err);
    if (!status)
        status = note(shelf, item, "imported", err);
    gad_memory_free(own);
    if (status)
        gad_shelf_delete(shelf, name, NULL);
    return status;
}

static gad_status load_area(const gad_shelf *shelf, const gad_shelf_item *item, gad_error *err)
{
    char *path = NULL;
    gad_image area = {0};
    gad_status status = path_of(shelf, item->name, "area.png", &path, err);
    if (!status && gad_file_exists(path)) {
        status = gad_image_load_mask(path, GAD_IMAGE_PALETTE_COLOUR, &area, err);
        if (!status)
            status = gad_product_look_at(item->product, &area, err);
    }
    gad_image_free(&area);
    gad_memory_free(path);
    return status;
}

/* Before its first good part, whose size says what a smallest defect is. */
static gad_status begin_product(gad_shelf *shelf, gad_shelf_item *item, const gad_image *first, gad_error *err)
{
    gad_backbone *backbone = NULL;
    gad_learn_settings learn = item->learn;
    if (item->product)
        return GAD_OK;
    learn.name = item->name;
    gad_status status = gad_product_side(&learn, first->width, first->height, &learn.side_px, err);
    if (!status)
        status = gad_product_backbone(shelf->backbone, shelf->device, learn.threads, &backbone, err);
    if (!status)
        status = gad_product_new(&learn, backbone, &item->product, err);
    if (status)
        return status;
    status = gad_product_head(&learn, gad_backbone_describe(item->product->backbone), &item->product->sight.head, err);
    if (!status)
        status = load_area(shelf, item, err);
    if (status) {
        gad_product_free(item->product);
        item->product = NULL;
    }
    return status;
}

/* The file's own name as a name that no file of the folder has: control characters and slashes become '_'. */
static void choose_name(const char *folder, const char *name, char *kept)
{
    char safe[MAX_KEPT + 1];
    name = gad_file_name(name);
    snprintf(safe, sizeof safe, "%s", *name && *name != '.' ? name : "part");
    for (char *at = safe; *at; at++)
        *at = (unsigned char)*at < ' ' || *at == 127 || strchr("/\\", *at) ? '_' : *at;
    const char *extension = gad_file_extension(safe);
    int stem = (int)(strlen(safe) - strlen(extension) - (*extension != 0));
    for (int i = 1; i < 1000000; i++) {
        if (i == 1)
            snprintf(kept, 256, "%s", safe);
        else
            snprintf(kept, 256, "%.*s_%d%s%s", stem, safe, i, *extension ? "." : "", extension);
        char *path = gad_file_join(folder, kept);
        bool taken = path && gad_file_exists(path);
        gad_memory_free(path);
        if (!taken)
            return;
    }
}

gad_status gad_shelf_add(gad_shelf *shelf, gad_shelf_item *item, const char *name, const void *bytes, size_t size_bytes,
                         char *kept, gad_error *err)
{
    gad_image image = {0};
    char *folder = NULL, *path = NULL;
    gad_status status = gad_image_decode(bytes, size_bytes, name, 0, &image, err);
    if (!status)
        status = path_of(shelf, item->name, "good", &folder, err);
    if (!status)
        status = gad_file_make_directory(folder, err);
    if (!status) {
        choose_name(folder, name, kept);
        path = gad_file_join(folder, kept);
        status = path ? begin_product(shelf, item, &image, err) : gad_error_memory(err, operation, 256);
    }
    if (!status)
        status = gad_file_write(path, bytes, size_bytes, err);
    if (!status) {
        status = gad_product_add(item->product, kept, &image, err);
        if (status)
            gad_file_remove(path, NULL);
    }
    gad_image_free(&image);
    gad_memory_free(folder);
    gad_memory_free(path);
    return status;
}

gad_status gad_shelf_learn(gad_shelf *shelf, gad_shelf_item *item, gad_error *err)
{
    char *path = NULL;
    if (!item->product || !item->product->bank.parts)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "add pictures of good parts", "%s has no good parts",
                             item->name);
    gad_status status = gad_product_finish(item->product, item->learn.rate, item->learn.confidence, err);
    if (!status)
        status = path_of(shelf, item->name, "product.gad", &path, err);
    if (!status)
        status = gad_product_file_write(item->product, path, err);
    if (!status)
        status = note(shelf, item, "learnt", err);
    gad_memory_free(path);
    return status;
}

static int64_t part_of(const gad_shelf_item *item, const char *name)
{
    for (int64_t i = 0; item->product && i < item->product->bank.parts; i++)
        if (!strcmp(item->product->bank.part[i].name, name))
            return i;
    return -1;
}

static gad_status no_such_part(const gad_shelf_item *item, const char *name, gad_error *err)
{
    return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%s has no good part %.120s", item->name, name);
}

gad_status gad_shelf_picture(const gad_shelf *shelf, const gad_shelf_item *item, const char *name, char **path,
                             gad_error *err)
{
    char *folder = NULL, *made = NULL;
    if (part_of(item, name) < 0)
        return no_such_part(item, name, err);
    gad_status status = path_of(shelf, item->name, "good", &folder, err);
    if (!status && !(made = gad_file_join(folder, name)))
        status = gad_error_memory(err, operation, strlen(name));
    gad_memory_free(folder);
    if (!status && !gad_file_exists(made)) {
        gad_memory_free(made);
        return no_such_part(item, name, err);
    }
    if (!status)
        *path = made;
    return status;
}

gad_status gad_shelf_remove(gad_shelf *shelf, gad_shelf_item *item, const char *name, gad_error *err)
{
    char *path = NULL;
    int64_t part = part_of(item, name);
    if (part < 0)
        return no_such_part(item, name, err);
    if (item->product->bank.parts == 1)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "add another good part first, or delete the product",
                             "%s is the last good part of %s", name, item->name);
    bool kept = !gad_shelf_picture(shelf, item, name, &path, NULL);
    gad_status status = gad_product_remove(item->product, part, err);
    if (!status)
        status = gad_shelf_learn(shelf, item, err);
    if (!status && kept)
        status = gad_file_remove(path, err);
    gad_memory_free(path);
    return status;
}

/* ---- threshold ----------------------------------------------------------------------------------------------------- */

gad_status gad_shelf_choose(gad_shelf *shelf, gad_shelf_item *item, double threshold, gad_error *err)
{
    if (threshold < 0 || threshold > 1)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "a threshold is between 0 and 1, not %g", threshold);
    double before = item->threshold;
    item->threshold = threshold;
    gad_status status = note(shelf, item, isnan(threshold) ? "threshold as learnt" : "threshold chosen", err);
    if (status)
        item->threshold = before;
    return status;
}

double gad_shelf_threshold(const gad_shelf_item *item)
{
    return isnan(item->threshold) ? GAD_SHELF_LEARNT : item->threshold;
}
