/* measurement: see measurement.h. Every word has a rule on the numbers; bounds of perception: a difference of 2.3 in CIELAB
 * is just noticeable (Mahy et al., Color Research & Application 19, 1994). */
#include "task/measurement.h"

#include "task/place.h"

#include <math.h>

static const double just_noticeable = 2.3;

static const char *const words[GAD_WORD_KINDS][8] = {
    [GAD_WORD_SIZE] = {"tiny", "small", "medium-sized", "large"},
    [GAD_WORD_TONE] = {"", "slightly darker", "darker", "much darker", "slightly lighter", "lighter", "much lighter"},
    [GAD_WORD_COLOUR] = {"", "redder", "greener", "yellower", "bluer"},
    [GAD_WORD_FORM] = {"", "streak", "thin line"},
    [GAD_WORD_DIRECTION] = {"", "along the horizontal", "rising to the right", "along the vertical",
                            "falling to the right"},
    [GAD_WORD_STRUCTURE] = {"", "smoother", "more structured"},
    [GAD_WORD_CONTENT] = {"", "added", "missing", "moved"},
    [GAD_WORD_BASIS] = {"the good part", "its surroundings"},
    [GAD_WORD_LEVEL] = {"far below", "below", "just below", "just above", "above", "far above"},
};

int gad_measurement_word_count(gad_word_kind kind)
{
    static const int counts[GAD_WORD_KINDS] = {4, 7, 5, 3, 5, 3, 4, 2, 6};
    return counts[kind];
}

const char *gad_measurement_word(gad_word_kind kind, int number)
{
    return words[kind][number];
}

/* How many of the rising bounds a value has reached. */
static int step_of(double value, const double *bound, int bounds)
{
    int n = 0;
    while (n < bounds && value >= bound[n])
        n++;
    return n;
}

static int size_word(const gad_measurement *m)
{
    static const double shares[] = {0.002, 0.01, 0.05};
    return step_of(m->share, shares, 3);
}

static int tone_word(const gad_measurement *m)
{
    static const double levels[] = {just_noticeable, 8, 25};
    int strength = step_of(fabs(m->lightness), levels, 3);
    return !strength || m->lightness < 0 ? strength : strength + 3;
}

/* The larger of the two opponent colours, when it can be seen and is not only a companion of the lightness. */
static int colour_word(const gad_measurement *m)
{
    double a = m->red_green, b = m->yellow_blue, larger = fmax(fabs(a), fabs(b));
    if (larger < 2 * just_noticeable || larger < 0.5 * fabs(m->lightness))
        return 0;
    return fabs(a) >= fabs(b) ? (a > 0 ? 1 : 2) : b > 0 ? 3 : 4;
}

/* Streaks are at least three times as long as broad, thin lines six times. */
static int form_word(const gad_measurement *m)
{
    return m->length_px < 3 * m->breadth_px ? 0 : m->length_px < 6 * m->breadth_px ? 1 : 2;
}

static int direction_word(const gad_measurement *m)
{
    double d = fmod(m->direction_deg, 180);
    return !form_word(m) ? 0 : d < 22.5 || d >= 157.5 ? 1 : d < 67.5 ? 2 : d < 112.5 ? 3 : 4;
}

gad_words gad_measurement_words(const gad_measurement *m, double peak)
{
    static const double logits[] = {-4, -1.5, 0, 1.5, 4};
    bool compared = m->basis == GAD_MEASUREMENT_REFERENCE;
    gad_words w = {{[GAD_WORD_SIZE] = size_word(m),
                    [GAD_WORD_TONE] = tone_word(m),
                    [GAD_WORD_COLOUR] = colour_word(m),
                    [GAD_WORD_FORM] = form_word(m),
                    [GAD_WORD_DIRECTION] = direction_word(m),
                    [GAD_WORD_STRUCTURE] = m->roughness <= -1  ? 1
                                           : m->roughness >= 1 ? 2
                                                               : 0,
                    [GAD_WORD_CONTENT] = compared ? (int)m->content : 0,
                    [GAD_WORD_BASIS] = compared ? 0 : 1,
                    [GAD_WORD_LEVEL] = step_of(peak, logits, 5)}};
    return w;
}

