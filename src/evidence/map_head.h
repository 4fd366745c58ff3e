/* map_head: a small convolutional network that tells defects by what they look like in maps of distances (distances.h). In:
 * the maps of a picture. Out: a logit a cell. Forward and backward; weights from a file, or random. Knows nothing of good
 * parts or scores.
 *
 * Channels of a cell: the root of each distance, and the same less its median over the picture; then 3 x 3 convolutions to
 * GAD_MAP_HEAD_WIDTH channels with GELU, twice, and a linear layer. */
#ifndef GAD_EVIDENCE_MAP_HEAD_H
#define GAD_EVIDENCE_MAP_HEAD_H
#include "base/hash.h"
#include "features/descriptor.h"
#include "io/safetensors.h"
#include "model/linear.h"

enum { GAD_MAP_HEAD_WIDTH = 32, GAD_MAP_HEAD_CONVOLUTIONS = 2, GAD_MAP_HEAD_PARAMS = 8 };

typedef struct gad_map_head {
    gad_params params;                                 /* none: there is no head */
    gad_param *mean, *scale;                           /* [channels] that normalise the channels; not trained */
    gad_linear convolution[GAD_MAP_HEAD_CONVOLUTIONS]; /* [width, 9 * inputs] */
    gad_linear logit;                                  /* [1, width] */
    int64_t channels;
    gad_hash backbone; /* whose maps it was trained on */
} gad_map_head;

static inline bool gad_map_head_exists(const gad_map_head *head)
{
    return head->params.count > 0;
}
/* Of a cell, where so many maps are given. */
static inline int64_t gad_map_head_channels(int64_t maps)
{
    return 2 * maps;
}

/* Random weights, channels not normalised. */
gad_status gad_map_head_new(int64_t maps, gad_hash backbone, uint64_t seed, gad_map_head *head, gad_error *err);
void gad_map_head_free(gad_map_head *head);

/* `path`: a file of its own. */
gad_status gad_map_head_open(const char *path, gad_map_head *head, gad_error *err);
gad_status gad_map_head_save(const gad_map_head *head, const char *path, gad_error *err);
/* A head within another file; one without its tensors has none, which is no error. */
gad_status gad_map_head_read(const gad_safetensors *file, const char *path, gad_map_head *head, gad_error *err);
/* What to write of it, into item[GAD_MAP_HEAD_PARAMS + 1]; returns how many. They point into the head and `text`. */
size_t gad_map_head_items(const gad_map_head *head, char text[33], gad_safetensors_item *item);
gad_hash gad_map_head_hash(const gad_map_head *head);

/* channel [cells, channels] out of map [maps][cells]; cells that are not looked at (-1) are like the median. `spare` has
 * room for as many numbers as there are cells. */
void gad_map_head_prepare(const float *map, int64_t maps, int64_t cells, float *spare, float *channel);
/* In place, by the head's mean and scale. */
void gad_map_head_normalise(const gad_map_head *head, int64_t cells, float *channel);

/* What the backward pass needs. */
typedef struct gad_map_head_saved {
    int64_t rows, cols;
    gad_tensor wide[GAD_MAP_HEAD_CONVOLUTIONS]; /* [cells, 9 * inputs]: 3 x 3 cells side by side */
    gad_tensor h[GAD_MAP_HEAD_CONVOLUTIONS], g[GAD_MAP_HEAD_CONVOLUTIONS]; /* before and after GELU */
    gad_tensor logit;                                                      /* [cells, 1] */
} gad_map_head_saved;
/* channel [cells, channels], normalised. What `saved` holds stays on the stack; the caller rewinds. */
void gad_map_head_forward(const gad_pass *pass, const gad_map_head *head, gad_tensor channel, int64_t rows, int64_t cols,
                          gad_map_head_saved *saved);
/* d_logit [cells, 1]. Adds parameter gradients. */
gad_status gad_map_head_backward(const gad_pass *pass, const gad_map_head *head, gad_tensor d_logit,
                                 const gad_map_head_saved *saved, gad_error *err);
/* The whole: logit [cells] of the maps. */
gad_status gad_map_head_run(const gad_map_head *head, gad_device *device, const float *map, int64_t rows, int64_t cols,
                            float *logit, gad_error *err);
#endif
