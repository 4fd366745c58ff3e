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

/* One number of each kind of words is 1. */
static void write_words(const gad_words *words, float *values)
{
    for (int kind = 0; kind < GAD_WORD_KINDS; kind++) {
        values[words->of[kind]] = 1;
        values += gad_measurement_word_count((gad_word_kind)kind);
    }
}

void gad_region_tokens_write(const gad_region *region, const gad_words *words, int count, float peak, int64_t tokens,
                             float *values)
{
    int64_t width = GAD_REGION_TOKEN_WIDTH + (words ? GAD_REGION_TOKEN_WORDS : 0), shown = count ? count : 1;
    memset(values, 0, (size_t)(tokens * width) * sizeof *values);
    for (int64_t t = 0; t < 4 * (int64_t)count && t < tokens; t++) {
        const gad_region *r = &region[t / 4];
        const float edge[] = {r->x1, r->y1, r->x2, r->y2};
        float *f = values + t * width, *chars = f + GAD_REGIONS_MAX + 4;
        f[t / 4] = 1;
        f[GAD_REGIONS_MAX + t % 4] = 1;
        write_place(chars, edge[t % 4]);
        write_level(chars + 11 * GAD_REGION_TOKEN_CHARS, r->peak, 0);
    }
    for (int64_t t = 0; words && t < 4 * shown && t < tokens; t++)
        write_words(&words[t / 4], values + t * width + GAD_REGION_TOKEN_WIDTH);
    for (int64_t t = 0; t < tokens; t++) {
        float *whole = values + t * width + GAD_REGION_TOKEN_WIDTH - GAD_REGION_TOKEN_LEVELS - GAD_REGIONS_MAX - 1;
        write_level(whole, peak, -8);
        whole[GAD_REGION_TOKEN_LEVELS + count] = 1;
    }
}
