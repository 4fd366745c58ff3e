/* routes_products: products and what they were taught. The worker runs all of them. */
#include <fcntl.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "gad_product.h"
#include "inspect/area.h"
#include "serve/app.h"
#include "serve/routes.h"
#include "serve/upload.h"

static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *describe(const gad_shelf_item *item)
{
    const gad_product *p = item->product;
    return json_pack("{s:s, s:I, s:o, s:b}", "name", item->name, "good", (json_int_t)(p ? p->bank.parts : 0), "threshold",
                     real_or_null(gad_shelf_threshold(item)), "chosen", isfinite(item->threshold));
}

static void show(const gad_shelf_item *item, gad_response *response)
{
    char note[256] = "";
    const gad_product *p = item->product;
    json_t *whole = describe(item), *parts = json_array();
    for (int64_t i = 0; p && i < p->bank.parts; i++)
        json_array_append_new(parts, json_pack("{s:s, s:o, s:b}", "name", p->bank.part[i].name, "score",
                                               real_or_null(gad_product_own_score(p, i)), "odd", gad_product_is_odd(p, i)));
    if (p && p->finished)
        gad_threshold_describe(&p->threshold, note, sizeof note);
    json_object_set_new(whole, "parts", parts);
    json_object_set_new(whole, "learnt_threshold", real_or_null(p ? GAD_SHELF_LEARNT : (double)NAN));
    json_object_set_new(whole, "side_px", json_integer(p ? p->side_px : 0));
    json_object_set_new(whole, "milliseconds", real_or_null(p ? p->milliseconds : (double)NAN));
    json_object_set_new(whole, "note", json_string(note));
    gad_response_json(response, whole);
}

