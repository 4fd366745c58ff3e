/* region_tokens: see region_tokens.h */
#include "evidence/region_tokens.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The characters of a place as an answer writes it. */
static void write_place(float *chars, float place)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%ld", lround(1000 * fmin(fmax((double)place, 0), 1)));
    for (int i = 0; i < GAD_REGION_TOKEN_CHARS; i++)
        chars[11 * i + (i < length ? text[i] - '0' : 10)] = 1;
}

/* One of 33 levels of a logit from `least` up. Whole levels, so that no gradient is lost that would have to flow. */
static void write_level(float *levels, float logit, float least)
{
    float at = roundf(2 * (logit - least));
    levels[at > 0 ? (at < GAD_REGION_TOKEN_LEVELS - 1 ? (int)at : GAD_REGION_TOKEN_LEVELS - 1) : 0] = 1;
}

void gad_region_tokens_write(const gad_region *region, int count, float peak, int64_t tokens, float *values)
{
    memset(values, 0, (size_t)(tokens * GAD_REGION_TOKEN_WIDTH) * sizeof *values);
    for (int64_t t = 0; t < 4 * (int64_t)count && t < tokens; t++) {
        const gad_region *r = &region[t / 4];
        const float edge[] = {r->x1, r->y1, r->x2, r->y2};
        float *f = values + t * GAD_REGION_TOKEN_WIDTH, *chars = f + GAD_REGIONS_MAX + 4;
        f[t / 4] = 1;
        f[GAD_REGIONS_MAX + t % 4] = 1;
        write_place(chars, edge[t % 4]);
        write_level(chars + 11 * GAD_REGION_TOKEN_CHARS, r->peak, 0);
    }
    for (int64_t t = 0; t < tokens; t++) {
        float *whole = values + (t + 1) * GAD_REGION_TOKEN_WIDTH - GAD_REGION_TOKEN_LEVELS - GAD_REGIONS_MAX - 1;
        write_level(whole, peak, -8);
        whole[GAD_REGION_TOKEN_LEVELS + count] = 1;
    }
}
