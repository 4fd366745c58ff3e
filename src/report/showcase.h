/* showcase: which cases a report shows, and their thumbnails. In: summary. Out: cases with JPEG bytes. Knows nothing of
 * HTML. */
#ifndef GAD_REPORT_SHOWCASE_H
#define GAD_REPORT_SHOWCASE_H
#include "base/string.h"
#include "bench/summary.h"

enum { GAD_SHOWCASE_PER_KIND = 12, GAD_SHOWCASE_SIDE = 320, GAD_SHOWCASE_LIMIT_BYTES = 9 << 20 };

typedef struct gad_showcase_picture {
    gad_string jpeg; /* a file; empty when the picture could not be read or is left out */
    int64_t width, height;
} gad_showcase_picture;

typedef struct gad_showcase_case {
    size_t item;
    gad_scoring_kind kind;
    bool random; /* belongs to the random sample, not only to the worst of its kind */
    gad_showcase_picture reference, image;
    int64_t width, height; /* of the inspected image in the coordinates of its boxes */
} gad_showcase_case;

typedef struct gad_showcase {
    gad_showcase_case *shown;
    size_t count;
    int64_t unreadable; /* pictures that could not be read */
    int64_t left_out;   /* pictures dropped to stay under GAD_SHOWCASE_LIMIT_BYTES */
    char first_unreadable[512];
} gad_showcase;

/* The worst `per_kind` of each kind of error (most confident first where there is a score, else by a hash of the id), and
 * as many again drawn at random from all answers with the summary's seed. Pictures are read by several threads. */
gad_status gad_showcase_make(const gad_summary *summary, size_t per_kind, gad_showcase *gallery, gad_error *err);
void gad_showcase_free(gad_showcase *gallery);
#endif
