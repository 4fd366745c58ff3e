/* routes_studio: what Label Studio asks of a machine-learning backend: /setup, /predict, /webhook. Pictures come as data
 * URLs; from elsewhere nothing is fetched. Boxes go out in percent of the picture, as its rectanglelabels. */
#include <string.h>

#include "base/json.h"
#include "io/image.h"
#include "serve/app.h"
#include "serve/routes.h"
#include "serve/upload.h"

void gad_routes_studio_setup(void *app, const gad_request *request, gad_response *response)
{
    (void)app, (void)request;
    gad_response_json(response, json_pack("{s:s}", "model_version", "gad " GAD_VERSION));
}

void gad_routes_studio_webhook(void *app, const gad_request *request, gad_response *response)
{
    (void)app, (void)request;
    gad_response_json(response, json_pack("{s:s}", "status", "ok"));
}

static json_t *rectangle(const gad_defect *d, const gad_inspection *r, int number)
{
    char id[32];
    double wide = r->width_px, high = r->height_px;
    snprintf(id, sizeof id, "gad%d", number);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:f, s:{s:f, s:f, s:f, s:f, s:i, s:[s]}}", "id", id, "type",
                     "rectanglelabels", "from_name", "label", "to_name", "image", "original_width", r->width_px,
                     "original_height", r->height_px, "image_rotation", 0, "score", r->score, "value", "x",
                     100 * d->x1 / wide, "y", 100 * d->y1 / high, "width", 100 * (d->x2 - d->x1) / wide, "height",
                     100 * (d->y2 - d->y1) / high, "rotation", 0, "rectanglelabels",
                     d->label && *d->label ? d->label : "anomaly");
}

/* The first data URL among a task's data; NULL when there is none. */
static const char *url_of(const json_t *task)
{
    const char *key;
    json_t *value;
    json_object_foreach (json_object_get(task, "data"), key, value)
        if (json_is_string(value) && !strncmp(json_string_value(value), "data:", 5))
            return json_string_value(value);
    return NULL;
}

static json_t *predict(gad_shelf_item *item, const json_t *task)
{
    gad_string bytes = {0};
    gad_image image = {0};
    gad_inspection r = {0};
    gad_error err = {0};
    json_t *result = json_array();
    bool decoded =
        gad_upload_decode(url_of(task), &bytes) && !gad_image_decode(bytes.data, bytes.length, "task", 0, &image, &err);
    bool looked = decoded && !gad_product_look(item->product, &image, gad_shelf_threshold(item), &r, &err);
    for (int i = 0; looked && i < r.defect_count; i++)
        json_array_append_new(result, rectangle(&r.defect[i], &r, i));
    json_t *prediction = json_pack("{s:s, s:f, s:o}", "model_version", "gad " GAD_VERSION, "score", looked ? r.score : 0.0,
                                   "result", result);
    if (!looked)
        json_object_set_new(prediction, "error",
                            json_string(err.cause[0] ? err.cause : "the task holds no picture as a data URL"));
    if (looked)
        gad_inspection_clear(&r);
    gad_image_free(&image);
    gad_string_free(&bytes);
    return prediction;
}

void gad_routes_studio_predict(void *app, const gad_request *request, gad_response *response)
{
    gad_error err = {0};
    json_t *root = NULL, *results = json_array(), *task;
    size_t i;
    gad_shelf_item *item = gad_app_product(app, request->query(request, "product"), response);
    bool ready = item && item->product && item->product->finished;
    if (item && !ready)
        gad_response_refuse(response, 409, "nothing_learnt", "%s has no good parts yet: teach it first", item->name);
    if (ready && gad_json_parse(request->body, request->body_bytes, "the request", &root, &err)) {
        gad_response_error(response, &err);
        ready = false;
    }
    json_array_foreach (json_object_get(root, "tasks"), i, task)
        json_array_append_new(results, predict(item, task));
    if (ready)
        gad_response_json(response, json_pack("{s:O}", "results", results));
    json_decref(results);
    json_decref(root);
}
