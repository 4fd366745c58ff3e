/* app: see app.h */
#include "serve/app.h"

gad_shelf_item *gad_app_product(gad_server *s, const char *name, gad_response *response)
{
    bool named = name && *name;
    if (!named && gad_shelf_count(s->shelf) == 1)
        return gad_shelf_at(s->shelf, 0);
    gad_shelf_item *item = gad_shelf_find(s->shelf, name);
    if (!item && named)
        gad_response_refuse(response, 404, "unknown_product", "there is no product \"%.80s\"", name);
    else if (!item)
        gad_response_refuse(response, 400, "which_product", "name a product: there are %zu", gad_shelf_count(s->shelf));
    return item;
}