void gad_measurement_say(const gad_words *w, gad_string *text)
{
    static const char *const contents[] = {"", ", with nothing like it in the good part", ", where something is missing",
                                           ", which is found again at another place"};
    const char *tone = words[GAD_WORD_TONE][w->of[GAD_WORD_TONE]], *colour = words[GAD_WORD_COLOUR][w->of[GAD_WORD_COLOUR]];
    const char *structure = words[GAD_WORD_STRUCTURE][w->of[GAD_WORD_STRUCTURE]],
               *basis = words[GAD_WORD_BASIS][w->of[GAD_WORD_BASIS]];
    int form = w->of[GAD_WORD_FORM];
    gad_string_addf(text, "a %s %s", words[GAD_WORD_SIZE][w->of[GAD_WORD_SIZE]],
                    form ? words[GAD_WORD_FORM][form] : "patch");
    if (form)
        gad_string_addf(text, " %s", words[GAD_WORD_DIRECTION][w->of[GAD_WORD_DIRECTION]]);
    if (*tone || *colour)
        gad_string_addf(text, ", %s%s%s than %s", tone, *tone && *colour ? " and " : "", colour, basis);
    if (*structure)
        gad_string_addf(text, ", %s than %s", structure, *tone || *colour ? "it" : basis);
    gad_string_add(text, contents[w->of[GAD_WORD_CONTENT]]);
}

/* "a thin line rising to the right" */
static void write_shape(const gad_measurement *m, gad_string *text)
{
    int form = form_word(m);
    if (form)
        gad_string_addf(text, ", a %s %s", words[GAD_WORD_FORM][form], words[GAD_WORD_DIRECTION][direction_word(m)]);
    else
        gad_string_add(text, m->share < 0.002 ? ", a spot" : m->share < 0.05 ? ", a patch" : ", a wide area");
}

static void write_tone(const gad_measurement *m, gad_string *text)
{
    const char *colour = words[GAD_WORD_COLOUR][colour_word(m)], *than = words[GAD_WORD_BASIS][m->basis];
    bool tone = tone_word(m) != 0;
    if (tone)
        gad_string_addf(text, ", %.0f %% %s", fabs(m->lightness), m->lightness < 0 ? "darker" : "lighter");
    if (*colour)
        gad_string_addf(text, tone ? " and %s" : ", %s", colour);
    if (tone || *colour)
        gad_string_addf(text, " than %s", than);
    if (m->contour >= 0.5)
        gad_string_add(text, ", along a contour");
    if (fabs(m->roughness) >= 1)
        gad_string_addf(text, ", %s than %s", words[GAD_WORD_STRUCTURE][m->roughness > 0 ? 2 : 1],
                        tone || *colour ? "it" : than);
}

static void write_content(const gad_measurement *m, gad_string *text)
{
    if (m->basis != GAD_MEASUREMENT_REFERENCE || m->content == GAD_MEASUREMENT_CHANGED)
        return;
    if (m->content == GAD_MEASUREMENT_MOVED && m->other < 0)
        gad_string_add(text, ", moved (the same content is found elsewhere)");
    else if (m->content == GAD_MEASUREMENT_MOVED)
        gad_string_addf(text, ", moved (region %d shows the same content)", m->other + 1);
    else
        gad_string_addf(text, ", something %s", m->content == GAD_MEASUREMENT_ADDED ? "was added" : "is missing");
    if (m->content == GAD_MEASUREMENT_ADDED && m->like_x >= 0)
        gad_string_addf(text, " (the good part shows the same at %.0f, %.0f)", m->like_x, m->like_y);
}

void gad_measurement_write_look(const gad_measurement *m, gad_string *text)
{
    write_shape(m, text);
    write_tone(m, text);
    write_content(m, text);
    if (m->unusual > 0)
        gad_string_addf(text, "; %.1f times what rejects a part", m->unusual);
}

void gad_measurement_write(const gad_measurement *m, const gad_box *box, double width_px, double height_px,
                           gad_string *text)
{
    gad_string_addf(text, "%s, %.0f x %.0f px (%.*f %% of the picture differs)",
                    gad_place_name(gad_place_of(box, width_px, height_px)), box->x2 - box->x1, box->y2 - box->y1,
                    m->share < 0.001 ? 2 : 1, 100 * m->share);
    gad_measurement_write_look(m, text);
}