void gad_routes_products(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    json_t *list = json_array();
    (void)request;
    for (size_t i = 0; i < gad_shelf_count(s->shelf); i++)
        json_array_append_new(list, describe(gad_shelf_at(s->shelf, i)));
    gad_response_json(response, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

/* "roi": [x, y, width, height] in shares of the picture; "mask": a data URL of a picture, black is left out. */
static gad_status choose_area(gad_server *s, gad_shelf_item *item, const json_t *root, gad_error *err)
{
    const json_t *roi = json_object_get(root, "roi"), *mask = json_object_get(root, "mask");
    double rectangle[4];
    gad_string bytes = {0};
    gad_image drawn = {0}, area = {0};
    if ((!roi || json_is_null(roi)) && (!mask || json_is_null(mask)))
        return GAD_OK;
    for (size_t i = 0; i < 4; i++)
        rectangle[i] = json_number_value(json_array_get(roi, i));
    gad_status status = GAD_OK;
    if (mask && !gad_upload_decode(json_string_value(mask), &bytes))
        status = gad_error_set(err, GAD_E_ARGUMENT, "choose what is looked at", NULL, "\"mask\" is not a data URL");
    if (!status && mask)
        status = gad_image_decode(bytes.data, bytes.length, "mask", 0, &drawn, err);
    if (!status)
        status = gad_area_make(json_is_array(roi) ? rectangle : NULL, mask ? &drawn : NULL, &area, err);
    if (!status)
        status = gad_shelf_look_at(s->shelf, item, &area, err);
    gad_string_free(&bytes);
    gad_image_free(&drawn);
    gad_image_free(&area);
    return status;
}

/* "smallest_px": a defect of that width and height, in px of the picture, has to be found. */
static gad_status choose_closeness(gad_server *s, gad_shelf_item *item, const json_t *root, gad_error *err)
{
    const json_t *smallest = json_object_get(root, "smallest_px");
    gad_learn_settings learn = item->learn;
    if (!smallest || json_is_null(smallest))
        return GAD_OK;
    learn.smallest_px = json_number_value(smallest);
    if (!(learn.smallest_px >= 1))
        return gad_error_set(err, GAD_E_ARGUMENT, "choose how closely it looks", NULL,
                             "\"smallest_px\" is not a number from 1");
    return gad_shelf_settle(s->shelf, item, &learn, err);
}

void gad_routes_product_new(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    json_t *root = NULL;
    gad_shelf_item *item = NULL;
    gad_status status = gad_json_parse(request->body, request->body_bytes, "the request", &root, &err);
    const char *name = json_string_value(json_object_get(root, "name"));
    if (!status)
        status = gad_shelf_create(s->shelf, name ? name : "", &item, &err);
    if (!status)
        status = choose_area(s, item, root, &err);
    if (!status)
        status = choose_closeness(s, item, root, &err);
    if (status && item)
        gad_shelf_delete(s->shelf, name, NULL);
    if (status)
        gad_response_error(response, &err);
    else
        show(item, response);
    response->status = status ? response->status : 201;
    json_decref(root);
}

void gad_routes_product(void *app, const gad_request *request, gad_response *response)
{
    gad_shelf_item *item = gad_app_product(app, request->parameter[0], response);
    if (item)
        show(item, response);
}

void gad_routes_product_delete(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    if (!gad_app_product(s, request->parameter[0], response))
        return;
    if (gad_shelf_delete(s->shelf, request->parameter[0], &err))
        gad_response_error(response, &err);
    else
        gad_response_json(response, json_pack("{s:b}", "deleted", 1));
}

void gad_routes_product_threshold(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    json_t *root = NULL;
    gad_shelf_item *item = gad_app_product(s, request->parameter[0], response);
    if (!item)
        return;
    gad_status status = gad_json_parse(request->body, request->body_bytes, "the request", &root, &err);
    const json_t *value = json_object_get(root, "value");
    if (!status && !json_is_number(value) && !json_is_null(value))
        status = gad_error_set(&err, GAD_E_ARGUMENT, "choose a threshold", NULL, "\"value\" is a number or null");
    if (!status)
        status = gad_shelf_choose(s->shelf, item, json_is_number(value) ? json_number_value(value) : (double)NAN, &err);
    if (status)
        gad_response_error(response, &err);
    else
        show(item, response);
    json_decref(root);
}

/* Pictures of good parts. One that cannot be read is named and the others are learnt. */
void gad_routes_product_good(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    gad_string bad = {0};
    char kept[256];
    int added = 0;
    gad_shelf_item *item = gad_app_product(s, request->parameter[0], response);
    gad_upload *upload = item ? gad_upload_read(request, response) : NULL;
    if (!upload)
        return;
    for (int i = 0; i < upload->count; i++) {
        const gad_upload_picture *picture = &upload->picture[i];
        if (gad_shelf_add(s->shelf, item, picture->name, picture->bytes, picture->size_bytes, kept, &err))
            gad_string_addf(&bad, "%s%s", bad.length ? "; " : "", err.cause);
        else
            added++;
    }
    gad_status status = added ? gad_shelf_learn(s->shelf, item, &err) : err.code;
    if (status)
        gad_response_error(response, &err);
    else if (bad.length)
        gad_response_refuse(response, 422, "bad_image", "%d were learnt, but not: %s", added, gad_string_text(&bad));
    else
        show(item, response);
    gad_string_free(&bad);
    gad_upload_free(upload);
}

void gad_routes_product_good_picture(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    char *path = NULL;
    gad_shelf_item *item = gad_app_product(s, request->parameter[0], response);
    if (!item)
        return;
    if (gad_shelf_picture(s->shelf, item, request->parameter[1], &path, &err)) {
        gad_response_refuse(response, 404, "unknown_part", "%s", err.cause);
        return;
    }
    response->file = open(path, O_RDONLY | O_CLOEXEC);
    if (response->file < 0)
        gad_response_refuse(response, 404, "unknown_part", "the picture has gone");
    response->type = "application/octet-stream";
    gad_memory_free(path);
}

void gad_routes_product_good_delete(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    gad_shelf_item *item = gad_app_product(s, request->parameter[0], response);
    if (!item)
        return;
    if (gad_shelf_remove(s->shelf, item, request->parameter[1], &err))
        gad_response_error(response, &err);
    else
        show(item, response);
}
