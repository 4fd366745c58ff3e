/* server: see server.h */
#include "serve/server.h"

#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "gad_product.h"
#include "serve/app.h"
#include "serve/page_css.h"
#include "serve/page_html.h"
#include "serve/page_js.h"
#include "serve/routes.h"

static const char operation[] = "serve";

gad_serve_settings gad_serve_settings_default(void)
{
    gad_serve_settings s = {.folder = "gad-data",
                            .address = "127.0.0.1",
                            .port = 8080,
                            .connections = 256,
                            .queue = 128,
                            .body_bytes = INT64_C(64) << 20,
                            .all_bodies_bytes = INT64_C(256) << 20,
                            .read_timeout_s = 30,
                            .idle_timeout_s = 20,
                            .send_timeout_s = 120,
                            .keep = 100000,
                            .inspect = gad_inspect_settings_default(),
                            .sinks = gad_sink_settings_default(),
                            .learn = gad_learn_settings_default()};
    s.learn.side_px = 320;
    return s;
}

/* ---- what needs no product ----------------------------------------------------------------------------------------- */

static void show_page(void *app, const gad_request *request, gad_response *response)
{
    (void)app, (void)request;
    response->type = "text/html; charset=utf-8";
    gad_string_add(&response->body, page_html);
}

static void show_style(void *app, const gad_request *request, gad_response *response)
{
    (void)app, (void)request;
    response->type = "text/css; charset=utf-8";
    gad_string_add(&response->body, page_css);
}

static void show_script(void *app, const gad_request *request, gad_response *response)
{
    (void)app, (void)request;
    response->type = "text/javascript; charset=utf-8";
    gad_string_add(&response->body, page_js);
}

static void show_health(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    (void)request;
    gad_listener_now now = gad_listener_look(s->listener);
    response->status = now.stopping ? 503 : 200;
    gad_response_json(response,
                      json_pack("{s:s, s:I}", "status", now.stopping ? "stopping" : "ok", "queue", (json_int_t)now.queued));
}

static void show_metrics(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    (void)request;
    gad_listener_now now = gad_listener_look(s->listener);
    response->type = "text/plain; version=0.0.4; charset=utf-8";
    gad_metrics_write(&s->metrics, &(gad_metrics_now){now.queued, s->queue_bound, now.connections}, &response->body);
}

static void show_properties(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    (void)request;
    gad_response_json(response, json_pack("{s:s, s:s, s:I}", "name", "gad", "version", GAD_VERSION, "products",
                                          (json_int_t)gad_shelf_count(s->shelf)));
}

/* ---- routes -------------------------------------------------------------------------------------------------------- */

/* Handlers that touch a product are queued: the worker owns them. */
static const gad_route routes[] = {
    {GAD_METHOD_GET, "/", show_page, false, true, NULL},
    {GAD_METHOD_GET, "/page.css", show_style, false, true, NULL},
    {GAD_METHOD_GET, "/page.js", show_script, false, true, NULL},
    {GAD_METHOD_GET, "/health", show_health, false, true, NULL},
    {GAD_METHOD_GET, "/metrics", show_metrics, false, false, NULL},
    {GAD_METHOD_GET, "/props", show_properties, true, false, NULL},
    {GAD_METHOD_POST, "/v1/inspect", gad_routes_inspect, true, false, NULL},
    {GAD_METHOD_GET, "/v1/results", gad_routes_results, false, false, NULL},
    {GAD_METHOD_GET, "/v1/results/{id}", gad_routes_result, false, false, NULL},
    {GAD_METHOD_GET, "/v1/results/{id}/picture", gad_routes_result_picture, false, false, NULL},
    {GAD_METHOD_GET, "/v1/results/{id}/heat", gad_routes_result_heat, false, false, NULL},
    {GAD_METHOD_GET, "/v1/results/{id}/thumbnail", gad_routes_result_thumbnail, false, false, NULL},
    {GAD_METHOD_PUT, "/v1/results/{id}/review", gad_routes_result_review, false, false, NULL},
    {GAD_METHOD_POST, "/v1/results/{id}/good", gad_routes_result_good, true, false, NULL},
    {GAD_METHOD_GET, "/v1/products", gad_routes_products, true, false, NULL},
    {GAD_METHOD_POST, "/v1/products", gad_routes_product_new, true, false, NULL},
    {GAD_METHOD_GET, "/v1/products/{name}", gad_routes_product, true, false, NULL},
    {GAD_METHOD_DELETE, "/v1/products/{name}", gad_routes_product_delete, true, false, NULL},
    {GAD_METHOD_GET, "/v1/products/{name}/summary", gad_routes_product_summary, false, false, NULL},
    {GAD_METHOD_PUT, "/v1/products/{name}/threshold", gad_routes_product_threshold, true, false, NULL},
    {GAD_METHOD_POST, "/v1/products/{name}/good", gad_routes_product_good, true, false, NULL},
    {GAD_METHOD_GET, "/v1/products/{name}/good/{part}", gad_routes_product_good_picture, true, false, NULL},
    {GAD_METHOD_DELETE, "/v1/products/{name}/good/{part}", gad_routes_product_good_delete, true, false, NULL},
    {GAD_METHOD_GET, "/v1/export", gad_routes_export, true, false, NULL},
    {GAD_METHOD_GET, "/v1/models", gad_routes_models, false, false, NULL},
    {GAD_METHOD_POST, "/v1/chat/completions", NULL, true, false, gad_routes_completions},
    {GAD_METHOD_POST, "/predict", gad_routes_studio_predict, true, false, NULL},
    {GAD_METHOD_POST, "/setup", gad_routes_studio_setup, true, false, NULL},
    {GAD_METHOD_POST, "/webhook", gad_routes_studio_webhook, false, false, NULL},
};

