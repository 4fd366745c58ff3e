/* preprocess: an image as the rows that the vision tower takes, and the view that remembers what was done to it. In: an
 * image, the settings of preprocessor_config.json. Out: normalised patch rows, grid, view, a hash that names this input.
 * Must not know of the model's weights, prompts or boxes. */
#ifndef GAD_MODEL_PREPROCESS_H
#define GAD_MODEL_PREPROCESS_H
#include <jansson.h>

#include "base/hash.h"
#include "io/image.h"
#include "io/resize.h"
#include "model/position.h"

/* preprocessor_config.json (docs/spec/qwen_vl.md section 1.4). */
typedef struct gad_preprocess {
    int patch, temporal, merge;     /* pixels a patch, equal frames of a still image, patches a token (per side) */
    int64_t min_pixels, max_pixels; /* bounds of the resized image */
    bool canvas;                    /* before these: the shorter side as the benchmark's canvas has it */
    int64_t longest_px;             /* or the longer side at most so long, never enlarged; 0: as the file has it */
    double mean[3], std[3];         /* of red, green, blue in 0..1 */
    gad_resize_kernel backend;      /* which of the two reference processors is reproduced, bit for bit */
} gad_preprocess;

/* What happened to an image: travels untouched to the conversion of boxes. */
typedef struct gad_view {
    int64_t original_width, original_height; /* px of the upright file */
    int64_t width, height;                   /* px that the model sees, multiples of factor */
    int factor;                              /* patch * merge: side of one token */
} gad_view;

typedef struct gad_patches {
    float *row;                  /* [row_count, row_size], owned. Rows: 2 x 2 (merge) blocks of patches in raster order, */
    int64_t row_count, row_size; /* inside a block row by row; columns: channel, frame, y, x: 3 * temporal * patch^2 */
    gad_grid grid;               /* patches, not tokens */
    gad_view view;
    gad_hash hash;     /* of the pixels, the view and the settings: equal hash, equal rows */
    gad_image picture; /* RGB, what the rows were made of; owned */
} gad_patches;

/* Reads preprocessor_config.json, or processor_config.json with the same keys under "image_processor". Refuses what would
 * need another processing instead of approximating it. */
gad_status gad_preprocess_read(const char *path, gad_preprocess *settings, gad_error *err);
/* The same of parsed JSON; `name` says in errors where it came from. */
gad_status gad_preprocess_parse(const json_t *root, const char *name, gad_preprocess *settings, gad_error *err);

/* The rule for the size of pictures that training, inspection and benchmark share: "canvas", "original" (also NULL), or the
 * longest side in pixels. */
gad_status gad_preprocess_rule(const char *rule, gad_preprocess *settings, gad_error *err);

/* The size to which an image of width x height is resized ("smart resize", section 3.1). */
gad_status gad_preprocess_view(const gad_preprocess *settings, int64_t width, int64_t height, gad_view *view,
                               gad_error *err);
/* Tokens that the language model gets for it. */
int64_t gad_preprocess_tokens(const gad_view *view);

/* Let images have at most max_pixels, but never fewer than they must have; 0: as the checkpoint says. */
void gad_preprocess_bound(gad_preprocess *settings, int64_t max_pixels);
/* An RGB image at the size that the model sees; what gad_preprocess_image makes of it is what it makes of the image, but
 * for the view's original size and the hash. *fitted is the caller's (gad_image_free). */
gad_status gad_preprocess_fit(const gad_preprocess *settings, const gad_image *image, gad_image *fitted, gad_error *err);
/* Resize, normalise and lay out an RGB image. */
gad_status gad_preprocess_image(const gad_preprocess *settings, const gad_image *image, gad_patches *patches,
                                gad_error *err);
/* The same of an image that gad_preprocess_fit made: the same rows, of which it is the original. */
gad_status gad_preprocess_fitted(const gad_preprocess *settings, const gad_image *fitted, gad_patches *patches,
                                 gad_error *err);
void gad_preprocess_free(gad_patches *patches);
/* The colours of a fitted image, normalised as the rows are, as planes [3][height][width]. */
void gad_preprocess_planes(const gad_preprocess *settings, const gad_image *fitted, float *planes);
#endif
