/* stripes: see stripes.h */
#include "e2e/stripes.h"

#include "base/rng.h"
#include "io/image.h"
#include "support/support.h"

void stripes_draw(const char *path, int seed, bool hole, bool other)
{
    gad_image image = {0};
    gad_error err;
    gad_rng rng = gad_rng_make((uint64_t)seed, 0);
    const int64_t shift = (int64_t)gad_rng_below(&rng, 5);
    ASSERT_OK(gad_image_new(STRIPES_SIDE, STRIPES_SIDE, 3, &image, &err), &err);
    for (int64_t y = 0; y < STRIPES_SIDE; y++)
        for (int64_t x = 0; x < STRIPES_SIDE; x++)
            for (int c = 0; c < 3; c++) {
                int64_t level = (x + shift) / 16 % 2 ? 170 : 90 + 20 * c;
                level = other ? ((x * x + y * y) / 900 % 2 ? 250 : 10 * c) : level;
                const int64_t dx = x - 160, dy = y - 96;
                level = hole && dx * dx + dy * dy < 24 * 24 ? 15 : level;
                gad_image_row(&image, y)[3 * x + c] = (uint8_t)(level + (int64_t)gad_rng_below(&rng, 6));
            }
    ASSERT_OK(gad_image_save_png(&image, path, &err), &err);
    gad_image_free(&image);
}