/* ---- sinks --------------------------------------------------------------------------------------------------------- */

static gad_status next_part(void *self, int64_t after, gad_sink_part *part, bool *found, gad_error *err)
{
    gad_server *s = self;
    gad_status status = gad_results_next(s->results, after, &part->row, err);
    *found = !status && part->row;
    if (!*found)
        return status;
    part->id = json_integer_value(json_object_get(part->row, "id"));
    (void)gad_results_path(s->results, part->id, GAD_RESULTS_PICTURE, &part->picture, NULL);
    return GAD_OK;
}

static gad_status last_part(void *self, int64_t *id, gad_error *err)
{
    (void)err;
    *id = gad_results_last(((gad_server *)self)->results);
    return GAD_OK;
}

static gad_status count_waiting(void *self, int64_t after, int64_t *parts, gad_error *err)
{
    return gad_results_count(((gad_server *)self)->results, after, parts, err);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static void count_request(void *app, int status)
{
    gad_metrics_count_request(&((gad_server *)app)->metrics, status);
}

gad_status gad_server_open(const gad_serve_settings *settings, gad_server **server, gad_error *err)
{
    gad_server *s = gad_memory_zero(1, sizeof *s);
    char *products = gad_file_join(settings->folder, "products");
    if (!s || !products) {
        gad_memory_free(s);
        gad_memory_free(products);
        return gad_error_memory(err, operation, sizeof *s);
    }
    gad_metrics_start(&s->metrics);
    s->queue_bound = settings->queue;
    s->engine = settings->engine;
    s->inspect = settings->inspect;
    s->log = settings->log;
    s->started = (int64_t)time(NULL);
    s->model_name = settings->model_name ? settings->model_name : "gad";
    gad_status status = gad_shelf_open(products, &settings->learn, &s->shelf, err);
    if (!status)
        status = gad_results_open(settings->folder, settings->keep, &s->results, err);
    const gad_outbox_source source = {.next = next_part, .last = last_part, .waiting = count_waiting, .user = s};
    if (!status)
        status = gad_outbox_open(&settings->sinks, settings->folder, &source, s->log, &s->outbox, err);
    if (!status)
        status = gad_listener_open(settings, routes, sizeof routes / sizeof *routes, s, count_request, &s->listener, err);
    gad_memory_free(products);
    if (status)
        gad_server_free(s);
    else
        *server = s;
    return status;
}

int gad_server_port(const gad_server *server)
{
    return gad_listener_port(server->listener);
}

void gad_server_run(gad_server *server)
{
    gad_listener_work(server->listener);
}

void gad_server_stop(gad_server *server)
{
    gad_listener_stop(server->listener);
}

void gad_server_free(gad_server *s)
{
    if (!s)
        return;
    gad_listener_free(s->listener);
    gad_outbox_close(s->outbox);
    gad_results_close(s->results);
    gad_shelf_close(s->shelf);
    gad_metrics_stop(&s->metrics);
    gad_memory_free(s);
}
