/* app: what the handlers of a server share: products, results, counters, the engine, and the listener that they come
 * through. In: a name. Out: a product. */
#ifndef GAD_SERVE_APP_H
#define GAD_SERVE_APP_H
#include "generate/engine.h"
#include "inspect/shelf.h"
#include "serve/listener.h"
#include "serve/metrics.h"
#include "serve/outbox.h"
#include "serve/results.h"

struct gad_server {
    gad_shelf *shelf; /* touched by queued handlers only */
    gad_results *results;
    gad_outbox *outbox; /* NULL: there are no sinks */
    gad_metrics metrics;
    gad_listener *listener;
    int64_t queue_bound;
    gad_engine *engine;           /* borrowed; NULL: none. Touched by queued handlers only */
    const char *model_name;       /* of the engine */
    gad_inspect_settings inspect; /* which parts it explains, and how */
    const gad_log *log;
    int64_t started; /* Unix time */
};

/* The product that is named, or the only one when none is; NULL: the response says why not. */
gad_shelf_item *gad_app_product(gad_server *server, const char *name, gad_response *response);
#endif
