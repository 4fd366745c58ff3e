/* tile: see tile.h */
#include "features/tile.h"

#include "base/error.h"
#include "io/resize.h"

#include <string.h>

static const char operation[] = "see a picture in tiles";

typedef struct tile {
    int64_t x1, y1, x2, y2;           /* px of the working picture that it is kept for */
    int64_t left, top, right, bottom; /* px that it shows */
} tile;

static int64_t across(int64_t side)
{
    return (side + GAD_TILE_SIDE - 1) / GAD_TILE_SIDE;
}

int64_t gad_tile_count(int64_t width, int64_t height)
{
    return width * height <= GAD_TILE_WHOLE ? 1 : across(width) * across(height);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static tile tile_at(int64_t width, int64_t height, int64_t row, int64_t col)
{
    tile t = {.x1 = col * GAD_TILE_SIDE, .y1 = row * GAD_TILE_SIDE};
    t.x2 = least(t.x1 + GAD_TILE_SIDE, width);
    t.y2 = least(t.y1 + GAD_TILE_SIDE, height);
    t.left = col ? t.x1 - GAD_TILE_MARGIN : 0;
    t.top = row ? t.y1 - GAD_TILE_MARGIN : 0;
    t.right = least(t.x2 + GAD_TILE_MARGIN, width);
    t.bottom = least(t.y2 + GAD_TILE_MARGIN, height);
    return t;
}

static gad_status cut(const gad_image *image, const tile *t, gad_image *piece, gad_error *err)
{
    gad_status status = gad_image_new(t->right - t->left, t->bottom - t->top, image->channels, piece, err);
    for (int64_t y = t->top; !status && y < t->bottom; y++)
        memcpy(gad_image_row(piece, y - t->top), gad_image_row(image, y) + t->left * image->channels,
               gad_image_stride(piece));
    return status;
}

/* The middle of the tile's maps into the maps of the picture. */
static void paste(const gad_features *from, const tile *t, gad_features *to)
{
    for (int i = 0; i < to->count; i++) {
        const gad_feature_map *map = &to->map[i], *piece = &from->map[i];
        const int64_t px = map->stride, count = least((t->x2 + px - 1) / px, map->cols) - t->x1 / px;
        for (int64_t y = t->y1 / px; y < least((t->y2 + px - 1) / px, map->rows); y++)
            memcpy(gad_feature_cell(map, y, t->x1 / px),
                   gad_feature_cell(piece, y - t->top / px, t->x1 / px - t->left / px),
                   (size_t)(count * map->width) * sizeof *map->data);
    }
}

static gad_status run_tile(gad_backbone *backbone, const gad_image *image, const tile *t, gad_features *all, gad_error *err)
{
    gad_image piece = {0};
    gad_features seen = {0};
    gad_status status = cut(image, t, &piece, err);
    if (!status)
        status = gad_backbone_run(backbone, &piece, piece.width, piece.height, &seen, err);
    for (int i = 0; !status && all->count < seen.count; i++) {
        const gad_feature_map *map = &seen.map[i];
        status = gad_feature_add(all, (image->height + map->stride - 1) / map->stride,
                                 (image->width + map->stride - 1) / map->stride, map->width, map->stride, err);
    }
    if (!status)
        paste(&seen, t, all);
    gad_feature_free(&seen);
    gad_image_free(&piece);
    return status;
}

static gad_status run_tiles(gad_backbone *backbone, const gad_image *image, gad_features *features, gad_error *err)
{
    gad_features all = {0};
    gad_status status = GAD_OK;
    for (int64_t row = 0; !status && row < across(image->height); row++)
        for (int64_t col = 0; !status && col < across(image->width); col++) {
            const tile t = tile_at(image->width, image->height, row, col);
            status = run_tile(backbone, image, &t, &all, err);
        }
    if (status)
        gad_feature_free(&all);
    else
        *features = all;
    return status;
}

gad_status gad_tile_run(gad_backbone *backbone, const gad_image *image, int64_t width, int64_t height,
                        gad_features *features, gad_error *err)
{
    const int64_t unit = gad_backbone_describe(backbone)->unit;
    if (gad_tile_count(width, height) == 1)
        return gad_backbone_run(backbone, image, width, height, features, err);
    if (GAD_TILE_MARGIN % unit || GAD_TILE_SIDE % unit || width % unit || height % unit)
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "choose a smaller working picture",
                             "%lld x %lld px with a backbone of unit %lld", (long long)width, (long long)height,
                             (long long)unit);
    gad_image fitted = {0};
    gad_status status = gad_resize_bicubic(image, width, height, GAD_RESIZE_PIL, &fitted, err);
    if (!status)
        status = run_tiles(backbone, &fitted, features, err);
    gad_image_free(&fitted);
    return status;
}
