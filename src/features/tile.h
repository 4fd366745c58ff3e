/* tile: feature maps of pictures of any size: what is too large to be seen at once is seen in tiles that overlap, and the
 * middle of each is kept, so that the maps have no seams. In: a backbone, a picture. Out: its feature maps. */
#ifndef GAD_FEATURES_TILE_H
#define GAD_FEATURES_TILE_H
#include "features/backbone.h"

/* Working pictures of at most GAD_TILE_WHOLE px are seen at once. A tile is GAD_TILE_SIDE px and shows GAD_TILE_MARGIN px
 * more on each side that has a neighbour. All are multiples of every backbone's unit. */
enum { GAD_TILE_WHOLE = 768 * 768, GAD_TILE_SIDE = 448, GAD_TILE_MARGIN = 64 };

/* As gad_backbone_run, for any size. */
gad_status gad_tile_run(gad_backbone *backbone, const gad_image *image, int64_t width, int64_t height,
                        gad_features *features, gad_error *err);
/* How many tiles a working picture of that size has; 1: it is seen at once. */
int64_t gad_tile_count(int64_t width, int64_t height);
#endif
