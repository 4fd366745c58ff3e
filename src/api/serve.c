/* serve: the server and the watcher of gad_serve.h, over the serve room. */
#include "serve/server.h"
#include "serve/sorter.h"
#include "serve/watch.h"

#include "api/picture.h"
#include "base/error.h"
#include "inspect/explain.h"
#include "inspect/product.h"

gad_status gad_serve_open(const gad_serve_settings *settings, gad_server **server, gad_error *err)
{
    return gad_server_open(settings, server, err);
}

int gad_serve_port(const gad_server *server)
{
    return gad_server_port(server);
}

void gad_serve_run(gad_server *server)
{
    gad_server_run(server);
}

void gad_serve_stop(gad_server *server)
{
    gad_server_stop(server);
}

void gad_serve_free(gad_server *server)
{
    gad_server_free(server);
}

gad_status gad_sort_part(const char *folder, gad_sort how, const char *path, const char *verdict, gad_error *err)
{
    return gad_sorter_put(folder, how, path, verdict, err);
}

/* ---- who inspects what is watched ---------------------------------------------------------------------------------- */

/* The good parts to show with this one. */
static gad_status choose_good(const gad_watch_inspector *w, const gad_picture *part, int *first, int *count, gad_error *err)
{
    *first = 0;
    *count = w->gallery ? 1 : w->good_count;
    return w->gallery ? gad_gallery_best(w->gallery, part, first, err) : GAD_OK;
}

static gad_status judge_by_model(const gad_watch_inspector *w, const char *path, const gad_picture *part, char **line,
                                 gad_error *err)
{
    gad_inspection r = {0};
    int first, count;
    gad_status status = choose_good(w, part, &first, &count, err);
    if (!status)
        status = gad_inspect(w->engine, w->good + first, count, part, &w->inspect, &r, err);
    if (status)
        return status;
    status = gad_inspection_json(&r, path, w->good_path + first, count, line, err);
    gad_inspection_clear(&r);
    return status;
}

/* A product's verdict does not fail with its explanation: it is flagged then. */
static gad_status explain(const gad_watch_inspector *w, const gad_picture *part, gad_inspection *r, gad_error *err)
{
    int first = 0, count = 0;
    gad_error why = {0};
    if (!w->engine || !gad_explain_wants(&w->inspect, r->verdict))
        return GAD_OK;
    gad_status status = w->good_count ? choose_good(w, part, &first, &count, &why) : GAD_OK;
    if (!status)
        status = gad_product_explain(w->engine, w->good + first, count, part, &w->inspect, r, &why);
    if (status == GAD_E_CANCELLED || status == GAD_E_DEVICE) {
        if (err)
            *err = why;
        return status;
    }
    return status ? gad_explain_flag(r, err) : GAD_OK;
}

static gad_status judge_by_product(const gad_watch_inspector *w, const char *path, const gad_picture *part, char **line,
                                   gad_error *err)
{
    gad_inspection r = {0};
    gad_status status = gad_product_look(w->product, &part->image, w->inspect.threshold, &r, err);
    if (status)
        return status;
    status = explain(w, part, &r, err);
    if (!status)
        status = gad_inspection_json(&r, path, NULL, 0, line, err);
    gad_inspection_clear(&r);
    return status;
}

/* The line of gad inspect as an object. */
static gad_status judge(void *user, const gad_watch_part *part, json_t **result, gad_error *err)
{
    const gad_watch_inspector *w = user;
    gad_picture *picture = NULL;
    char *line = NULL;
    gad_status status = part->bytes ? gad_picture_decode(part->bytes, part->size_bytes, &picture, err)
                                    : gad_picture_load(part->path, &picture, err);
    if (!status)
        status = (w->product ? judge_by_product : judge_by_model)(w, part->path, picture, &line, err);
    if (!status && !(*result = json_loads(line, 0, NULL)))
        status = gad_error_memory(err, "watch", 1024);
    gad_text_free(line);
    gad_picture_free(picture);
    return status;
}

gad_status gad_watch(const gad_watch_inspector *inspector, const gad_watch_settings *settings, gad_watch_report *report,
                     gad_error *err)
{
    gad_watch_settings named = *settings;
    gad_watch_inspector who = *inspector;
    if (!who.product && !who.engine)
        return gad_error_set(err, GAD_E_ARGUMENT, "watch", "give a product, or a model", "nobody inspects");
    if (!settings->product)
        named.product = who.product ? who.product->name : who.inspect.class_name;
    return gad_watch_run(&named, (gad_watch_judge){judge, &who}, report, err);
}
