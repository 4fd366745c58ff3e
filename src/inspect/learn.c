/* learn: products as files: learnt from the files of good parts, written, opened, described (gad.h). In: paths. Out: a
 * product. Knows nothing of how parts are compared. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/installed.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/progress.h"
#include "inspect/area.h"
#include "inspect/product_file.h"

static const char learning[] = "learn a product";

static bool find_backbone(char *path, size_t path_bytes)
{
    static const char *const places[] = {"models/backbone/lite0.safetensors",
                                         "../share/gad/models/backbone/lite0.safetensors",
                                         "../../share/gad/models/backbone/lite0.safetensors", NULL};
    return gad_installed_find(places, path, path_bytes);
}

gad_status gad_product_backbone(const char *given, const char *device, int threads, gad_backbone **backbone, gad_error *err)
{
    char path[4096];
    if (!given && !find_backbone(path, sizeof path))
        return gad_error_set(err, GAD_E_ARGUMENT, "open a backbone", "give one with --features",
                             "models/backbone/lite0.safetensors is not installed beside gad");
    gad_backbone *opened = NULL;
    gad_status status = gad_backbone_open(given ? given : path, threads, &opened, err);
    if (!status)
        status = gad_backbone_use_device(opened, device, err);
    if (status)
        gad_backbone_free(opened);
    else
        *backbone = opened;
    return status;
}

/* Of X.safetensors X.head.safetensors, of a folder head.safetensors in it. */
static void place_beside(const char *backbone, char *path, size_t path_bytes)
{
    static const char ending[] = ".safetensors";
    const size_t length = strlen(backbone), end = sizeof ending - 1;
    if (length > end && !strcmp(backbone + length - end, ending))
        snprintf(path, path_bytes, "%.*s.head%s", (int)(length - end), backbone, ending);
    else
        snprintf(path, path_bytes, "%s/head%s", backbone, ending);
}

gad_status gad_product_head(const gad_learn_settings *settings, const gad_backbone_info *backbone, gad_map_head *head,
                            gad_error *err)
{
    char installed[4096], beside[4096 + 32];
    const char *path = settings->head, *seen_by = settings->backbone;
    *head = (gad_map_head){0};
    if (path && !strcmp(path, "none"))
        return GAD_OK;
    if (!path) {
        if (!seen_by && find_backbone(installed, sizeof installed))
            seen_by = installed;
        place_beside(seen_by ? seen_by : "", beside, sizeof beside);
        if (!seen_by || !gad_file_exists(beside))
            return GAD_OK;
        path = beside;
    }
    gad_status status = gad_map_head_open(path, head, err);
    if (!status && !gad_hash_equal(head->backbone, backbone->hash)) {
        gad_map_head_free(head);
        status = gad_error_set(err, GAD_E_ARGUMENT, learning, "give another with --head, or --head none",
                               "%s was trained on other features than those of %s", path, backbone->family);
    }
    return status;
}

/* *image stays empty where the file is left out. */
static gad_status load(const gad_learn_settings *settings, const char *path, gad_image *image, gad_error *err)
{
    gad_error why = {0};
    *image = (gad_image){0};
    gad_status status = gad_image_load(path, image, &why);
    if (status && status != GAD_E_MEMORY && settings->on_unread) {
        settings->on_unread(settings->user, path, &why);
        return GAD_OK;
    }
    if (status && err)
        *err = why;
    return status;
}

static gad_status refuse_all(int64_t count, gad_error *err)
{
    return gad_error_set(err, GAD_E_ARGUMENT, learning, "give pictures of good parts", "none of the %lld files can be read",
                         (long long)count);
}

/* What one inspection takes, by inspecting a good part. */
static gad_status measure_time(gad_product *product, const char *path, gad_error *err)
{
    gad_image image = {0};
    gad_inspection seen;
    gad_status status = gad_image_load(path, &image, err);
    if (status)
        return status;
    const double start = gad_clock_seconds();
    status = gad_product_look(product, &image, NAN, &seen, err);
    product->milliseconds = 1000 * (gad_clock_seconds() - start);
    product->tiles = gad_product_tiles(product, image.width, image.height);
    if (!status)
        gad_inspection_clear(&seen);
    gad_image_free(&image);
    return status;
}

static gad_status look_at(gad_product *product, const double *roi, const char *mask, gad_error *err)
{
    gad_image area = {0};
    gad_status status = gad_area_load(roi, mask, &area, err);
    if (!status)
        status = gad_product_look_at(product, &area, err);
    gad_image_free(&area);
    return status;
}

/* A product for pictures like this one. */
static gad_status begin(const gad_learn_settings *settings, const gad_image *image, gad_product **product, gad_error *err)
{
    gad_learn_settings s = *settings;
    gad_backbone *backbone = NULL;
    gad_status status = gad_product_side(settings, image->width, image->height, &s.side_px, err);
    if (!status)
        status = gad_product_backbone(s.backbone, s.device, s.threads, &backbone, err);
    if (!status)
        status = gad_product_new(&s, backbone, product, err);
    if (!status)
        status = gad_product_head(&s, gad_backbone_describe((*product)->backbone), &(*product)->sight.head, err);
    return status || !(s.roi || s.mask) ? status : look_at(*product, s.roi, s.mask, err);
}

