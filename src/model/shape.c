/* shape: the published sizes of both families and our own presets, by name (docs/spec/qwen_vl.md sections 1.2 and 10.1;
 * presets: docs/spec/training.md section 13.3). Used to measure speed on random weights and to make new models. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "gad_bench.h"
#include "model/shape.h"

typedef struct shape {
    const char *name;
    gad_family family;
    int hidden, intermediate, layers, heads, kv_heads, head_dim, vocab;
    bool tied;
    int depth, vision_hidden, vision_heads, vision_intermediate, patch, window;
    int last_full, full_step; /* full attention in every full_step-th block; deepstack taken from full_step-th blocks */
    int section[3];
} shape;

static const shape shapes[] = {
    {"qwen2.5-vl-3b",
     GAD_FAMILY_QWEN25,
     2048,
     11008,
     36,
     16,
     2,
     128,
     151936,
     true,
     32,
     1280,
     16,
     3420,
     14,
     8,
     31,
     8,
     {16, 24, 24}},
    {"qwen2.5-vl-7b",
     GAD_FAMILY_QWEN25,
     3584,
     18944,
     28,
     28,
     4,
     128,
     152064,
     false,
     32,
     1280,
     16,
     3420,
     14,
     8,
     31,
     8,
     {16, 24, 24}},
    {"qwen2.5-vl-32b",
     GAD_FAMILY_QWEN25,
     5120,
     27648,
     64,
     40,
     8,
     128,
     152064,
     false,
     32,
     1280,
     16,
     3456,
     14,
     8,
     31,
     8,
     {16, 24, 24}},
    {"qwen2.5-vl-72b",
     GAD_FAMILY_QWEN25,
     8192,
     29568,
     80,
     64,
     8,
     128,
     152064,
     false,
     32,
     1280,
     16,
     3456,
     14,
     8,
     31,
     8,
     {16, 24, 24}},
    {"qwen3-vl-2b",
     GAD_FAMILY_QWEN3,
     2048,
     6144,
     28,
     16,
     8,
     128,
     151936,
     true,
     24,
     1024,
     16,
     4096,
     16,
     0,
     17,
     6,
     {24, 20, 20}},
    {"qwen3-vl-4b",
     GAD_FAMILY_QWEN3,
     2560,
     9728,
     36,
     32,
     8,
     128,
     151936,
     true,
     24,
     1024,
     16,
     4096,
     16,
     0,
     17,
     6,
     {24, 20, 20}},
    {"qwen3-vl-8b",
     GAD_FAMILY_QWEN3,
     4096,
     12288,
     36,
     32,
     8,
     128,
     151936,
     false,
     27,
     1152,
     16,
     4304,
     16,
     0,
     24,
     8,
     {24, 20, 20}},
    {"qwen3-vl-32b",
     GAD_FAMILY_QWEN3,
     5120,
     25600,
     64,
     64,
     8,
     128,
     151936,
     false,
     27,
     1152,
     16,
     4304,
     16,
     0,
     24,
     8,
     {24, 20, 20}},
    {"gad-xs", GAD_FAMILY_QWEN25, 64, 128, 2, 2, 1, 32, 512, true, 2, 64, 2, 128, 8, 4, 1, 1, {4, 6, 6}},
    {"gad-s", GAD_FAMILY_QWEN25, 192, 512, 6, 6, 2, 32, 512, true, 6, 128, 4, 352, 8, 8, 5, 3, {4, 6, 6}},
    {"gad-s16", GAD_FAMILY_QWEN25, 192, 512, 4, 6, 2, 32, 512, true, 4, 128, 4, 352, 16, 8, 3, 2, {4, 6, 6}},
    {"gad-s8", GAD_FAMILY_QWEN25, 224, 592, 8, 7, 1, 32, 512, true, 8, 160, 5, 432, 8, 8, 7, 4, {4, 6, 6}},
    {"gad-m", GAD_FAMILY_QWEN25, 256, 704, 8, 8, 2, 32, 1024, true, 8, 192, 6, 512, 8, 8, 7, 4, {4, 6, 6}},
    {"gad-m14", GAD_FAMILY_QWEN25, 256, 704, 8, 8, 2, 32, 1024, true, 8, 192, 6, 512, 14, 4, 7, 4, {4, 6, 6}},
    {"gad-l", GAD_FAMILY_QWEN25, 320, 864, 10, 10, 2, 32, 2048, true, 10, 256, 8, 688, 8, 8, 9, 3, {4, 6, 6}},
};
enum { SHAPE_COUNT = sizeof shapes / sizeof shapes[0] };

const char *gad_shape_names(void)
{
    return "qwen2.5-vl-3b, qwen2.5-vl-7b, qwen2.5-vl-32b, qwen2.5-vl-72b, qwen3-vl-2b, qwen3-vl-4b, qwen3-vl-8b, "
           "qwen3-vl-32b, gad-xs, gad-s, gad-s16, gad-s8, gad-m, gad-m14, gad-l";
}

static gad_config expand(const shape *s)
{
    gad_config c = {.family = s->family};
    bool qwen3 = s->family == GAD_FAMILY_QWEN3;
    c.text = (gad_text_config){.hidden = s->hidden,
                               .intermediate = s->intermediate,
                               .layers = s->layers,
                               .heads = s->heads,
                               .kv_heads = s->kv_heads,
                               .head_dim = s->head_dim,
                               .vocab = s->vocab,
                               .max_position = qwen3               ? 262144
                                               : s->vocab > 100000 ? 128000
                                                                   : 8192,
                               .norm_eps = 1e-6,
                               .rope_theta = qwen3               ? 5e6
                                             : s->vocab > 100000 ? 1e6
                                                                 : 1e4,
                               .mrope_section = {s->section[0], s->section[1], s->section[2]},
                               .mrope_interleaved = qwen3,
                               .tied = s->tied,
                               .qkv_bias = !qwen3,
                               .qk_norm = qwen3};
    c.vision = (gad_vision_config){.depth = s->depth,
                                   .hidden = s->vision_hidden,
                                   .heads = s->vision_heads,
                                   .head_dim = s->vision_hidden / s->vision_heads,
                                   .intermediate = s->vision_intermediate,
                                   .out_hidden = s->hidden,
                                   .patch = s->patch,
                                   .temporal = 2,
                                   .merge = 2,
                                   .window = s->window,
                                   .position_side = qwen3 ? 48 : 0,
                                   .deepstack_count = qwen3 ? 3 : 0};
    for (int i = 0; i < s->depth; i++)
        c.vision.full_attention[i] = qwen3 || (i <= s->last_full && (s->last_full - i) % s->full_step == 0);
    for (int k = 0; k < c.vision.deepstack_count; k++)
        c.vision.deepstack[k] = s->last_full - s->full_step * (c.vision.deepstack_count - 1 - k);
    bool published = s->vocab > 100000;
    c.vision_start_token = published ? 151652 : s->vocab - 14;
    c.vision_end_token = published ? 151653 : s->vocab - 13;
    c.image_token = published ? 151655 : s->vocab - 11;
    c.video_token = published ? 151656 : s->vocab - 10;
    return c;
}

gad_status gad_shape_find(const char *name, gad_config *config, gad_error *err)
{
    for (int i = 0; i < SHAPE_COUNT; i++)
        if (!strcmp(shapes[i].name, name)) {
            *config = expand(&shapes[i]);
            return gad_config_check(config, name, err);
        }
    return gad_error_set(err, GAD_E_ARGUMENT, "choose a model shape", NULL, "\"%s\" is not one of %s", name,
                         gad_shape_names());
}
