/* serve: the server and the watcher of gad_serve.h, over the serve room. */
#include "serve/server.h"
#include "serve/watch.h"

#include <math.h>

#include "base/error.h"
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

/* The line of gad inspect as an object. */
static gad_status inspect_path(void *user, const char *path, json_t **result, gad_error *err)
{
    gad_image image = {0};
    gad_inspection r;
    char *line = NULL;
    gad_status status = gad_image_load(path, &image, err);
    if (!status)
        status = gad_product_look(user, &image, (double)NAN, &r, err);
    gad_image_free(&image);
    if (status)
        return status;
    status = gad_inspection_json(&r, path, NULL, 0, &line, err);
    if (!status && !(*result = json_loads(line, 0, NULL)))
        status = gad_error_memory(err, "watch the folder", 1024);
    gad_text_free(line);
    gad_inspection_clear(&r);
    return status;
}

gad_status gad_watch(gad_product *product, const gad_watch_settings *settings, gad_watch_report *report, gad_error *err)
{
    gad_watch_settings named = *settings;
    named.product = settings->product ? settings->product : product->name;
    return gad_watch_run(&named, (gad_watch_inspector){inspect_path, product}, report, err);
}
