/* position: see position.h */
#include "model/position.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"

int64_t gad_grid_patches(gad_grid grid)
{
    return (int64_t)grid.rows * grid.cols;
}

int64_t gad_grid_tokens(gad_grid grid)
{
    return gad_grid_patches(grid) / 4;
}

void gad_vision_layout_free(gad_vision_layout *layout)
{
    gad_memory_free(layout->token_order);
    gad_memory_free(layout->patch_order);
    gad_memory_free(layout->cos);
    gad_memory_free(layout->sin);
    gad_memory_free(layout->window);
    gad_memory_free(layout->full);
    gad_memory_free(layout->mix_index);
    gad_memory_free(layout->mix_weight);
    *layout = (gad_vision_layout){0};
}

static gad_attention_span whole_segment(int64_t from, int64_t to)
{
    return (gad_attention_span){.q0 = from, .q1 = to, .k0 = from, .k1 = to};
}

/* Tokens of one image, window by window, row by row inside; without windows in raster order. */
static void order_tokens(const gad_vision_config *v, gad_grid grid, int64_t first, gad_vision_layout *layout, int64_t *at)
{
    int height = grid.rows / 2, width = grid.cols / 2;
    int side_h = v->window ? v->window / v->merge : height, side_w = v->window ? v->window / v->merge : width;
    for (int top = 0; top < height; top += side_h)
        for (int left = 0; left < width; left += side_w) {
            int64_t start = *at;
            for (int y = top; y < height && y < top + side_h; y++)
                for (int x = left; x < width && x < left + side_w; x++)
                    layout->token_order[(*at)++] = (int32_t)(first + (int64_t)y * width + x);
            layout->window[layout->window_count++] = whole_segment(4 * start, 4 * *at);
        }
}

/* Angle of a patch: the first quarter of the head turns by row, the second by column (section 4.2). */
static void patch_angles(const gad_vision_config *v, int32_t row, int32_t col, float *cos_row, float *sin_row)
{
    int per_axis = v->head_dim / 4;
    for (int j = 0; j < per_axis; j++) {
        float inverse = (float)(1 / pow(10000.0, 2.0 * j / (v->head_dim / 2)));
        float by_row = (float)row * inverse, by_col = (float)col * inverse;
        cos_row[j] = (float)cos((double)by_row);
        sin_row[j] = (float)sin((double)by_row);
        cos_row[per_axis + j] = (float)cos((double)by_col);
        sin_row[per_axis + j] = (float)sin((double)by_col);
    }
}

/* torch.linspace(0, side-1, n)[i] in fp32: counted from the nearer end. */
static float linspace(int side, int n, int i)
{
    float end = (float)(side - 1);
    if (n == 1)
        return 0;
    float step = end / (float)(n - 1);
    return i < n / 2 ? step * (float)i : end - step * (float)(n - 1 - i);
}

/* The four grid rows around a patch and their bilinear weights (section 10.3). */
static void mix_position(const gad_vision_config *v, gad_grid grid, int32_t row, int32_t col, int32_t *index, float *weight)
{
    int side = v->position_side;
    float r = linspace(side, grid.rows, row), c = linspace(side, grid.cols, col);
    int r0 = (int)r, c0 = (int)c;
    int r1 = r0 + 1 < side ? r0 + 1 : side - 1, c1 = c0 + 1 < side ? c0 + 1 : side - 1;
    float ar = r - (float)r0, ac = c - (float)c0;
    index[0] = r0 * side + c0;
    index[1] = r0 * side + c1;
    index[2] = r1 * side + c0;
    index[3] = r1 * side + c1;
    weight[0] = (1 - ar) * (1 - ac);
    weight[1] = (1 - ar) * ac;
    weight[2] = ar * (1 - ac);
    weight[3] = ar * ac;
}

static void place_patches(const gad_vision_config *v, gad_grid grid, int64_t first_token, int64_t from, int64_t to,
                          gad_vision_layout *layout)
{
    int width = grid.cols / 2, half = v->head_dim / 2;
    for (int64_t place = from; place < to; place++) {
        int64_t token = layout->token_order[place], local = token - first_token;
        for (int part = 0; part < 4; part++) {
            int64_t patch = 4 * token + part, row_at = 4 * place + part;
            int32_t row = (int32_t)(local / width * 2 + part / 2), col = (int32_t)(local % width * 2 + part % 2);
            layout->patch_order[row_at] = (int32_t)patch;
            patch_angles(v, row, col, layout->cos + row_at * half, layout->sin + row_at * half);
            if (layout->mix_index)
                mix_position(v, grid, row, col, layout->mix_index + 4 * patch, layout->mix_weight + 4 * patch);
        }
    }
}

