/* measurement: see measurement.h. Every word has a rule on the numbers; bounds of perception: a difference of 2.3 in CIELAB
 * is just noticeable (Mahy et al., Color Research & Application 19, 1994). */
#include "task/measurement.h"

#include "task/place.h"

#include <math.h>

static const double just_noticeable = 2.3;

/* "a line rising to the right": of places that are at least three times as long as broad. */
static void write_shape(const gad_measurement *m, gad_string *text)
{
    if (m->length_px < 3 * m->breadth_px) {
        gad_string_add(text, m->share < 0.002 ? ", a spot" : m->share < 0.05 ? ", a patch" : ", a wide area");
        return;
    }
    double d = fmod(m->direction_deg, 180);
    gad_string_addf(text, ", a %s %s", m->breadth_px < 6 ? "thin line" : "streak",
                    d < 22.5 || d >= 157.5 ? "along the horizontal"
                    : d < 67.5             ? "rising to the right"
                    : d < 112.5            ? "along the vertical"
                                           : "falling to the right");
}

/* The larger of the two opponent colours, when it can be seen and is not only a companion of the lightness. */
static const char *colour_word(const gad_measurement *m)
{
    double a = m->red_green, b = m->yellow_blue, larger = fmax(fabs(a), fabs(b));
    if (larger < 2 * just_noticeable || larger < 0.5 * fabs(m->lightness))
        return NULL;
    return fabs(a) >= fabs(b) ? (a > 0 ? "redder" : "greener") : b > 0 ? "yellower" : "bluer";
}

static void write_tone(const gad_measurement *m, gad_string *text)
{
    const char *colour = colour_word(m),
               *than = m->basis == GAD_MEASUREMENT_REFERENCE ? "the good part" : "its surroundings";
    bool tone = fabs(m->lightness) >= just_noticeable;
    if (tone)
        gad_string_addf(text, ", %.0f %% %s", fabs(m->lightness), m->lightness < 0 ? "darker" : "lighter");
    if (colour)
        gad_string_addf(text, tone ? " and %s" : ", %s", colour);
    if (tone || colour)
        gad_string_addf(text, " than %s", than);
    if (fabs(m->roughness) >= 1)
        gad_string_addf(text, ", %s than %s", m->roughness > 0 ? "more structured" : "smoother",
                        tone || colour ? "it" : than);
}

static void write_content(const gad_measurement *m, gad_string *text)
{
    if (m->basis != GAD_MEASUREMENT_REFERENCE || m->content == GAD_MEASUREMENT_CHANGED)
        return;
    if (m->content == GAD_MEASUREMENT_MOVED)
        gad_string_addf(text, ", moved (region %d shows the same content)", m->other + 1);
    else
        gad_string_addf(text, ", something %s", m->content == GAD_MEASUREMENT_ADDED ? "was added" : "is missing");
}

void gad_measurement_write(const gad_measurement *m, double width_px, double height_px, gad_string *text)
{
    gad_string_addf(text, "%s, %.0f x %.0f px (%.*f %% of the picture)",
                    gad_place_name(gad_place_of(&m->box, width_px, height_px)), m->box.x2 - m->box.x1,
                    m->box.y2 - m->box.y1, m->share < 0.001 ? 2 : 1, 100 * m->share);
    write_shape(m, text);
    write_tone(m, text);
    write_content(m, text);
    if (m->unusual > 0)
        gad_string_addf(text, "; %.1f times what rejects a part", m->unusual);
}
