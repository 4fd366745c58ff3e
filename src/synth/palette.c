/* palette: see palette.h */
#include "synth/palette.h"

#include <math.h>

typedef enum tint { TINT_ANY, TINT_METAL, TINT_EARTH, TINT_WOOD, TINT_STONE, TINT_LEATHER, TINT_CLOTH, TINT_DARK } tint;

typedef struct recipe {
    const char *word;
    tint color;
    float frequency_low, frequency_high, aspect_high, contrast_low, contrast_high;
    bool random; /* each piece has its own pattern */
} recipe;

/* Frequencies are periods per scene unit (half the shorter image side). */
static const recipe RECIPES[GAD_MATERIAL_KINDS] = {
    [GAD_MATERIAL_PLAIN] = {"smooth sheet", TINT_ANY, 1, 4, 1, 0.03f, 0.12f, true},
    [GAD_MATERIAL_MOTTLED] = {"mottled sheet", TINT_ANY, 1.5f, 6, 1.5f, 0.1f, 0.4f, true},
    [GAD_MATERIAL_GRAIN] = {"grained plastic", TINT_ANY, 8, 25, 1.4f, 0.12f, 0.4f, true},
    [GAD_MATERIAL_BRUSHED] = {"brushed metal", TINT_METAL, 6, 25, 1, 0.08f, 0.3f, true},
    [GAD_MATERIAL_SPECKLE] = {"speckled panel", TINT_ANY, 6, 22, 1.3f, 0.3f, 0.7f, true},
    [GAD_MATERIAL_GRANITE] = {"granite", TINT_STONE, 6, 22, 1.4f, 0.2f, 0.7f, true},
    [GAD_MATERIAL_MARBLE] = {"marble", TINT_STONE, 1, 3.5f, 1.8f, 0.4f, 0.9f, true},
    [GAD_MATERIAL_WOOD] = {"wood", TINT_WOOD, 2.5f, 9, 1.5f, 0.3f, 0.8f, true},
    [GAD_MATERIAL_LEATHER] = {"leather", TINT_LEATHER, 8, 26, 1.5f, 0.2f, 0.55f, true},
    [GAD_MATERIAL_FOAM] = {"foam", TINT_ANY, 6, 18, 1.3f, 0.2f, 0.5f, true},
    [GAD_MATERIAL_CONCRETE] = {"concrete", TINT_STONE, 6, 20, 1.2f, 0.15f, 0.45f, true},
    [GAD_MATERIAL_PLAIN_WEAVE] = {"woven cloth", TINT_CLOTH, 10, 30, 1.3f, 0.4f, 1.0f, false},
    [GAD_MATERIAL_TWILL] = {"twill cloth", TINT_CLOTH, 12, 32, 1.2f, 0.4f, 1.0f, false},
    [GAD_MATERIAL_KNIT] = {"knitted cloth", TINT_CLOTH, 7, 18, 1.2f, 0.4f, 0.9f, false},
    [GAD_MATERIAL_STRIPES] = {"striped cloth", TINT_CLOTH, 2, 10, 1, 0.1f, 0.4f, false},
    [GAD_MATERIAL_CHECKS] = {"checked cloth", TINT_CLOTH, 1.5f, 6, 1.2f, 0.1f, 0.4f, false},
    [GAD_MATERIAL_HERRINGBONE] = {"herringbone cloth", TINT_CLOTH, 8, 20, 1.3f, 0.2f, 0.6f, false},
    [GAD_MATERIAL_PRINTED_DOTS] = {"printed cloth", TINT_CLOTH, 2.5f, 8, 1.1f, 0.1f, 0.3f, false},
    [GAD_MATERIAL_CARPET] = {"carpet", TINT_CLOTH, 12, 28, 1.2f, 0.4f, 0.9f, true},
    [GAD_MATERIAL_MESH] = {"wire mesh", TINT_METAL, 3.5f, 11, 1.5f, 0.5f, 1.0f, false},
    [GAD_MATERIAL_PERFORATED] = {"perforated sheet", TINT_METAL, 3, 9, 1.2f, 0.15f, 0.4f, false},
    [GAD_MATERIAL_HONEYCOMB] = {"honeycomb core", TINT_METAL, 2.5f, 8, 1, 0.2f, 0.6f, false},
    [GAD_MATERIAL_TILES] = {"tiled surface", TINT_EARTH, 1.5f, 4, 1.3f, 0.1f, 0.35f, false},
    [GAD_MATERIAL_BRICKS] = {"brickwork", TINT_EARTH, 2.5f, 6, 0.6f, 0.15f, 0.45f, false},
    [GAD_MATERIAL_CHEQUER_PLATE] = {"chequer plate", TINT_METAL, 3, 8, 1.1f, 0.2f, 0.4f, false},
    [GAD_MATERIAL_RIBBED] = {"ribbed panel", TINT_ANY, 3, 10, 1, 0.25f, 0.6f, false},
};