gad_status gad_vision_layout_make(const gad_vision_config *v, const gad_grid *grids, int64_t count,
                                  gad_vision_layout *layout, gad_error *err)
{
    gad_vision_layout l = {0};
    for (int64_t i = 0; i < count; i++) {
        l.patches += gad_grid_patches(grids[i]);
        l.tokens += gad_grid_tokens(grids[i]);
    }
    size_t patches = (size_t)l.patches, table = patches * (size_t)v->head_dim / 2;
    l.token_order = gad_memory_alloc((size_t)l.tokens, sizeof *l.token_order);
    l.patch_order = gad_memory_alloc(patches, sizeof *l.patch_order);
    l.cos = gad_memory_alloc(table, sizeof *l.cos);
    l.sin = gad_memory_alloc(table, sizeof *l.sin);
    l.window = gad_memory_alloc((size_t)l.tokens, sizeof *l.window);
    l.full = gad_memory_alloc((size_t)count, sizeof *l.full);
    if (v->position_side) {
        l.mix_index = gad_memory_alloc(patches, 4 * sizeof *l.mix_index);
        l.mix_weight = gad_memory_alloc(patches, 4 * sizeof *l.mix_weight);
    }
    if (!l.token_order || !l.patch_order || !l.cos || !l.sin || !l.window || !l.full ||
        (v->position_side && (!l.mix_index || !l.mix_weight))) {
        gad_vision_layout_free(&l);
        return gad_error_memory(err, "lay out image patches", table * sizeof(float));
    }
    int64_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t from = at;
        order_tokens(v, grids[i], from, &l, &at);
        place_patches(v, grids[i], from, from, at, &l);
        l.full[l.full_count++] = whole_segment(4 * from, 4 * at);
    }
    *layout = l;
    return GAD_OK;
}

gad_status gad_position_make(const int32_t *ids, int64_t count, int32_t image_token, const gad_grid *grids,
                             int64_t grid_count, int32_t *position, int32_t *next, gad_error *err)
{
    int32_t p = 0;
    int64_t image = 0;
    for (int64_t t = 0; t < count;) {
        if (ids[t] != image_token) {
            for (int axis = 0; axis < 3; axis++)
                position[3 * t + axis] = p;
            p++;
            t++;
            continue;
        }
        int64_t tokens = image < grid_count ? gad_grid_tokens(grids[image]) : 0, run = 0;
        while (t + run < count && ids[t + run] == image_token && run < tokens)
            run++;
        if (!tokens || run < tokens)
            return gad_error_set(err, GAD_E_ARGUMENT, "place images in the prompt", NULL,
                                 "the prompt's image tokens do not fit its %lld images", (long long)grid_count);
        int width = grids[image].cols / 2, height = grids[image].rows / 2;
        for (int64_t i = 0; i < tokens; i++) {
            position[3 * (t + i)] = p;
            position[3 * (t + i) + 1] = p + (int32_t)(i / width);
            position[3 * (t + i) + 2] = p + (int32_t)(i % width);
        }
        p += height > width ? height : width;
        t += tokens;
        image++;
    }
    if (image != grid_count)
        return gad_error_set(err, GAD_E_ARGUMENT, "place images in the prompt", NULL,
                             "the prompt has image tokens for %lld images, %lld were given", (long long)image,
                             (long long)grid_count);
    *next = p;
    return GAD_OK;
}

/* Which axis turns frequency j. */
static int rope_axis(const gad_text_config *text, int j)
{
    const int *section = text->mrope_section;
    if (text->mrope_interleaved) {
        if (j % 3 == 1 && j < 3 * section[1])
            return 1;
        if (j % 3 == 2 && j < 3 * section[2])
            return 2;
        return 0;
    }
    return j < section[0] ? 0 : j < section[0] + section[1] ? 1 : 2;
}

void gad_position_rope(const gad_text_config *text, const int32_t *position, int64_t count, float *cos_table,
                       float *sin_table)
{
    int half = text->head_dim / 2;
    for (int j = 0; j < half; j++) {
        float inverse = (float)(1 / pow(text->rope_theta, 2.0 * j / text->head_dim));
        int axis = rope_axis(text, j);
        for (int64_t t = 0; t < count; t++) {
            float angle = (float)position[3 * t + axis] * inverse;
            cos_table[t * half + j] = (float)cos((double)angle);
            sin_table[t * half + j] = (float)sin((double)angle);
        }
    }
}
