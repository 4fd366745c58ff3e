/* gad_product.h - a series of parts: its good parts, thresholds, products that are learnt, a page of inspections. The
 * conventions of gad.h hold. */
#ifndef GAD_PRODUCT_H
#define GAD_PRODUCT_H

#include "gad.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- good parts to choose from --------------------------------------------------------------------------------------- */

/* Good parts to choose from: for each part, the one that lies most like it (block-wise divergence of colour and edge
 * histograms, the worst blocks left out), never the part's own picture. The pictures need not outlive the gallery. */
typedef struct gad_gallery gad_gallery;
GAD_API gad_status gad_gallery_new(int capacity, gad_gallery **gallery, gad_error *err);
/* At most as many as the capacity. */
GAD_API gad_status gad_gallery_add(gad_gallery *gallery, const gad_picture *good, gad_error *err);
GAD_API void gad_gallery_free(gad_gallery *gallery);
/* *best counts the pictures in the order in which they were added. */
GAD_API gad_status gad_gallery_best(gad_gallery *gallery, const gad_picture *part, int *best, gad_error *err);

/* ---- threshold ------------------------------------------------------------------------------------------------------- */

/* What scores depend on: model, mode, references, class, knowledge, wording, size, weights. A threshold holds where all of
 * them are the same; "": not known, as good as any. */
enum { GAD_THRESHOLD_MEMBERS = 8 };
typedef struct gad_threshold_basis {
    char member[GAD_THRESHOLD_MEMBERS][96];
} gad_threshold_basis;
/* Of inspections with these good parts; `choose`: one of them is shown with each part. */
GAD_API gad_status gad_threshold_basis_make(const gad_engine *engine, gad_picture *const *good, int good_count, bool choose,
                                            const gad_inspect_settings *settings, gad_threshold_basis *basis,
                                            gad_error *err);

typedef struct gad_threshold {
    double value;                    /* anomalous when the score is at least this */
    double rate;                     /* wanted share of false alarms */
    double confidence;               /* wanted probability that the true share is no larger */
    double reached;                  /* what the images support */
    bool supported;                  /* reached >= confidence */
    bool reasoned;                   /* of reasoned answers */
    double rate_supported;           /* the smallest rate that so many images support */
    int64_t normals, normals_needed; /* used; needed for rate and confidence */
    int64_t normals_above;           /* of those used, at least the threshold */
    gad_threshold_basis basis;
    char note[160]; /* why the scores may differ from those of gad inspect; "" when nothing is known */
} gad_threshold;
/* A file that was made with something else is refused, by name of what differs; `now` NULL: whatever it was made with. */
GAD_API gad_status gad_threshold_read(const char *path, const gad_threshold_basis *now, gad_threshold *threshold,
                                      gad_error *err);

/* What it is worth, in words: "at most 5 % of good parts are rejected, with 95 % confidence". */
GAD_API void gad_threshold_describe(const gad_threshold *threshold, char *text, size_t size_bytes);

/* ---- products: learnt from good parts ------------------------------------------------------------------------------- */

/* gad_product: one kind of part and what its good parts look like: a memory of their features, a threshold. A product
 * serves one caller at a time. */

typedef struct gad_learn_settings {
    const char *name;     /* what the part is */
    const char *backbone; /* the file of a feature network; NULL: the installed one */
    const char *device;   /* of the feature network: as in gad_compute */
    /* The file of a head (gad_train_head) that judges the distances from the good parts; NULL: the one beside the feature
     * network, X.head.safetensors of X.safetensors, if there is one; "none": the distances alone. */
    const char *head;
    int threads; /* 0: all processors */
    /* What is looked at of each picture: x, y, width and height in shares of it, and what is not black in the picture
     * `mask`. NULL: everything. */
    const double *roi;
    const char *mask;
    /* Pictures are seen at the size of a square of that side, their shape kept; 0: 448, or their own size where that is
     * smaller. */
    int64_t side_px;
    /* Instead of side_px, the smallest defect to be found: its share of the picture's area, or its width and height in px
     * of the picture. 0: not given. */
    double smallest_share, smallest_px;
    bool mirror;             /* remember parts mirrored and turned by half a turn too */
    int64_t max_rows;        /* of the memory: more are thinned */
    double rate, confidence; /* wanted share of false alarms, and the probability that it is no larger */
    /* The threshold keeps rate and confidence where there are enough good parts. Without it, it lies where a part stands
     * out from them, which finds more, and what that is worth is said. */
    bool guarantee;
    /* A file that cannot be read is told here and left out, as long as another can; NULL: it is an error. */
    void (*on_unread)(void *user, const char *path, const gad_error *why);
    void *user;
} gad_learn_settings;
GAD_API gad_learn_settings gad_learn_settings_default(void);