static float pick(gad_rng *rng, double low, double high)
{
    return (float)gad_rng_range(rng, low, high);
}

void gad_palette_hsv(float h, float s, float v, float rgb[3])
{
    for (int i = 0; i < 3; i++) {
        float k = fmodf(h * 6 + (i == 0 ? 5.0f : i == 1 ? 3.0f : 1.0f), 6.0f);
        float t = k < 4 - k ? k : 4 - k;
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        rgb[i] = v - v * s * t;
    }
}

static void tinted(tint kind, float rgb[3], gad_rng *rng)
{
    switch (kind) {
    case TINT_METAL:
        gad_palette_hsv(gad_rng_below(rng, 4) ? pick(rng, 0.52, 0.66) : pick(rng, 0.06, 0.13), pick(rng, 0, 0.14),
                        pick(rng, 0.3, 0.8), rgb);
        if (gad_rng_below(rng, 6) == 0) /* brass, copper */
            gad_palette_hsv(pick(rng, 0.05, 0.13), pick(rng, 0.35, 0.6), pick(rng, 0.5, 0.85), rgb);
        return;
    case TINT_EARTH: gad_palette_hsv(pick(rng, 0.01, 0.12), pick(rng, 0.08, 0.6), pick(rng, 0.35, 0.88), rgb); return;
    case TINT_WOOD: gad_palette_hsv(pick(rng, 0.05, 0.11), pick(rng, 0.25, 0.6), pick(rng, 0.35, 0.88), rgb); return;
    case TINT_STONE: gad_palette_hsv(pick(rng, 0, 1), pick(rng, 0, 0.16), pick(rng, 0.25, 0.9), rgb); return;
    case TINT_LEATHER: gad_palette_hsv(pick(rng, 0, 0.1), pick(rng, 0.1, 0.65), pick(rng, 0.2, 0.7), rgb); return;
    case TINT_CLOTH: gad_palette_hsv(pick(rng, 0, 1), pick(rng, 0, 0.7), pick(rng, 0.25, 0.95), rgb); return;
    case TINT_DARK: gad_palette_hsv(pick(rng, 0, 1), pick(rng, 0, 0.3), pick(rng, 0.04, 0.22), rgb); return;
    default:
        gad_palette_hsv(pick(rng, 0, 1),
                        gad_rng_below(rng, 5) > 1 ? pick(rng, 0.05, 0.45)
                        : gad_rng_below(rng, 2)   ? pick(rng, 0.3, 0.8)
                                                  : 0.04f,
                        pick(rng, 0.2, 0.95), rgb);
    }
}

gad_material gad_palette_material(gad_material_kind kind, float finest, gad_rng *rng)
{
    const recipe *r = &RECIPES[kind];
    gad_material m = {.kind = kind, .seed = gad_rng_u32(rng)};
    tinted(r->color, m.color, rng);
    tinted(kind >= GAD_MATERIAL_MESH && kind <= GAD_MATERIAL_HONEYCOMB ? TINT_DARK : r->color, m.second, rng);
    if (kind == GAD_MATERIAL_WOOD || kind == GAD_MATERIAL_PLAIN_WEAVE || kind == GAD_MATERIAL_TWILL) {
        float dark = kind == GAD_MATERIAL_WOOD ? pick(rng, 0.35, 0.65) : pick(rng, 0.5, 1.1);
        for (int i = 0; i < 3; i++) /* the other ring or thread is of nearly the same colour */
            m.second[i] = m.color[i] * dark + (kind == GAD_MATERIAL_WOOD ? 0 : 0.25f * (m.second[i] - m.color[i]));
    }
    m.frequency = r->frequency_low * powf(r->frequency_high / r->frequency_low, pick(rng, 0, 1));
    m.frequency = m.frequency > finest ? finest : m.frequency;
    m.aspect = r->aspect_high < 1 ? r->aspect_high : pick(rng, 1 / r->aspect_high, r->aspect_high + 1e-3);
    m.contrast = pick(rng, r->contrast_low, r->contrast_high);
    m.fill = pick(rng, 0.2, 0.8);
    gad_material_turn(&m, pick(rng, 0, 6.2831853));
    return m;
}

