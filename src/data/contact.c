/* contact: see contact.h */
#include "data/contact.h"

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/canvas_image.h"
#include "io/draw.h"
#include "io/sheet.h"

#include <stdio.h>
#include <string.h>

/* Reference and sample side by side, of one height. */
static gad_status make_tile(const char *root, const gad_sample *s, int side, gad_image *tile, gad_error *err)
{
    gad_image parts[2] = {{0}, {0}};
    int64_t width = 0, height = 1;
    gad_error unreadable;
    /* A sample whose reference is gone is still worth looking at. */
    if (s->reference_count)
        gad_canvas_image_load(root, s->references[0].path, s->crop, side, &parts[0], &unreadable);
    gad_status status = gad_canvas_image_load(root, s->image, s->crop, side, &parts[1], err);
    if (!status)
        gad_canvas_image_mark(&parts[1], s, (gad_draw_colour){255, 0, 0});
    for (int i = 0; i < 2; i++) {
        width += parts[i].width;
        height = parts[i].height > height ? parts[i].height : height;
    }
    if (!status)
        status = gad_image_new(width, height, 3, tile, err);
    if (!status) {
        memset(tile->pixels, 255, (size_t)(width * height * 3));
        gad_draw_paste(tile, 0, 0, &parts[0]);
        gad_draw_paste(tile, parts[0].width, 0, &parts[1]);
    }
    gad_image_free(&parts[0]);
    gad_image_free(&parts[1]);
    return status;
}

/* Type and boxes, then the text in lines of `width` characters. */
static void write_caption(const gad_sample *s, int width, int lines, gad_string *caption)
{
    gad_string_addf(caption, "%s: %s", s->class_text ? s->class_text : s->class_name, s->label ? "" : "normal");
    for (size_t i = 0; i < s->type_count; i++)
        gad_string_addf(caption, "%s%s", i ? ", " : "", s->types[i]);
    gad_string_addf(caption, " (%zu %s)", s->box_count, s->box_count == 1 ? "box" : "boxes");
    const char *at = s->think ? s->think : "";
    for (int line = 1; line < lines && *at; line++) {
        size_t n = strlen(at) < (size_t)width ? strlen(at) : (size_t)width;
        while (at[n] && n > 1 && at[n] != ' ')
            n--;
        gad_string_addf(caption, "\n%.*s", (int)n, at);
        at += n;
        at += strspn(at, " ");
    }
}

gad_status gad_contact_save(gad_store *store, const gad_contact_settings *settings, const char *path, const gad_log *log,
                            int64_t *shown, gad_error *err)
{
    enum { CAPTION_LINES = 4, LETTER_PX = 6 };
    int64_t total = 0, limit = settings->filter.limit ? settings->filter.limit : 40;
    gad_store_filter filter = settings->filter;
    gad_store_cursor *cursor = NULL;
    gad_sheet sheet = {0};
    gad_sample s = {0};
    bool found = true;
    filter.limit = limit;
    *shown = 0;
    gad_status status = gad_store_count(store, &settings->filter, &total, err);
    total = total < limit ? total : limit;
    if (!status && !total)
        status = gad_error_set(err, GAD_E_ARGUMENT, "make a contact sheet", "gad data stats shows what is there",
                               "no samples fit");
    if (!status)
        status = gad_store_select(store, &filter, &cursor, err);
    if (!status)
        status =
            gad_sheet_new(total, settings->columns, settings->tile_px * 2, settings->tile_px, CAPTION_LINES, &sheet, err);
    while (!status && found) {
        gad_image tile = {0};
        char *root = NULL;
        gad_string caption = {0};
        gad_error unreadable;
        status = gad_store_next(cursor, &s, &found, err);
        if (status || !found)
            break;
        status = gad_store_root(store, s.dataset, &root, err);
        if (!status && make_tile(root, &s, settings->tile_px, &tile, &unreadable)) {
            gad_log_warning(log, "%s: left out: %s", s.id, unreadable.cause);
        } else if (!status) {
            write_caption(&s, settings->tile_px * 2 / LETTER_PX, CAPTION_LINES, &caption);
            status = gad_sheet_put(&sheet, (*shown)++, &tile, gad_string_text(&caption), err);
        }
        gad_string_free(&caption);
        gad_image_free(&tile);
        gad_memory_free(root);
    }
    if (!status)
        status = gad_image_save_png(&sheet.image, path, err);
    gad_sample_free(&s);
    gad_store_cursor_free(cursor);
    gad_sheet_free(&sheet);
    return status;
}
