/* shelf: products in a folder, each a folder of its own: NAME/product.gad (what was learnt), NAME/good/ (the pictures of
 * good parts), NAME/settings.json (a threshold chosen by a person, what was done when). In: a folder. Out: products, ready
 * to inspect. Knows nothing of commands or servers. */
#ifndef GAD_INSPECT_SHELF_H
#define GAD_INSPECT_SHELF_H
#include "gad_product.h"
#include "inspect/product.h"

typedef struct gad_shelf gad_shelf;

typedef struct gad_shelf_item {
    char *name;
    gad_product *product;     /* NULL: nothing was learnt yet */
    double threshold;         /* chosen by a person; NaN: the learnt one */
    gad_learn_settings learn; /* how it is learnt: as the shelf's other products, or as was settled */
    bool settled;
} gad_shelf_item;

/* The folder is made when absent. `learn` holds for products that are learnt here (its name is not used); `backbone` is the
 * path of the feature network. Products that cannot be read are an error that names them. */
gad_status gad_shelf_open(const char *folder, const gad_learn_settings *learn, gad_shelf **shelf, gad_error *err);
void gad_shelf_close(gad_shelf *shelf);

size_t gad_shelf_count(const gad_shelf *shelf);
gad_shelf_item *gad_shelf_at(gad_shelf *shelf, size_t index);
/* NULL when there is none. */
gad_shelf_item *gad_shelf_find(gad_shelf *shelf, const char *name);

/* A name has 1 to 64 letters, digits, '.', '_' or '-', and does not begin with '.'. GAD_E_ARGUMENT for another, or when
 * there is one of that name. */
gad_status gad_shelf_create(gad_shelf *shelf, const char *name, gad_shelf_item **item, gad_error *err);
/* The product looks at nothing else (area.h), which is kept with it; before its first good part. */
gad_status gad_shelf_look_at(gad_shelf *shelf, gad_shelf_item *item, const gad_image *area, gad_error *err);
/* It is learnt so from its first good part on: size of the working picture or smallest defect, mirrored, memory, guarantee.
 */
gad_status gad_shelf_settle(gad_shelf *shelf, gad_shelf_item *item, const gad_learn_settings *learn, gad_error *err);
gad_status gad_shelf_delete(gad_shelf *shelf, const char *name, gad_error *err);

/* A picture of a good part, as encoded bytes: it is decoded, kept and remembered. *kept (at least 256 bytes) is the name it
 * got: `name` made safe and free. What was added counts after gad_shelf_learn. */
gad_status gad_shelf_add(gad_shelf *shelf, gad_shelf_item *item, const char *name, const void *bytes, size_t size_bytes,
                         char *kept, gad_error *err);
/* Threshold and own scores of all good parts; the product is written. */
gad_status gad_shelf_learn(gad_shelf *shelf, gad_shelf_item *item, gad_error *err);
/* Forget a good part and its picture; the product is learnt and written. The last one cannot be removed. */
gad_status gad_shelf_remove(gad_shelf *shelf, gad_shelf_item *item, const char *name, gad_error *err);
/* A product file as a product of that name. */
gad_status gad_shelf_import(gad_shelf *shelf, const char *name, const char *path, gad_error *err);
/* Path of a good part's picture; the caller's (gad_memory_free). GAD_E_ARGUMENT when there is none. */
gad_status gad_shelf_picture(const gad_shelf *shelf, const gad_shelf_item *item, const char *name, char **path,
                             gad_error *err);

/* The learnt threshold on the scale of scores. */
#define GAD_SHELF_LEARNT 0.5
/* From 0 to 1, on that scale; NaN: the learnt one. */
gad_status gad_shelf_choose(gad_shelf *shelf, gad_shelf_item *item, double threshold, gad_error *err);
/* What is used: the chosen one, or the learnt one. */
double gad_shelf_threshold(const gad_shelf_item *item);
#endif