/* *last: the last file that was read. */
static gad_status learn_files(const char *const *good, int64_t count, const gad_learn_settings *settings,
                              const gad_progress *progress, gad_product **product, const char **last, gad_error *err)
{
    gad_status status = GAD_OK;
    gad_progress_meter meter = gad_progress_start(progress, "good parts", count);
    *last = NULL;
    for (int64_t i = 0; !status && i < count; i++) {
        gad_image image;
        status = load(settings, good[i], &image, err);
        if (!status && image.pixels && !*product)
            status = begin(settings, &image, product, err);
        if (!status && image.pixels)
            status = gad_product_add(*product, gad_file_name(*last = good[i]), &image, err);
        gad_image_free(&image);
        if (!status && !gad_progress_update(&meter, i + 1))
            status = gad_error_set(err, GAD_E_CANCELLED, learning, NULL, "stopped after %lld good parts", (long long)i + 1);
    }
    return status || *last ? status : refuse_all(count, err);
}

gad_status gad_product_learn(const char *const *good, int64_t count, const gad_learn_settings *settings,
                             const gad_progress *progress, gad_product **product, gad_error *err)
{
    gad_product *p = NULL;
    const char *last;
    if (count < 1)
        return gad_error_set(err, GAD_E_ARGUMENT, learning, "give the files of good parts", "no good part");
    gad_status status = learn_files(good, count, settings, progress, &p, &last, err);
    if (!status)
        status = gad_product_finish(p, settings->rate, settings->confidence, err);
    if (!status)
        status = measure_time(p, last, err);
    if (status) {
        gad_product_free(p);
        return status;
    }
    *product = p;
    return GAD_OK;
}

gad_status gad_product_learn_more(gad_product *product, const char *const *good, int64_t count,
                                  const gad_learn_settings *settings, gad_error *err)
{
    const char *last = NULL;
    gad_status status = count ? learn_files(good, count, settings, NULL, &product, &last, err) : GAD_OK;
    return status ? status : gad_product_finish(product, product->threshold.rate, product->threshold.confidence, err);
}

gad_status gad_product_forget(gad_product *product, const char *name, gad_error *err)
{
    int64_t part = 0;
    while (part < product->bank.parts && strcmp(product->bank.part[part].name, name) != 0)
        part++;
    if (part == product->bank.parts)
        return gad_error_set(err, GAD_E_ARGUMENT, "forget a good part", "gad product lists the parts",
                             "%s: %s has no such good part", name, product->name);
    gad_status status = gad_product_remove(product, part, err);
    return status ? status : gad_product_finish(product, product->threshold.rate, product->threshold.confidence, err);
}

gad_status gad_product_use_device(gad_product *product, const char *device, gad_error *err)
{
    return gad_backbone_use_device(product->backbone, device, err);
}

gad_status gad_product_save(const gad_product *product, const char *path, gad_error *err)
{
    return gad_product_file_write(product, path, err);
}

/* A product's folder (shelf.h): its file, whose name becomes the caller's, and the threshold that somebody chose. */
static gad_status open_folder(const char *folder, char **file, bool *has_chosen, double *chosen, gad_error *err)
{
    json_t *root = NULL;
    char *settings = gad_file_join(folder, "settings.json");
    *file = gad_file_join(folder, "product.gad");
    gad_status status = settings && *file ? GAD_OK : gad_error_memory(err, learning, strlen(folder));
    if (!status && gad_file_exists(settings))
        status = gad_json_load(settings, &root, err);
    const json_t *threshold = json_object_get(root, "threshold");
    *has_chosen = json_is_number(threshold);
    *chosen = json_number_value(threshold);
    json_decref(root);
    gad_memory_free(settings);
    return status;
}

gad_status gad_product_open(const char *path, const char *backbone, int threads, gad_product **product, gad_error *err)
{
    gad_product *p = NULL;
    gad_backbone *opened = NULL;
    char *file = NULL;
    bool has_chosen = false;
    double chosen = 0;
    gad_status status = gad_file_is_directory(path) ? open_folder(path, &file, &has_chosen, &chosen, err) : GAD_OK;
    if (!status)
        status = gad_product_file_read(file ? file : path, &p, err);
    gad_memory_free(file);
    if (!status)
        status = gad_product_backbone(backbone, NULL, threads, &opened, err);
    if (!status)
        status = gad_product_equip(p, opened, threads, err);
    if (status) {
        gad_product_free(p);
        return status;
    }
    p->has_chosen = has_chosen;
    p->chosen = chosen;
    *product = p;
    return GAD_OK;
}

void gad_product_describe(const gad_product *p, gad_product_info *info)
{
    *info = (gad_product_info){.name = p->name,
                               .backbone = p->family,
                               .parts = p->bank.parts,
                               .rows = p->bank.count,
                               .width = p->bank.width,
                               .side_px = p->side_px,
                               .mirrored = p->views > 1,
                               .headed = gad_map_head_exists(&p->sight.head),
                               .centre = p->centre,
                               .spread = p->spread,
                               .threshold = p->threshold,
                               .milliseconds = p->milliseconds,
                               .tiles = p->tiles};
}

void gad_product_part(const gad_product *p, int64_t part, const char **name, double *distance, bool *odd)
{
    *name = p->bank.part[part].name;
    *distance = p->score[part];
    *odd = gad_product_is_odd(p, part);
}
