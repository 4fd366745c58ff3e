/* hints: see hints.h */
#include "inspect/hints.h"

#include "base/error.h"
#include "io/draw.h"
#include "io/resize.h"
#include "task/hint.h"

static const char operation[] = "write hints";
enum { SIDE_PX = 448 }; /* of the heat map: the benchmark's canvas */

const char *gad_hints_name(gad_hints kind)
{
    static const char *const names[] = {"none", "text", "image", "both"};
    return names[kind];
}

void gad_hints_free(gad_hint_set *set)
{
    gad_string_free(&set->text);
    gad_image_free(&set->heat);
}

/* The part, small, under what the product sees in it. */
static gad_status draw(const gad_inspection *seen, const gad_image *image, gad_image *heat, gad_error *err)
{
    gad_status status = gad_resize_fit(image, SIDE_PX, SIDE_PX, heat, err);
    if (!status)
        gad_draw_heat(heat, seen->heat, seen->heat_height, seen->heat_width, 0, 1, 0.6);
    return status;
}

gad_status gad_hints_make(const gad_inspection *seen, const gad_image *image, const gad_box_frame *frame, gad_hints kind,
                          gad_hint_set *set, gad_error *err)
{
    gad_hint_set made = {0};
    bool pictured = seen->heat && (kind == GAD_HINTS_IMAGE || kind == GAD_HINTS_BOTH);
    gad_status status = pictured ? draw(seen, image, &made.heat, err) : GAD_OK;
    if (kind == GAD_HINTS_TEXT || kind == GAD_HINTS_BOTH)
        gad_hint_write(seen, frame, pictured, &made.text);
    else if (pictured)
        gad_hint_write_pictured(&made.text);
    if (!status && made.text.failed)
        status = gad_error_memory(err, operation, made.text.length);
    if (status)
        gad_hints_free(&made);
    else
        *set = made;
    return status;
}
