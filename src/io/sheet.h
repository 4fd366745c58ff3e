/* sheet: many pictures on one (a contact sheet), each with a caption. In: one tile after the other. Out: one image. */
#ifndef GAD_IO_SHEET_H
#define GAD_IO_SHEET_H
#include "io/image.h"

typedef struct gad_sheet {
    gad_image image;                             /* the sheet, owned */
    int64_t count, columns, width_px, height_px; /* of a tile */
    int caption_lines;
} gad_sheet;

/* An empty white sheet for `count` tiles of at most width_px x height_px with that many lines of text below each. */
gad_status gad_sheet_new(int64_t count, int64_t columns, int64_t width_px, int64_t height_px, int caption_lines,
                         gad_sheet *sheet, gad_error *err);
void gad_sheet_free(gad_sheet *sheet);
/* Shrinks an RGB tile to fit place `index` and writes the caption below it (NULL: none). Lines that are too long are cut.
 */
gad_status gad_sheet_put(gad_sheet *sheet, int64_t index, const gad_image *tile, const char *caption, gad_error *err);
#endif
