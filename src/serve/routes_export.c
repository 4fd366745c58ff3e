/* routes_export: GET /v1/export: the reviewed parts of a product as a tar file: COCO or Label Studio (written by the data
 * room's exports), or folders as MVTec AD has them, with the good parts as the training split. What a person said counts as
 * the truth; boxes are those of the inspection. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/export.h"
#include "io/tar.h"
#include "serve/app.h"
#include "serve/routes.h"

static const char operation[] = "export reviewed parts";
enum { MOST_PARTS = 1000 };

/* One export on its way: a folder that is packed and thrown away. */
typedef struct job {
    gad_server *server;
    const gad_shelf_item *item;
    const char *format;
    char folder[64];
    json_t *rows; /* reviewed parts */
} job;

static bool is_mvtec(const job *j)
{
    return !strcmp(j->format, "mvtec");
}

/* Copies a file to folder/inner/name. */
static gad_status copy_file(const job *j, const char *inner, const char *from, const char *name, gad_error *err)
{
    char *folder = gad_file_join(j->folder, inner), *to = folder ? gad_file_join(folder, name) : NULL;
    gad_file_map map;
    gad_status status = to ? gad_file_make_directory(folder, err) : gad_error_memory(err, operation, 256);
    if (!status && !(status = gad_file_map_open(from, &map, err))) {
        status = gad_file_write(to, map.data, map.size_bytes, err);
        gad_file_map_close(&map);
    }
    gad_memory_free(folder);
    gad_memory_free(to);
    return status;
}

/* The picture's name in the export: the result's number keeps names apart. */
static void name_row(const json_t *row, const char *extension, char *name, size_t size)
{
    const char *own = json_string_value(json_object_get(row, "name"));
    char stem[100];
    snprintf(stem, sizeof stem, "%s", own && *own ? gad_file_name(own) : "part");
    stem[strlen(stem) - strlen(gad_file_extension(stem)) - (*gad_file_extension(stem) != 0)] = 0;
    for (char *at = stem; *at; at++)
        *at = (unsigned char)*at <= ' ' || strchr("/\\\"'<>", *at) ? '_' : *at;
    snprintf(name, size, "%06lld_%s%s", (long long)json_integer_value(json_object_get(row, "id")), stem, extension);
}

/* The extension that the content has. */
static const char *extension_of(const char *path)
{
    unsigned char head[4] = {0};
    FILE *file = fopen(path, "rb");
    if (file) {
        if (fread(head, 1, sizeof head, file) < 2)
            head[0] = 0;
        fclose(file);
    }
    return !memcmp(head, "\x89PNG", 4)    ? ".png"
           : !memcmp(head, "\xff\xd8", 2) ? ".jpg"
           : !memcmp(head, "RIFF", 4)     ? ".webp"
           : !memcmp(head, "BM", 2)       ? ".bmp"
                                          : ".tif";
}

static bool is_anomalous(const json_t *row)
{
    const char *review = json_string_value(json_object_get(row, "review"));
    return review && !strcmp(review, "anomalous");
}

/* ---- MVTec folders ------------------------------------------------------------------------------------------------- */

/* A mask of the inspection's boxes, where there are any. */
static gad_status write_mask(const job *j, const json_t *row, const char *name, gad_error *err)
{
    const json_t *result = json_object_get(row, "result"), *defects = json_object_get(result, "boxes");
    gad_image mask = {0};
    char *folder = gad_file_join(j->folder, "ground_truth/anomalous"), *path = folder ? gad_file_join(folder, name) : NULL;
    size_t i;
    json_t *defect;
    gad_status status = path ? gad_file_make_directory(folder, err) : gad_error_memory(err, operation, 256);
    if (!status && json_array_size(defects))
        status = gad_image_new(json_integer_value(json_object_get(result, "width")),
                               json_integer_value(json_object_get(result, "height")), 1, &mask, err);
    if (mask.pixels) {
        memset(mask.pixels, 0, (size_t)(mask.width * mask.height));
        json_array_foreach (defects, i, defect) {
            const json_t *box = json_object_get(defect, "bbox_2d");
            int64_t edge[4];
            for (size_t k = 0; k < 4; k++) {
                double at = json_number_value(json_array_get(box, k)), most = (double)(k % 2 ? mask.height : mask.width);
                edge[k] = (int64_t)(at < 0 ? 0 : at > most ? most : at);
            }
            for (int64_t y = edge[1]; y < edge[3] && edge[0] < edge[2]; y++)
                memset(gad_image_row(&mask, y) + edge[0], 255, (size_t)(edge[2] - edge[0]));
        }
        status = gad_image_save_png(&mask, path, err);
    }
    gad_image_free(&mask);
    gad_memory_free(folder);
    gad_memory_free(path);
    return status;
}

