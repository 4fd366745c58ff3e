/* synth: training pairs out of nothing: (seed, index, settings) -> normal references, a test image, and the truth about
 * it. Equal arguments give equal bytes, on any thread. Knows nothing of files, datasets or models. */
#ifndef GAD_SYNTH_SYNTH_H
#define GAD_SYNTH_SYNTH_H
#include "gad_data.h"
#include "synth/defect.h"
#include "synth/scene_family.h"
#include "task/mask.h"

enum { GAD_SYNTH_REFERENCES = 4, GAD_SYNTH_BOXES = 12 };

gad_status gad_synth_check(const gad_synth_settings *settings, gad_error *err);

/* A defect kind or scene family list from text: "scratch,hole" or "all" or "all,-crack". */
gad_status gad_synth_parse_kinds(const char *text, uint32_t *kinds, gad_error *err);
gad_status gad_synth_parse_families(const char *text, uint32_t *families, gad_error *err);

typedef struct gad_synth_box {
    gad_box box;       /* whole pixels of the test image */
    const char *label; /* constants */
    const char *noun;  /* part concerned or NULL */
    int64_t area;      /* mask pixels */
    float change[3];   /* mean of test minus the same picture without the defect */
} gad_synth_box;

typedef struct gad_synth_pair {
    int width, height, references;
    unsigned char *reference[GAD_SYNTH_REFERENCES]; /* [height][width][3] */
    unsigned char *test;                            /* [height][width][3] */
    unsigned char *mask;                            /* [height][width], 0 or 1 */
    int count;                                      /* boxes; 0: normal */
    gad_synth_box boxes[GAD_SYNTH_BOXES];           /* ordered by (y1, x1, y2, x2) */
    gad_scene_family family;                        /* GAD_SCENE_FAMILIES when made from a photograph */
    uint64_t class_index;
    char class_text[64];
    char *think; /* the reasoning, without tags */
} gad_synth_pair;
void gad_synth_free(gad_synth_pair *pair);

/* Scratch memory for one thread; holds nothing that outlives a call. */
typedef struct gad_synth_work gad_synth_work;
gad_status gad_synth_work_new(const gad_synth_settings *settings, gad_synth_work **work, gad_error *err);
void gad_synth_work_free(gad_synth_work *work);

/* Make pair `index` of `seed`. *pair is overwritten and owned by the caller; it must be zero or hold an earlier pair of the
 * same size, whose memory is used again. */
gad_status gad_synth_make(gad_synth_work *work, uint64_t seed, uint64_t index, gad_synth_pair *pair, gad_error *err);

/* A picture to put defects on. */
typedef struct gad_synth_photo {
    const unsigned char *rgb; /* [height][width][3] */
    int width, height;
} gad_synth_photo;

/* As gad_synth_make, on photographs: `photos[0]` becomes the test image, the others (if any) the references; with one
 * photo the references are other views of it. Kinds that need a known scene are painted instead. */
gad_status gad_synth_make_photo(gad_synth_work *work, uint64_t seed, uint64_t index, const gad_synth_photo *photos,
                                int count, const char *class_text, gad_synth_pair *pair, gad_error *err);
#endif
