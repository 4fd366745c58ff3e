/* quadrant: see quadrant.h */
#include "train/quadrant.h"

#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "support/support.h"

quadrant quadrant_make(const gad_config *config, uint64_t seed)
{
    quadrant q = {.config = *config, .seed = seed};
    q.preprocess = (gad_preprocess){.patch = config->vision.patch,
                                    .temporal = 2,
                                    .merge = 2,
                                    .min_pixels = QUADRANT_SIDE * QUADRANT_SIDE,
                                    .max_pixels = QUADRANT_SIDE * QUADRANT_SIDE,
                                    .mean = {0.5, 0.5, 0.5},
                                    .std = {0.25, 0.25, 0.25}};
    return q;
}

int quadrant_truth(const quadrant *q, int64_t index)
{
    gad_rng rng = gad_rng_make(q->seed, (uint64_t)index);
    return (int)gad_rng_below(&rng, 5);
}

static void paint(const quadrant *q, int64_t index, bool test, unsigned char *rgb)
{
    gad_rng rng = gad_rng_make(q->seed, (uint64_t)index);
    int where = (int)gad_rng_below(&rng, 5), x0 = 0, y0 = 0;
    unsigned char block[4][4][3];
    for (int i = 0; i < 48; i++)
        ((unsigned char *)block)[i] = (unsigned char)(40 + gad_rng_below(&rng, 120));
    if (where) {
        x0 = (where - 1) % 2 * 32 + 2 + (int)gad_rng_below(&rng, 12);
        y0 = (where - 1) / 2 * 32 + 2 + (int)gad_rng_below(&rng, 12);
    }
    gad_rng noise = gad_rng_make(q->seed ^ (test ? 77 : 33), (uint64_t)index);
    for (int y = 0; y < QUADRANT_SIDE; y++)
        for (int x = 0; x < QUADRANT_SIDE; x++)
            for (int c = 0; c < 3; c++) {
                bool inside = test && where && x >= x0 && x < x0 + 16 && y >= y0 && y < y0 + 16;
                int value = block[y / 16][x / 16][c] + (inside ? 80 : 0) + (int)gad_rng_below(&noise, 9);
                rgb[(y * QUADRANT_SIDE + x) * 3 + c] = (unsigned char)(value > 255 ? 255 : value);
            }
}

static gad_status get(void *user, int64_t index, gad_example *example, gad_error *err)
{
    const quadrant *q = user;
    int where = quadrant_truth(q, index), side = QUADRANT_SIDE / q->config.vision.patch / 2, tokens = side * side;
    int64_t prompt = 2 * (tokens + 2) + 2, count = prompt + 3;
    *example = (gad_example){.count = count, .prompt_count = prompt, .image_count = 2};
    example->ids = gad_memory_alloc((size_t)count, sizeof(int32_t));
    example->weight = gad_memory_zero((size_t)count, sizeof(float));
    example->image = gad_memory_zero(2, sizeof *example->image);
    example->patches = gad_memory_zero(2, sizeof *example->patches);
    unsigned char *rgb = gad_memory_alloc(QUADRANT_SIDE * QUADRANT_SIDE, 3);
    int64_t at = 0;
    example->ids[at++] = QUADRANT_BEGIN;
    for (int i = 0; i < 2; i++) {
        paint(q, index, i == 1, rgb);
        gad_image image = {.width = QUADRANT_SIDE, .height = QUADRANT_SIDE, .channels = 3, .pixels = rgb};
        ASSERT_OK(gad_preprocess_image(&q->preprocess, &image, &example->patches[i], err), err);
        example->ids[at++] = q->config.vision_start_token;
        example->image[i] =
            (gad_batch_image){.grid = example->patches[i].grid, .first = at, .patches = example->patches[i].row};
        for (int t = 0; t < tokens; t++)
            example->ids[at++] = q->config.image_token;
        example->ids[at++] = q->config.vision_end_token;
    }
    example->ids[at++] = QUADRANT_ASK;
    example->ids[at++] = QUADRANT_NONE + where;
    example->ids[at++] = QUADRANT_CLOSE;
    example->ids[at++] = QUADRANT_END;
    for (int64_t t = prompt; t < count; t++)
        example->weight[t] = 1;
    example->adversarial_count = prompt;
    example->adversarial = gad_memory_alloc((size_t)prompt, sizeof(int32_t));
    memcpy(example->adversarial, example->ids, (size_t)prompt * sizeof(int32_t));
    example->adversarial[prompt - 1] = QUADRANT_MISLEAD;
    gad_memory_free(rgb);
    ASSERT_OK(gad_example_prepare(example, &q->preprocess, err), err);
    return GAD_OK;
}

gad_source quadrant_source(quadrant *q, int64_t count)
{
    return (gad_source){count, get, q};
}