static gad_status add_good_parts(const job *j, gad_error *err)
{
    const gad_product *p = j->item->product;
    gad_status status = GAD_OK;
    for (int64_t i = 0; p && i < p->bank.parts && !status; i++) {
        char *path = NULL;
        if (gad_shelf_picture(j->server->shelf, j->item, p->bank.part[i].name, &path, NULL))
            continue; /* its picture was not kept */
        status = copy_file(j, "train/good", path, p->bank.part[i].name, err);
        gad_memory_free(path);
    }
    return status;
}

/* ---- the data room's formats --------------------------------------------------------------------------------------- */

static gad_status fill_sample(const job *j, const json_t *row, const char *image, gad_sample *s, gad_error *err)
{
    char id[200];
    const json_t *result = json_object_get(row, "result"), *defects = json_object_get(result, "boxes");
    size_t i;
    json_t *defect;
    *s = (gad_sample){.view = -1, .label = is_anomalous(row)};
    snprintf(id, sizeof id, "%s/%s/test/%s/%lld", j->item->name, j->item->name, s->label ? "anomalous" : "good",
             (long long)json_integer_value(json_object_get(row, "id")));
    s->width = (int)json_integer_value(json_object_get(result, "width"));
    s->height = (int)json_integer_value(json_object_get(result, "height"));
    bool good = gad_sample_set(&s->id, id) && gad_sample_set(&s->group, id) && gad_sample_set(&s->dataset, j->item->name) &&
                gad_sample_set(&s->class_name, j->item->name) && gad_sample_set(&s->class_text, j->item->name) &&
                gad_sample_set(&s->split, "test") && gad_sample_set(&s->image, image);
    if (s->label)
        json_array_foreach (defects, i, defect) {
            const json_t *box = json_object_get(defect, "bbox_2d");
            const char *label = json_string_value(json_object_get(defect, "label"));
            double at[4];
            for (size_t k = 0; k < 4; k++)
                at[k] = (int)json_number_value(json_array_get(box, k));
            const gad_box drawn = {at[0], at[1], at[2], at[3]};
            if (gad_box_valid(drawn))
                good = good && gad_sample_add_box(s, drawn, label && *label ? label : "anomaly", "manual");
        }
    if (s->label && !s->box_count)
        good = good && gad_sample_add_type(s, "anomaly");
    return good && gad_sample_settle(s) ? GAD_OK : gad_error_memory(err, operation, sizeof *s);
}

static gad_status put_sample(const job *j, gad_store *store, const json_t *row, const char *image, gad_error *err)
{
    gad_sample s;
    gad_store_change change;
    char *path = gad_file_join(j->folder, image);
    gad_hash hash;
    gad_status status = path ? fill_sample(j, row, image, &s, err) : gad_error_memory(err, operation, 256);
    if (path && !status)
        status = gad_hash_file(path, &hash, err);
    if (path && !status) {
        gad_hash_text(hash, s.hash);
        status = gad_store_put(store, &s, &change, err);
    }
    if (path)
        gad_sample_free(&s);
    gad_memory_free(path);
    return status;
}

