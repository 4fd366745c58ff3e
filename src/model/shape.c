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

/* Four lines a shape: what it is, its text, its vision, its attention. */
/* clang-format off */
static const shape shapes[] = {
    {.name = "qwen2.5-vl-3b", .family = GAD_FAMILY_QWEN25, .tied = true, .vocab = 151936, .section = {16, 24, 24},
     .hidden = 2048, .intermediate = 11008, .layers = 36, .heads = 16, .kv_heads = 2, .head_dim = 128,
     .depth = 32, .vision_hidden = 1280, .vision_heads = 16, .vision_intermediate = 3420,
     .patch = 14, .window = 8, .last_full = 31, .full_step = 8},
    {.name = "qwen2.5-vl-7b", .family = GAD_FAMILY_QWEN25, .tied = false, .vocab = 152064, .section = {16, 24, 24},
     .hidden = 3584, .intermediate = 18944, .layers = 28, .heads = 28, .kv_heads = 4, .head_dim = 128,
     .depth = 32, .vision_hidden = 1280, .vision_heads = 16, .vision_intermediate = 3420,
     .patch = 14, .window = 8, .last_full = 31, .full_step = 8},
    {.name = "qwen2.5-vl-32b", .family = GAD_FAMILY_QWEN25, .tied = false, .vocab = 152064, .section = {16, 24, 24},
     .hidden = 5120, .intermediate = 27648, .layers = 64, .heads = 40, .kv_heads = 8, .head_dim = 128,
     .depth = 32, .vision_hidden = 1280, .vision_heads = 16, .vision_intermediate = 3456,
     .patch = 14, .window = 8, .last_full = 31, .full_step = 8},
    {.name = "qwen2.5-vl-72b", .family = GAD_FAMILY_QWEN25, .tied = false, .vocab = 152064, .section = {16, 24, 24},
     .hidden = 8192, .intermediate = 29568, .layers = 80, .heads = 64, .kv_heads = 8, .head_dim = 128,
     .depth = 32, .vision_hidden = 1280, .vision_heads = 16, .vision_intermediate = 3456,
     .patch = 14, .window = 8, .last_full = 31, .full_step = 8},
    {.name = "qwen3-vl-2b", .family = GAD_FAMILY_QWEN3, .tied = true, .vocab = 151936, .section = {24, 20, 20},
     .hidden = 2048, .intermediate = 6144, .layers = 28, .heads = 16, .kv_heads = 8, .head_dim = 128,
     .depth = 24, .vision_hidden = 1024, .vision_heads = 16, .vision_intermediate = 4096,
     .patch = 16, .window = 0, .last_full = 17, .full_step = 6},
    {.name = "qwen3-vl-4b", .family = GAD_FAMILY_QWEN3, .tied = true, .vocab = 151936, .section = {24, 20, 20},
     .hidden = 2560, .intermediate = 9728, .layers = 36, .heads = 32, .kv_heads = 8, .head_dim = 128,
     .depth = 24, .vision_hidden = 1024, .vision_heads = 16, .vision_intermediate = 4096,
     .patch = 16, .window = 0, .last_full = 17, .full_step = 6},
    {.name = "qwen3-vl-8b", .family = GAD_FAMILY_QWEN3, .tied = false, .vocab = 151936, .section = {24, 20, 20},
     .hidden = 4096, .intermediate = 12288, .layers = 36, .heads = 32, .kv_heads = 8, .head_dim = 128,
     .depth = 27, .vision_hidden = 1152, .vision_heads = 16, .vision_intermediate = 4304,
     .patch = 16, .window = 0, .last_full = 24, .full_step = 8},
    {.name = "qwen3-vl-32b", .family = GAD_FAMILY_QWEN3, .tied = false, .vocab = 151936, .section = {24, 20, 20},
     .hidden = 5120, .intermediate = 25600, .layers = 64, .heads = 64, .kv_heads = 8, .head_dim = 128,
     .depth = 27, .vision_hidden = 1152, .vision_heads = 16, .vision_intermediate = 4304,
     .patch = 16, .window = 0, .last_full = 24, .full_step = 8},
    {.name = "gad-xs", .family = GAD_FAMILY_QWEN25, .tied = true, .vocab = 512, .section = {4, 6, 6},
     .hidden = 64, .intermediate = 128, .layers = 2, .heads = 2, .kv_heads = 1, .head_dim = 32,
     .depth = 2, .vision_hidden = 64, .vision_heads = 2, .vision_intermediate = 128,
     .patch = 8, .window = 4, .last_full = 1, .full_step = 1},
    {.name = "gad-s", .family = GAD_FAMILY_QWEN25, .tied = true, .vocab = 512, .section = {4, 6, 6},
     .hidden = 192, .intermediate = 512, .layers = 6, .heads = 6, .kv_heads = 2, .head_dim = 32,
     .depth = 6, .vision_hidden = 128, .vision_heads = 4, .vision_intermediate = 352,
     .patch = 8, .window = 8, .last_full = 5, .full_step = 3},
    {.name = "gad-s16", .family = GAD_FAMILY_QWEN25, .tied = true, .vocab = 512, .section = {4, 6, 6},
     .hidden = 192, .intermediate = 512, .layers = 4, .heads = 6, .kv_heads = 2, .head_dim = 32,
     .depth = 4, .vision_hidden = 128, .vision_heads = 4, .vision_intermediate = 352,
     .patch = 16, .window = 8, .last_full = 3, .full_step = 2},
    {.name = "gad-s8", .family = GAD_FAMILY_QWEN25, .tied = true, .vocab = 512, .section = {4, 6, 6},
     .hidden = 224, .intermediate = 592, .layers = 8, .heads = 7, .kv_heads = 1, .head_dim = 32,
     .depth = 8, .vision_hidden = 160, .vision_heads = 5, .vision_intermediate = 432,
     .patch = 8, .window = 8, .last_full = 7, .full_step = 4},
    {.name = "gad-m", .family = GAD_FAMILY_QWEN25, .tied = true, .vocab = 1024, .section = {4, 6, 6},
     .hidden = 256, .intermediate = 704, .layers = 8, .heads = 8, .kv_heads = 2, .head_dim = 32,
     .depth = 8, .vision_hidden = 192, .vision_heads = 6, .vision_intermediate = 512,
     .patch = 8, .window = 8, .last_full = 7, .full_step = 4},
    {.name = "gad-m14", .family = GAD_FAMILY_QWEN25, .tied = true, .vocab = 1024, .section = {4, 6, 6},
     .hidden = 256, .intermediate = 704, .layers = 8, .heads = 8, .kv_heads = 2, .head_dim = 32,
     .depth = 8, .vision_hidden = 192, .vision_heads = 6, .vision_intermediate = 512,
     .patch = 14, .window = 4, .last_full = 7, .full_step = 4},
    {.name = "gad-l", .family = GAD_FAMILY_QWEN25, .tied = true, .vocab = 2048, .section = {4, 6, 6},
     .hidden = 320, .intermediate = 864, .layers = 10, .heads = 10, .kv_heads = 2, .head_dim = 32,
     .depth = 10, .vision_hidden = 256, .vision_heads = 8, .vision_intermediate = 688,
     .patch = 8, .window = 8, .last_full = 9, .full_step = 3},
};
/* clang-format on */
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
