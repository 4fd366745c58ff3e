/* routes_inspect: POST /v1/inspect: pictures of parts into the JSON lines of gad inspect, kept as results. One picture: its
 * line. Several: a line each. */
#include <math.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "inspect/explain.h"
#include "io/image_png.h"
#include "serve/app.h"
#include "serve/routes.h"
#include "serve/upload.h"

/* The heat map as a grey PNG, a pixel a cell. */
static void encode_heat(const gad_inspection *r, gad_string *png)
{
    gad_image map = {0};
    if (!r->heat || gad_image_new(r->heat_width, r->heat_height, 1, &map, NULL))
        return;
    for (int64_t i = 0; i < map.width * map.height; i++)
        map.pixels[i] = (uint8_t)lround(255 * fmin(fmax((double)r->heat[i], 0), 1));
    if (gad_image_png_encode(&map, png, NULL))
        gad_string_clear(png);
    gad_image_free(&map);
}

static gad_metrics_outcome outcome_of(gad_verdict verdict)
{
    return verdict == GAD_VERDICT_NORMAL       ? GAD_METRICS_NORMAL
           : verdict == GAD_VERDICT_ANOMALOUS  ? GAD_METRICS_ANOMALOUS
           : verdict == GAD_VERDICT_UNFAMILIAR ? GAD_METRICS_UNFAMILIAR
                                               : GAD_METRICS_UNREADABLE;
}

/* The picture of the good part that looks most like the part; nothing where there is none (an imported product). */
static void load_nearest(const gad_server *s, const gad_shelf_item *item, int64_t nearest, gad_image *good)
{
    char *path = NULL;
    if (nearest >= 0 && !gad_shelf_picture(s->shelf, item, item->product->bank.part[nearest].name, &path, NULL))
        (void)gad_image_load(path, good, NULL);
    gad_memory_free(path);
}

/* What the model says of the part. */
static void explain(gad_server *s, const gad_shelf_item *item, const gad_image *image, gad_inspection *r)
{
    gad_image good = {0};
    gad_error why = {0};
    gad_inspect_settings settings = s->inspect;
    gad_turn_part picture[2];
    int count = 0;
    if (!s->engine || !gad_explain_wants(&settings, r->verdict))
        return;
    settings.class_name = item->name;
    load_nearest(s, item, r->nearest, &good);
    if (good.pixels)
        picture[count++] = (gad_turn_part){.image = &good, .hash = gad_image_hash(&good)};
    picture[count++] = (gad_turn_part){.image = image, .hash = gad_image_hash(image)};
    if (gad_explain(s->engine, picture, count, &settings, r, &why)) {
        (void)gad_explain_flag(r, NULL);
        gad_log_warning(s->log, "%s: no explanation: %s", item->name, why.cause);
    }
    gad_image_free(&good);
}

/* Keeps the row; what it fills is the line that goes back. */
static gad_status keep(gad_server *s, const gad_shelf_item *item, const gad_upload_picture *picture,
                       const gad_inspection *r, gad_metrics_outcome outcome, const char *line, gad_error *err)
{
    gad_string heat = {0};
    int64_t id;
    if (r)
        encode_heat(r, &heat);
    gad_results_part part = {.product = item->name,
                             .name = picture->name,
                             .verdict = gad_metrics_outcome_name(outcome),
                             .score = r ? r->score : (double)NAN,
                             .threshold = r ? gad_shelf_threshold(item) : (double)NAN,
                             .line = line,
                             .picture = picture->bytes,
                             .picture_bytes = picture->size_bytes,
                             .heat = heat.length ? heat.data : NULL,
                             .heat_bytes = heat.length};
    gad_status status = gad_results_add(s->results, &part, &id, err);
    gad_outbox_wake(s->outbox);
    gad_string_free(&heat);
    return status;
}

/* One part: its line is appended. A part that cannot be inspected gets the line of a failure; what else fails is returned.
 */
static gad_status inspect_one(gad_server *s, gad_shelf_item *item, const gad_upload_picture *picture, gad_string *lines,
                              bool *failed, gad_error *err)
{
    gad_image image = {0};
    gad_inspection r = {0};
    gad_error why = {0};
    char *line = NULL;
    double start = gad_clock_seconds();
    gad_status status =
        gad_image_decode(picture->bytes, picture->size_bytes, picture->name[0] ? picture->name : "image", 0, &image, &why);
    if (!status)
        status = gad_product_look(item->product, &image, item->threshold, &r, &why);
    if (!status)
        explain(s, item, &image, &r);
    *failed = status;
    gad_metrics_outcome outcome = status ? GAD_METRICS_FAILED : outcome_of(r.verdict);
    gad_status told = status ? gad_inspection_failure_json(picture->name, &why, &line, err)
                             : gad_inspection_json(&r, picture->name, NULL, 0, &line, err);
    if (!told)
        told = keep(s, item, picture, status ? NULL : &r, outcome, line, err);
    if (!told)
        gad_string_add(lines, line);
    gad_metrics_count_part(&s->metrics, outcome, gad_clock_seconds() - start);
    gad_text_free(line);
    if (!status)
        gad_inspection_clear(&r);
    gad_image_free(&image);
    return told;
}

void gad_routes_inspect(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_error err = {0};
    gad_upload *upload = gad_upload_read(request, response);
    gad_shelf_item *item = upload ? gad_app_product(s, upload->product, response) : NULL;
    if (item && (!item->product || !item->product->finished)) {
        gad_response_refuse(response, 409, "nothing_learnt", "%s has no good parts yet: teach it first", item->name);
        item = NULL;
    }
    for (int i = 0; item && i < upload->count; i++) {
        bool failed = false;
        if (i)
            gad_string_add(&response->body, "\n");
        if (inspect_one(s, item, &upload->picture[i], &response->body, &failed, &err)) {
            gad_response_error(response, &err);
            break;
        }
        if (failed && upload->count == 1)
            response->status = 422;
    }
    if (item && upload->count > 1 && response->status == 200) {
        response->type = "application/x-ndjson";
        gad_string_add(&response->body, "\n");
    }
    gad_upload_free(upload);
}