/* Learn from the files of good parts, one at least. */
GAD_API gad_status gad_product_learn(const char *const *good, int64_t count, const gad_learn_settings *settings,
                                     const gad_progress *progress, gad_product **product, gad_error *err);
/* Good parts added to a product, or forgotten by name; the threshold follows. Of the settings on_unread counts. */
GAD_API gad_status gad_product_learn_more(gad_product *product, const char *const *good, int64_t count,
                                          const gad_learn_settings *settings, gad_error *err);
GAD_API gad_status gad_product_forget(gad_product *product, const char *name, gad_error *err);
GAD_API gad_status gad_product_save(const gad_product *product, const char *path, gad_error *err);
/* A file, or a product's folder (gad_serve.h: products/NAME), whose chosen threshold holds then. `backbone` as in
 * gad_learn_settings; it must be the one that the product was learnt with. */
GAD_API gad_status gad_product_open(const char *path, const char *backbone, int threads, gad_product **product,
                                    gad_error *err);
/* Its feature network runs on that device from now on, as in gad_compute; once. */
GAD_API gad_status gad_product_use_device(gad_product *product, const char *device, gad_error *err);
GAD_API void gad_product_free(gad_product *product);

/* Verdict, score, regions and heat map; nothing is reasoned. `threshold` of the score, 0 to 1; NaN: the product's own,
 * which is 0.5. The result is the caller's (gad_inspection_clear). */
GAD_API gad_status gad_product_inspect(gad_product *product, const gad_picture *part, double threshold,
                                       gad_inspection *result, gad_error *err);
/* What a model says of a part that a product has inspected: reasoning and names for its boxes go into that inspection,
 * whose verdict stays, with a flag where the model disagrees. settings->reason says which parts: a normal one costs nothing
 * with GAD_REASON_REJECTS. The settings' hints are those of the inspection. On failure the inspection is as it was. */
GAD_API gad_status gad_product_explain(gad_engine *engine, gad_picture *const *good, int good_count,
                                       const gad_picture *part, const gad_inspect_settings *settings,
                                       gad_inspection *result, gad_error *err);

typedef struct gad_product_info {
    const char *name, *backbone; /* owned by the product */
    int64_t parts, rows, width;  /* good parts, rows of the memory, numbers a row */
    int64_t side_px;
    bool mirrored;
    bool headed;             /* a head judges the distances */
    double centre, spread;   /* mean and deviation of the good parts' distances, each from the others */
    gad_threshold threshold; /* of such a distance */
    double milliseconds;     /* that inspecting a part took when it was learnt; 0: not measured */
    int64_t tiles;           /* that a part was seen in then */
} gad_product_info;
GAD_API void gad_product_describe(const gad_product *product, gad_product_info *info);
/* A good part: its name (the product's), its distance from the others (NaN: not measured), and whether that is far more
 * than what the others show, so that somebody should look at it. */
GAD_API void gad_product_part(const gad_product *product, int64_t part, const char **name, double *distance, bool *odd);

/* ---- a page -----------------------------------------------------------------------------------------------------------
 */

/* Inspections as one HTML file that needs no network, rejected parts first: good part, boxes, heat map, reasoning. A
 * thumbnail opens the whole picture where it lies. A card that cannot be drawn leaves the page as it was. */
typedef struct gad_inspection_page gad_inspection_page;

typedef struct gad_inspection_page_head {
    const char *path;                 /* where the page will be written: links to pictures begin there */
    const char *model;                /* what inspected; NULL: it is not said */
    const char *guarantee, *settings; /* of the threshold, in words; lines; NULL or "": it is not said */
} gad_inspection_page_head;
GAD_API gad_status gad_inspection_page_new(const gad_inspection_page_head *head, gad_inspection_page **page,
                                           gad_error *err);

typedef struct gad_inspection_card {
    const char *name;              /* file of the part */
    const char *truth, *wrong;     /* what the part is, NULL: not known; what is wrong with the verdict then, or "" */
    const char *good_path;         /* file of the good part; NULL: there is none */
    const char *overlay, *heatmap; /* files of drawings; NULL: there is none */
    const gad_inspection *result;
    const gad_picture *part, *good; /* `good` NULL: there is none */
} gad_inspection_card;
GAD_API gad_status gad_inspection_page_add(gad_inspection_page *page, const gad_inspection_card *card, gad_error *err);
/* A card that says why a part could not be inspected. */
GAD_API gad_status gad_inspection_page_add_failure(gad_inspection_page *page, const char *name, const gad_error *why,
                                                   gad_error *err);
GAD_API gad_status gad_inspection_page_write(const gad_inspection_page *page, gad_error *err);
GAD_API void gad_inspection_page_free(gad_inspection_page *page);

#ifdef __cplusplus
}
#endif
#endif