gad_material gad_palette_part(float finest, gad_rng *rng)
{
    static const gad_material_kind kinds[] = {GAD_MATERIAL_PLAIN,   GAD_MATERIAL_PLAIN,   GAD_MATERIAL_GRAIN,
                                              GAD_MATERIAL_BRUSHED, GAD_MATERIAL_BRUSHED, GAD_MATERIAL_MOTTLED};
    gad_material m = gad_palette_material(kinds[gad_rng_below(rng, 6)], finest, rng);
    if (gad_rng_below(rng, 3) == 0)
        tinted(TINT_METAL, m.color, rng);
    m.contrast *= 0.6f;
    return m;
}

gad_material gad_palette_backdrop(float finest, gad_rng *rng)
{
    static const gad_material_kind kinds[] = {GAD_MATERIAL_PLAIN, GAD_MATERIAL_PLAIN,   GAD_MATERIAL_PLAIN,
                                              GAD_MATERIAL_GRAIN, GAD_MATERIAL_MOTTLED, GAD_MATERIAL_BRUSHED,
                                              GAD_MATERIAL_WOOD,  GAD_MATERIAL_CONCRETE};
    gad_material m = gad_palette_material(kinds[gad_rng_below(rng, 8)], finest, rng);
    float s = pick(rng, 0, 1) < 0.6f ? pick(rng, 0, 0.12) : pick(rng, 0.1, 0.6), h = pick(rng, 0, 1);
    float v = gad_rng_below(rng, 3) == 0 ? pick(rng, 0.02, 0.2) : pick(rng, 0.2, 0.97);
    if (m.kind != GAD_MATERIAL_WOOD)
        gad_palette_hsv(h, s, v, m.color);
    m.contrast *= 0.5f;
    return m;
}

bool gad_palette_is_random(gad_material_kind kind)
{
    return RECIPES[kind].random;
}

const char *gad_palette_word(gad_material_kind kind)
{
    return RECIPES[kind].word;
}

const char *gad_palette_color_word(const float rgb[3])
{
    static const char *const names[12][3] = {{"dark red", "red", "pink"},
                                             {"brown", "orange", "light orange"},
                                             {"olive", "yellow", "light yellow"},
                                             {"dark green", "green", "light green"},
                                             {"dark green", "green", "light green"},
                                             {"dark green", "green", "light green"},
                                             {"dark teal", "teal", "light teal"},
                                             {"dark blue", "blue", "light blue"},
                                             {"dark blue", "blue", "light blue"},
                                             {"dark purple", "purple", "violet"},
                                             {"dark purple", "purple", "pink"},
                                             {"dark red", "red", "pink"}};
    float high = fmaxf(rgb[0], fmaxf(rgb[1], rgb[2])), low = fminf(rgb[0], fminf(rgb[1], rgb[2])), range = high - low;
    float s = high > 0 ? range / high : 0, h = 0;
    if (high < 0.14f)
        return "black";
    if (s < 0.16f)
        return high < 0.35f ? "dark grey" : high < 0.65f ? "grey" : high < 0.88f ? "light grey" : "white";
    if (range > 0)
        h = high == rgb[0]   ? fmodf((rgb[1] - rgb[2]) / range + 6, 6)
            : high == rgb[1] ? (rgb[2] - rgb[0]) / range + 2
                             : (rgb[0] - rgb[1]) / range + 4;
    int sector = (int)(h * 2 + 0.5f) % 12;
    return names[sector][high < 0.5f ? 0 : high < 0.85f || s > 0.6f ? 1 : 2];
}