static gad_status write_annotations(const job *j, gad_store *store, gad_error *err)
{
    gad_export_settings settings = gad_data_export_default();
    gad_export_report report;
    char *path = gad_file_join(j->folder, "annotations.json");
    settings.format = strcmp(j->format, "coco") ? GAD_EXPORT_LABEL_STUDIO : GAD_EXPORT_COCO;
    settings.filter.dataset = j->item->name;
    settings.path = path;
    settings.force = true;
    gad_status status = path ? gad_export_run(store, &settings, &report, err) : gad_error_memory(err, operation, 256);
    gad_memory_free(path);
    return status;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static gad_status add_row(const job *j, gad_store *store, const json_t *row, gad_error *err)
{
    char name[160], mask[160], image[180], *path = NULL;
    const char *inner = !is_mvtec(j) ? "images" : is_anomalous(row) ? "test/anomalous" : "test/good";
    if (!json_integer_value(json_object_get(json_object_get(row, "result"), "width")) ||
        gad_results_path(j->server->results, json_integer_value(json_object_get(row, "id")), GAD_RESULTS_PICTURE, &path,
                         NULL))
        return GAD_OK; /* a part that failed, or whose picture has gone */
    name_row(row, extension_of(path), name, sizeof name);
    name_row(row, "_mask.png", mask, sizeof mask);
    snprintf(image, sizeof image, "%s/%s", inner, name);
    gad_status status = copy_file(j, inner, path, name, err);
    if (!status && store)
        status = put_sample(j, store, row, image, err);
    if (!status && !store && is_anomalous(row))
        status = write_mask(j, row, mask, err);
    gad_memory_free(path);
    return status;
}

static gad_status fill_folder(const job *j, gad_error *err)
{
    gad_store *store = NULL;
    char database[80];
    size_t i;
    json_t *row;
    snprintf(database, sizeof database, "%s.db", j->folder);
    gad_status status = is_mvtec(j) ? add_good_parts(j, err) : gad_store_open(database, GAD_SQLITE_CREATE, &store, err);
    if (!status && store)
        status = gad_store_put_dataset(
            store,
            &(gad_store_dataset){
                .name = j->item->name, .root = j->folder, .title = "", .license = "", .citation = "", .home = ""},
            err);
    json_array_foreach (j->rows, i, row)
        if (!status)
            status = add_row(j, store, row, err);
    if (!status && store)
        status = write_annotations(j, store, err);
    gad_store_close(store);
    gad_file_remove(database, NULL);
    return status;
}

/* All reviewed rows of the product, the newest MOST_PARTS. */
static gad_status collect_rows(job *j, gad_error *err)
{
    static const char *const reviews[2] = {"normal", "anomalous"};
    gad_status status = GAD_OK;
    j->rows = json_array();
    for (int i = 0; i < 2 && !status; i++) {
        json_t *list = NULL;
        gad_results_filter filter = {.product = j->item->name, .review = reviews[i], .limit = MOST_PARTS};
        status = gad_results_list(j->server->results, &filter, &list, err);
        if (!status)
            json_array_extend(j->rows, list);
        json_decref(list);
    }
    if (!status && !json_array_size(j->rows))
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "confirm or overrule parts first",
                               "no part of %s was reviewed", j->item->name);
    return status;
}

/* Packs the folder into a file without a name, which goes when it was sent. */
static gad_status pack(const job *j, gad_response *response, gad_error *err)
{
    FILE *stream = tmpfile();
    if (!stream)
        return gad_error_system(err, operation, "temporary file", errno);
    gad_status status = gad_tar_write(j->folder, j->item->name, stream, err);
    if (!status) {
        response->file = dup(fileno(stream));
        if (response->file < 0)
            status = gad_error_system(err, operation, "temporary file", errno);
    }
    fclose(stream);
    return status;
}

void gad_routes_export(void *app, const gad_request *request, gad_response *response)
{
    gad_error err = {0};
    const char *format = request->query(request, "format");
    job j = {.server = app, .format = format ? format : "coco", .folder = "/tmp/gad-export-XXXXXX"};
    j.item = gad_app_product(app, request->query(request, "product"), response);
    if (!j.item)
        return;
    if (strcmp(j.format, "coco") && strcmp(j.format, "label-studio") && !is_mvtec(&j)) {
        gad_response_refuse(response, 400, "unknown_format", "format is coco, label-studio or mvtec, not %.40s", j.format);
        return;
    }
    gad_status status = mkdtemp(j.folder) ? GAD_OK : gad_error_system(&err, operation, j.folder, errno);
    if (!status) {
        status = collect_rows(&j, &err);
        if (!status)
            status = fill_folder(&j, &err);
        if (!status)
            status = pack(&j, response, &err);
        gad_file_remove(j.folder, NULL);
    }
    json_decref(j.rows);
    response->type = "application/x-tar";
    response->file_name = "gad-export.tar";
    if (status) {
        response->file_name = NULL;
        gad_response_error(response, &err);
    }
}
