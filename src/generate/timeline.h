/* timeline: the key-value cache as a list of what was said. In: the whole prompt, every time. Out: the logits after its
 * last id. What the prompt shares with what the timeline holds (same ids AND same image contents) is not computed again, so
 * reuse is a property of the call. Knows nothing of text or files. */
#ifndef GAD_GENERATE_TIMELINE_H
#define GAD_GENERATE_TIMELINE_H
#include "base/hash.h"
#include "model/lm.h"

/* The vision rows of one image on the host: [(1 + levels) * tokens, hidden], and the hash of what they were made from
 * (pixels and preprocessing). */
typedef struct gad_image_rows {
    gad_hash hash;
    gad_grid grid;
    int64_t tokens;
    float *rows;
    int levels; /* sets of rows that layers add: DeepStack's, and those of the difference module */
} gad_image_rows;

typedef struct gad_prompt_image {
    const gad_image_rows *rows; /* borrowed */
    int64_t first;              /* place of its first id; it has rows->tokens ids */
} gad_prompt_image;

/* Everything the model is to read. Borrowed memory. */
typedef struct gad_prompt {
    const int32_t *ids;
    int64_t count;
    const gad_prompt_image *image;
    int64_t image_count;
} gad_prompt;

/* Asked before each piece of work; true: stop. A NULL pointer or function: never. */
typedef struct gad_cancel {
    bool (*is_cancelled)(void *user);
    void *user;
} gad_cancel;
gad_status gad_cancel_check(const gad_cancel *cancel, gad_error *err);

typedef struct gad_timeline {
    const gad_model *model;
    gad_device *device;
    bool adapters;
    gad_lm_cache cache;
    int32_t *ids;      /* [cache.capacity]: what each row is */
    gad_hash *content; /* [cache.capacity]: image hash of image rows, zero of text */
    int64_t length;    /* rows in use */
    int32_t next;      /* position of the next id */
    float *logits;     /* [vocab]: after the last row that was fed or appended; owned */
    int64_t computed;  /* rows computed since the timeline was opened: what reuse saved is visible */
} gad_timeline;

/* model and device are borrowed. */
gad_status gad_timeline_open(const gad_model *model, gad_device *device, gad_timeline *timeline, gad_error *err);
void gad_timeline_close(gad_timeline *timeline);

/* Make timeline->logits those after `prompt`, with room for `more` ids after it. GAD_E_LIMIT when prompt and answer do not
 * fit the model's context. On failure the timeline holds a valid, possibly shorter, beginning. */
gad_status gad_timeline_feed(gad_timeline *timeline, const gad_prompt *prompt, int64_t more, const gad_cancel *cancel,
                             gad_error *err);
/* Add one id; needs room from an earlier feed. */
gad_status gad_timeline_append(gad_timeline *timeline, int32_t id, gad_error *err);
/* The same on a device that draws (gad_ops.draw): the id after it is drawn there, and timeline->logits stay as they are. */
gad_status gad_timeline_follow(gad_timeline *timeline, int32_t id, const gad_draw *draw, gad_drawn *drawn, gad_error *err);
/* Logits that are no numbers would make an answer all the same: the first of equals, a probability of nothing. */
gad_status gad_timeline_check_logits(const float *logits, size_t count, gad_error *err);
gad_status gad_timeline_check_drawn(const gad_drawn *drawn, gad_error *err);
/* A timeline of its own that holds the same rows. */
gad_status gad_timeline_fork(const gad_timeline *from, gad_timeline *to, gad_error *err);
/* Forget all rows (after another adapter was switched on, say). */
void gad_timeline_clear(gad_timeline *timeline);
/* Bytes of cache for one row of numbers of that dtype. */
size_t gad_timeline_row_bytes(const gad_model *model, gad_dtype kept);
#endif
