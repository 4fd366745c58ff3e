/* Inspects a picture that a camera left in memory, with the installed library and its installed model. */
#include <stdio.h>
#include <stdlib.h>

#include <gad.h>

enum { SIDE = 96, STRIDE = SIDE * 3 + 32 };

/* A grey plate with a grid; with `scratch`, a dark line across it. */
static void photograph(uint8_t *pixels, int scratch)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE * 3; x++)
            pixels[y * STRIDE + x] = (uint8_t)(scratch && abs(x / 3 - y) < 3 ? 20 : 150 + 30 * (x / 36 % 2 == y / 12 % 2));
}

int main(void)
{
    static uint8_t good_pixels[SIDE * STRIDE], part_pixels[SIDE * STRIDE];
    gad_engine_options options = gad_engine_options_default();
    gad_inspect_settings settings = gad_inspect_settings_default();
    gad_engine *engine = NULL;
    gad_picture *good = NULL, *part = NULL;
    gad_inspection result;
    gad_error err;
    settings.reason = GAD_REASON_NEVER;
    photograph(good_pixels, 0);
    photograph(part_pixels, 1);
    if (gad_engine_open(&options, &engine, &err) || gad_picture_from_rgb(good_pixels, SIDE, SIDE, STRIDE, &good, &err) ||
        gad_picture_from_rgb(part_pixels, SIDE, SIDE, STRIDE, &part, &err) ||
        gad_inspect(engine, &good, 1, part, &settings, &result, &err))
        return fprintf(stderr, "cannot %s: %s\n", err.operation, err.cause), 1;
    printf("%s %.3f\n", result.verdict == GAD_VERDICT_ANOMALOUS ? "anomalous" : "normal", result.score);
    gad_inspection_clear(&result);
    gad_picture_free(part);
    gad_picture_free(good);
    gad_engine_free(engine);
    return 0;
}
