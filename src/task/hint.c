/* hint: see hint.h. That hints of this kind help models that are kept as they are: EAGLE, arXiv 2602.17419. */
#include "task/hint.h"

#include "task/measurement.h"

static const char doubt[] = "may be wrong, so look for yourself";

static void write_box(const gad_defect *d, const gad_box_frame *frame, gad_string *text)
{
    gad_model_box box = gad_box_to_model(frame, (gad_box){d->x1, d->y1, d->x2, d->y2});
    if (frame->convention == GAD_BOX_REL1)
        gad_string_addf(text, "[%.3f, %.3f, %.3f, %.3f]", box.value[0], box.value[1], box.value[2], box.value[3]);
    else
        gad_string_addf(text, "[%.0f, %.0f, %.0f, %.0f]", box.value[0], box.value[1], box.value[2], box.value[3]);
}

static void write_region(const gad_defect *d, int number, const gad_inspection *seen, const gad_box_frame *frame,
                         gad_string *text)
{
    double share = (d->x2 - d->x1) * (d->y2 - d->y1) / ((double)seen->width_px * (double)seen->height_px);
    gad_string_addf(text, "\n%d. ", number);
    write_box(d, frame, text);
    gad_string_addf(text, ", %.*f %% of the image", share < 0.001 ? 2 : 1, 100 * share);
    if (d->measured)
        gad_measurement_write_look(&d->measurement, text);
    gad_string_add(text, ".");
}

void gad_hint_write_pictured(gad_string *text)
{
    gad_string_addf(text,
                    "\nThe further image is a heat map of the image to inspect: bright where a comparison with good "
                    "parts finds it unusual. It %s.",
                    doubt);
}

void gad_hint_write(const gad_inspection *seen, const gad_box_frame *frame, bool pictured, gad_string *text)
{
    int regions = 0;
    for (int i = 0; i < seen->defect_count; i++)
        regions += seen->defect[i].valid;
    gad_string_addf(text, "\nA comparison with good parts, which %s, ", doubt);
    if (regions)
        gad_string_addf(text, "finds %d unusual region%s:", regions, regions == 1 ? "" : "s");
    else
        gad_string_addf(text, "finds no unusual region. %s", seen->found ? seen->found : "");
    for (int i = 0, number = 0; i < seen->defect_count; i++)
        if (seen->defect[i].valid)
            write_region(&seen->defect[i], ++number, seen, frame, text);
    if (pictured)
        gad_hint_write_pictured(text);
}
