/* sheet: see sheet.h */
#include "io/sheet.h"

#include "base/error.h"
#include "base/string.h"
#include "io/draw.h"
#include "io/font.h"
#include "io/resize.h"

#include <string.h>

enum { GAP_PX = 8, CAPTION_GAP_PX = 4 };

static int64_t cell_height(const gad_sheet *sheet)
{
    return sheet->height_px + GAP_PX + (sheet->caption_lines ? CAPTION_GAP_PX + sheet->caption_lines * GAD_FONT_LINE : 0);
}

gad_status gad_sheet_new(int64_t count, int64_t columns, int64_t width_px, int64_t height_px, int caption_lines,
                         gad_sheet *sheet, gad_error *err)
{
    if (count < 1 || count > 1000000 || columns < 1 || width_px < 1 || width_px > 65536 || height_px < 1 ||
        height_px > 65536 || caption_lines < 0 || caption_lines > 100)
        return gad_error_set(err, GAD_E_ARGUMENT, "make contact sheet", NULL,
                             "%lld tiles of %lld x %lld pixels in %lld columns are not a sheet", (long long)count,
                             (long long)width_px, (long long)height_px, (long long)columns);
    gad_sheet made = {.count = count,
                      .columns = columns < count ? columns : count,
                      .width_px = width_px,
                      .height_px = height_px,
                      .caption_lines = caption_lines};
    int64_t rows = (count + made.columns - 1) / made.columns;
    gad_status status =
        gad_image_new(GAP_PX + made.columns * (width_px + GAP_PX), GAP_PX + rows * cell_height(&made), 3, &made.image, err);
    if (status)
        return status;
    memset(made.image.pixels, 255, gad_image_stride(&made.image) * (size_t)made.image.height);
    *sheet = made;
    return GAD_OK;
}

void gad_sheet_free(gad_sheet *sheet)
{
    if (!sheet)
        return;
    gad_image_free(&sheet->image);
    *sheet = (gad_sheet){0};
}

/* One line of the caption, at most `room` characters: the rest becomes "...". Returns where the next line begins. */
static const char *add_line(gad_string *line, const char *text, int64_t room)
{
    const char *end = strchr(text, '\n'), *at = text, *cut = text;
    end = end ? end : text + strlen(text);
    int64_t length = 0;
    while (at < end) {
        gad_font_glyph(&at);
        if (++length == room - 3)
            cut = at;
    }
    gad_string_clear(line);
    if (length <= room) {
        gad_string_append(line, text, (size_t)(end - text));
    } else {
        gad_string_append(line, text, (size_t)(cut - text));
        gad_string_add(line, room >= 3 ? "..." : "");
    }
    return *end ? end + 1 : end;
}

static gad_status write_caption(gad_sheet *sheet, int64_t x, int64_t y, const char *caption, gad_error *err)
{
    static const gad_draw_colour ink = {40, 40, 40};
    gad_string line = {0};
    int64_t room = (sheet->width_px + GAD_FONT_ADVANCE - GAD_FONT_DOTS) / GAD_FONT_ADVANCE;
    for (int i = 0; i < sheet->caption_lines && *caption; i++) {
        caption = add_line(&line, caption, room);
        gad_draw_text(&sheet->image, x, y + i * GAD_FONT_LINE, gad_string_text(&line), 1, ink);
    }
    bool failed = line.failed;
    gad_string_free(&line);
    return failed ? gad_error_memory(err, "make contact sheet", 0) : GAD_OK;
}

gad_status gad_sheet_put(gad_sheet *sheet, int64_t index, const gad_image *tile, const char *caption, gad_error *err)
{
    if (index < 0 || index >= sheet->count || tile->channels != 3)
        return gad_error_set(err, GAD_E_ARGUMENT, "make contact sheet", NULL,
                             "tile %lld of %lld with %d channels has no place", (long long)index, (long long)sheet->count,
                             tile->channels);
    static const gad_draw_colour ground = {238, 238, 238};
    gad_image small;
    gad_status status = gad_resize_fit(tile, sheet->width_px, sheet->height_px, &small, err);
    if (status)
        return status;
    int64_t x = GAP_PX + index % sheet->columns * (sheet->width_px + GAP_PX);
    int64_t y = GAP_PX + index / sheet->columns * cell_height(sheet);
    gad_draw_fill(&sheet->image, (gad_draw_area){x, y, x + sheet->width_px, y + sheet->height_px}, ground, 1);
    gad_draw_paste(&sheet->image, x + (sheet->width_px - small.width) / 2, y + (sheet->height_px - small.height) / 2,
                   &small);
    gad_image_free(&small);
    if (caption)
        status = write_caption(sheet, x, y + sheet->height_px + CAPTION_GAP_PX, caption, err);
    return status;
}
