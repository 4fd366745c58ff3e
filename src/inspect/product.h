/* product: one kind of part, learnt from good ones: what it is called, the bank of its good parts, how far good parts are
 * from each other, and from where on a part is an anomaly. In: pictures. Out: an inspection (gad.h). Knows nothing of files
 * (product_file.h) or of language.
 *
 * Learning: gad_product_new, gad_product_add for each good part, gad_product_finish. */
#ifndef GAD_INSPECT_PRODUCT_H
#define GAD_INSPECT_PRODUCT_H
#include "evidence/sight.h"
#include "features/backbone.h"
#include "gad_product.h"
#include "io/image.h"
#include "io/safetensors.h"

enum { GAD_PRODUCT_STRIDE = 16, GAD_PRODUCT_ROWS = 8192, GAD_PRODUCT_SIDE = 448, GAD_PRODUCT_VIEWS = 4 };

struct gad_product {
    char *name;
    gad_bank bank;
    gad_sight sight; /* what judges the distances from the bank */
    gad_image area;  /* what is looked at (area.h); no pixels: all of each picture */
    bool finished;   /* the bank is thinned, the threshold is set */
    /* how its pictures are seen */
    char family[40];
    gad_hash backbone_hash;
    int64_t side_px;                 /* of a square with the area of the working picture */
    int64_t least_px[2], most_px[2]; /* width and height of the pictures of good parts; 0: not known */
    int64_t views;                   /* each part as it is (1), and mirrored both ways (4) */
    int64_t max_rows;
    /* what good parts look like to a bank without them */
    double *score; /* [bank.parts]; NaN: not measured */
    double centre, spread;
    double alone;          /* of the first part: how far its places are from each other (holdout.h); NaN: not measured */
    double distance_limit; /* of a part as a whole: from here on it is unfamiliar */
    bool guarantee;        /* the threshold keeps its rate and confidence where it can (gad_learn_settings) */
    gad_threshold threshold;
    double milliseconds; /* of one inspection when it was learnt, of so many tiles; not kept in a file */
    int64_t tiles;
    /* not kept in a file */
    bool has_chosen; /* somebody chose the threshold of scores */
    double chosen;
    gad_backbone *backbone;
    gad_device device;
    gad_safetensors *file; /* whose rows the bank uses; NULL: they are its own */
};

/* How many tiles (features/tile.h) that is. */
int64_t gad_product_tiles(const gad_product *product, int64_t width_px, int64_t height_px);

/* The backbone in that file (NULL: the installed one) on that device (NULL: the CPU). */
gad_status gad_product_backbone(const char *path, const char *device, int threads, gad_backbone **backbone, gad_error *err);

/* The head that the settings name: of a file, else the one beside the backbone, which sees what `backbone` says; none where
 * there is no such file, or none is wanted. */
gad_status gad_product_head(const gad_learn_settings *settings, const gad_backbone_info *backbone, gad_map_head *head,
                            gad_error *err);

/* The side of the working picture at which a defect covers a cell, for pictures of width x height px. */
gad_status gad_product_side(const gad_learn_settings *settings, int64_t width_px, int64_t height_px, int64_t *side_px,
                            gad_error *err);

/* A picture as products of that side see it. */
gad_status gad_product_see(gad_backbone *backbone, int64_t side_px, const gad_image *image, gad_descriptors *descriptors,
                           gad_error *err);

/* The product, without a head, takes the backbone, whatever happens. */
gad_status gad_product_new(const gad_learn_settings *settings, gad_backbone *backbone, gad_product **product,
                           gad_error *err);
/* From now on only this is looked at, which the product takes; before the first part. */
gad_status gad_product_look_at(gad_product *product, gad_image *area, gad_error *err);
gad_status gad_product_add(gad_product *product, const char *name, const gad_image *image, gad_error *err);
/* Also after parts were added to a finished product or removed from it: their distances are known then. */
gad_status gad_product_finish(gad_product *product, double rate, double confidence, gad_error *err);
/* Is a good part much farther from the others than they are from each other? */
bool gad_product_is_odd(const gad_product *product, int64_t part);
/* What a good part would get from the others, on the scale of inspections: 0.5 at the learnt threshold. NaN: not measured.
 */
double gad_product_own_score(const gad_product *product, int64_t part);
gad_status gad_product_remove(gad_product *product, int64_t part, gad_error *err);
/* Use this backbone, which becomes the product's, whatever happens. */
gad_status gad_product_equip(gad_product *product, gad_backbone *backbone, int threads, gad_error *err);

/* As gad_product_inspect. */
gad_status gad_product_look(gad_product *product, const gad_image *image, double threshold, gad_inspection *result,
                            gad_error *err);
#endif
