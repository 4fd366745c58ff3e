/* routes_results: what was inspected: rows, pictures, heat maps, reviews. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "io/image_jpeg.h"
#include "io/resize.h"
#include "serve/app.h"
#include "serve/routes.h"

enum { THUMBNAIL_PX = 128, THUMBNAIL_QUALITY = 80, MAX_LIMIT = 1000, MAX_SCORES = 20000 };

/* The id in the path; 0: none, and the response says so. */
static int64_t id_of(const gad_request *request, gad_response *response)
{
    char *end = NULL;
    errno = 0;
    long long id = strtoll(request->parameter[0], &end, 10);
    if (!errno && !*end && id > 0)
        return id;
    gad_response_refuse(response, 404, "unknown_result", "\"%.40s\" is no result's number", request->parameter[0]);
    return 0;
}

/* A failed look-up: what is not there is 404. */
static void refuse(gad_response *response, const gad_error *err)
{
    gad_response_error(response, err);
    if (err->code == GAD_E_ARGUMENT && response->status == 400 && strstr(err->cause, "there is no result"))
        response->status = 404;
}

void gad_routes_results(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    json_t *list = NULL;
    const char *rejects = request->query(request, "rejects");
    gad_results_filter filter = {.product = request->query(request, "product"),
                                 .verdict = request->query(request, "verdict"),
                                 .review = request->query(request, "review"),
                                 .rejects = rejects && strcmp(rejects, "0"),
                                 .before = gad_request_integer(request, "before", 0, 0, INT64_MAX),
                                 .after = gad_request_integer(request, "after", 0, 0, INT64_MAX),
                                 .limit = gad_request_integer(request, "limit", 100, 1, MAX_LIMIT)};
    if (gad_results_list(s->results, &filter, &list, &err))
        gad_response_error(response, &err);
    else
        gad_response_json(response, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

void gad_routes_result(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    json_t *row = NULL;
    int64_t id = id_of(request, response);
    if (id && gad_results_get(s->results, id, &row, &err))
        refuse(response, &err);
    else if (id)
        gad_response_json(response, row);
}

/* What the first bytes say a picture is; browsers need no more. */
static const char *type_of(const unsigned char *head)
{
    return !memcmp(head, "\x89PNG", 4)                            ? "image/png"
           : !memcmp(head, "\xff\xd8", 2)                         ? "image/jpeg"
           : !memcmp(head, "RIFF", 4)                             ? "image/webp"
           : !memcmp(head, "BM", 2)                               ? "image/bmp"
           : !memcmp(head, "II*", 3) || !memcmp(head, "MM\0*", 4) ? "image/tiff"
                                                                  : "application/octet-stream";
}

static void send_file(gad_server *s, const gad_request *request, gad_results_file which, gad_response *response)
{
    gad_error err = {0};
    char *path = NULL;
    unsigned char head[8] = {0};
    int64_t id = id_of(request, response);
    if (!id)
        return;
    if (gad_results_path(s->results, id, which, &path, &err)) {
        refuse(response, &err);
        return;
    }
    response->file = open(path, O_RDONLY | O_CLOEXEC);
    if (response->file < 0 || pread(response->file, head, sizeof head, 0) < 0)
        gad_response_refuse(response, 404, "unknown_result", "the picture of %lld has gone", (long long)id);
    response->type = which == GAD_RESULTS_HEAT ? "image/png" : type_of(head);
    response->cacheable = true;
    gad_memory_free(path);
}

void gad_routes_result_picture(void *app, const gad_request *request, gad_response *response)
{
    send_file(app, request, GAD_RESULTS_PICTURE, response);
}

void gad_routes_result_heat(void *app, const gad_request *request, gad_response *response)
{
    send_file(app, request, GAD_RESULTS_HEAT, response);
}

void gad_routes_result_thumbnail(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    gad_image image = {0}, small = {0};
    char *path = NULL;
    int64_t id = id_of(request, response);
    if (!id)
        return;
    gad_status status = gad_results_path(s->results, id, GAD_RESULTS_PICTURE, &path, &err);
    if (!status)
        status = gad_image_load_shrunk(path, THUMBNAIL_PX, &image, &err);
    if (!status)
        status = gad_resize_fit(&image, THUMBNAIL_PX, THUMBNAIL_PX, &small, &err);
    if (!status)
        status = gad_image_jpeg_encode(&small, THUMBNAIL_QUALITY, &response->body, &err);
    if (status)
        refuse(response, &err);
    response->type = status ? "application/json" : "image/jpeg";
    response->cacheable = !status;
    gad_image_free(&image);
    gad_image_free(&small);
    gad_memory_free(path);
}

void gad_routes_result_review(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    json_t *root = NULL, *row = NULL;
    int64_t id = id_of(request, response);
    if (!id)
        return;
    gad_status status = gad_json_parse(request->body, request->body_bytes, "the request", &root, &err);
    json_t *review = json_object_get(root, "review");
    if (!status && !json_is_string(review) && !json_is_null(review))
        status = gad_error_set(&err, GAD_E_ARGUMENT, "review", NULL, "\"review\" is \"normal\", \"anomalous\" or null");
    if (!status)
        status = gad_results_review(s->results, id, json_string_value(review), &err);
    if (!status)
        status = gad_results_get(s->results, id, &row, &err);
    if (status)
        refuse(response, &err);
    else
        gad_response_json(response, row);
    json_decref(root);
}

/* The part of a result becomes a good part of its product, and is reviewed as normal. */
void gad_routes_result_good(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    json_t *row = NULL;
    char *path = NULL, *bytes = NULL, kept[256];
    size_t size;
    int64_t id = id_of(request, response);
    if (!id)
        return;
    gad_status status = gad_results_get(s->results, id, &row, &err);
    gad_shelf_item *item = status ? NULL : gad_app_product(s, json_string_value(json_object_get(row, "product")), response);
    const char *name = json_string_value(json_object_get(row, "name"));
    if (!status && item)
        status = gad_results_path(s->results, id, GAD_RESULTS_PICTURE, &path, &err);
    if (!status && item)
        status = gad_file_read(path, (size_t)1 << 30, &bytes, &size, &err);
    if (!status && item)
        status = gad_shelf_add(s->shelf, item, name && *name ? name : "part", bytes, size, kept, &err);
    if (!status && item)
        status = gad_shelf_learn(s->shelf, item, &err);
    if (!status && item)
        status = gad_results_review(s->results, id, "normal", &err);
    if (status)
        refuse(response, &err);
    else if (item)
        gad_response_json(response, json_pack("{s:s, s:I}", "part", kept, "good", (json_int_t)item->product->bank.parts));
    json_decref(row);
    gad_memory_free(path);
    gad_memory_free(bytes);
}

void gad_routes_product_summary(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    json_t *summary = NULL;
    int64_t limit = gad_request_integer(request, "limit", 5000, 1, MAX_SCORES);
    if (gad_results_summary(s->results, request->parameter[0], limit, &summary, &err))
        gad_response_error(response, &err);
    else
        gad_response_json(response, summary);
}
