/* comparator: the proof that the comparison with the goldens can fail: each change of a weight, of the configuration, of
 * the layout or of an operation that docs/spec/qwen_vl.md section 17.8 lists, and more, is found, and at the stage where it
 * acts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/stages.h"

/* The case of each family that holds every step inside blocks. */
typedef struct bench {
    stages s;
    golden_case golden;
} bench;

static bench open_bench(const char *family)
{
    bench b = {.s = stages_open(family)};
    b.s.device.threads = 1; /* many small passes */
    b.golden = golden_open(family, &b.s.model.config, !strcmp(family, "qwen3") ? 'c' : 'b');
    return b;
}

static void close_bench(bench *b)
{
    golden_close(&b->golden);
    stages_close(&b->s);
}

/* The comparison fails, first at `first` (NULL: anywhere), and without the change it does not. */
static void assert_found(bench *b, const char *what, const char *first,
                         void (*spoil)(gad_vision_layout *layout, const gad_vision_config *vision))
{
    stage_report r = stages_run(&b->s, &b->golden, spoil);
    print_message("%s, %s: %d of %d stages differ, first %s with e %.2g, logits e %.2g\n", b->s.family, what, r.failed,
                  r.compared, r.first, r.first_e, r.worst[STAGE_LOGITS]);
    assert_true(r.failed > 0);
    assert_true(r.worst[STAGE_LOGITS] > stages_tolerance("logits"));
    if (first)
        assert_string_equal(r.first, first);
}

static void assert_unchanged(bench *b)
{
    assert_int_equal(stages_run(&b->s, &b->golden, NULL).failed, 0);
}

/* The values of a parameter in memory that may be changed. */
static float *values_of(bench *b, const char *name)
{
    gad_error err;
    gad_param *param = gad_params_find(&b->s.model.params, name);
    assert_non_null(param);
    ASSERT_OK(gad_param_convert(param, GAD_F32, &err), &err);
    return param->owned;
}

/* ---- weights ------------------------------------------------------------------------------------------------------- */

/* The largest value of every single parameter, one after the other, with its sign turned. */
static void test_flipped_weights(void **state)
{
    (void)state;
    static const char *const families[] = {"qwen25", "qwen3"};
    for (size_t f = 0; f < 2; f++) {
        bench b = open_bench(families[f]);
        double least = INFINITY;
        for (size_t p = 0; p < b.s.model.params.count; p++) {
            const gad_param *param = b.s.model.params.item[p];
            float *values = values_of(&b, param->name);
            int64_t at = 0;
            for (int64_t i = 0; i < gad_param_count(param); i++)
                at = fabsf(values[i]) > fabsf(values[at]) ? i : at;
            values[at] = -values[at];
            stage_report r = stages_run(&b.s, &b.golden, NULL);
            if (!r.failed)
                fail_msg("%s: a flipped weight of %s is not found", families[f], param->name);
            least = fmin(least, r.worst[STAGE_LOGITS]);
            values[at] = -values[at];
        }
        print_message("%s: %zu parameters, each with one weight flipped: logits e at least %.2g\n", families[f],
                      b.s.model.params.count, least);
        assert_true(least > stages_tolerance("logits"));
        assert_unchanged(&b);
        close_bench(&b);
    }
}

/* Rows first..first+count-1 and second..second+count-1 of a matrix or vector change places. */
static void swap_rows(bench *b, const char *name, int64_t first, int64_t second, int64_t count)
{
    float *values = values_of(b, name);
    const gad_param *param = gad_params_find(&b->s.model.params, name);
    int64_t cols = param->is_matrix ? param->value.cols : 1;
    for (int64_t i = 0; i < count * cols; i++) {
        float kept = values[first * cols + i];
        values[first * cols + i] = values[second * cols + i];
        values[second * cols + i] = kept;
    }
}

static void test_swapped_heads(void **state)
{
    (void)state;
    bench b = open_bench("qwen25");
    swap_rows(&b, "visual.blocks.1.attn.qkv.weight", 0, 16, 16);
    assert_found(&b, "two vision query heads swapped", "vis.1.q", NULL);
    swap_rows(&b, "visual.blocks.1.attn.qkv.weight", 0, 16, 16);
    swap_rows(&b, "model.layers.1.self_attn.q_proj.weight", 0, 16, 16);
    swap_rows(&b, "model.layers.1.self_attn.q_proj.bias", 0, 16, 16);
    assert_found(&b, "two query heads of one key head swapped", "lm.1.q", NULL);
    swap_rows(&b, "model.layers.1.self_attn.q_proj.weight", 0, 16, 16);
    swap_rows(&b, "model.layers.1.self_attn.q_proj.bias", 0, 16, 16);
    assert_unchanged(&b);
    close_bench(&b);
    b = open_bench("qwen3");
    swap_rows(&b, "model.layers.2.self_attn.v_proj.weight", 0, 16, 16);
    assert_found(&b, "two value heads swapped in a layer of which only the end is stored", "lm.2.out", NULL);
    close_bench(&b);
}

/* ---- order of the windows ------------------------------------------------------------------------------------------ */

/* Rows stay in raster order, with their own angles; the segments stay where the windows would lie. */
static void drop_permutation(gad_vision_layout *l, const gad_vision_config *vision)
{
    int64_t half = vision->head_dim / 2;
    float *kept = malloc((size_t)(l->patches * half) * sizeof *kept), *tables[] = {l->cos, l->sin};
    for (size_t k = 0; k < 2; k++) {
        memcpy(kept, tables[k], (size_t)(l->patches * half) * sizeof *kept);
        for (int64_t i = 0; i < l->patches; i++)
            memcpy(tables[k] + l->patch_order[i] * half, kept + i * half, (size_t)half * sizeof *kept);
    }
    free(kept);
    for (int64_t i = 0; i < l->patches; i++)
        l->patch_order[i] = (int32_t)i;
    for (int64_t i = 0; i < l->tokens; i++)
        l->token_order[i] = (int32_t)i;
}

static void skip_reverse(gad_vision_layout *l, const gad_vision_config *vision)
{
    (void)vision;
    for (int64_t i = 0; i < l->tokens; i++)
        l->token_order[i] = (int32_t)i;
}

/* The angles of the raster order beside rows in window order. */
static void forget_angles(gad_vision_layout *l, const gad_vision_config *vision)
{
    int32_t *token = malloc((size_t)l->tokens * sizeof *token), *patch = malloc((size_t)l->patches * sizeof *patch);
    memcpy(token, l->token_order, (size_t)l->tokens * sizeof *token);
    memcpy(patch, l->patch_order, (size_t)l->patches * sizeof *patch);
    drop_permutation(l, vision);
    memcpy(l->token_order, token, (size_t)l->tokens * sizeof *token);
    memcpy(l->patch_order, patch, (size_t)l->patches * sizeof *patch);
    free(token);
    free(patch);
}

static void merge_windows(gad_vision_layout *l, const gad_vision_config *vision)
{
    (void)vision;
    l->window[0].q1 = l->window[0].k1 = l->window[1].q1;
    l->window[1] = l->window[--l->window_count];
}

static void mix_nearest(gad_vision_layout *l, const gad_vision_config *vision)
{
    (void)vision;
    for (int64_t i = 0; i < l->patches; i++) {
        float *w = l->mix_weight + 4 * i;
        w[0] = 1;
        w[1] = w[2] = w[3] = 0;
    }
}

static void test_layout(void **state)
{
    (void)state;
    bench b = open_bench("qwen25");
    assert_found(&b, "no window permutation", "vis.0.norm1", drop_permutation);
    assert_found(&b, "no reverse index", "vis.out", skip_reverse);
    assert_found(&b, "angles not permuted", "vis.0.q", forget_angles);
    assert_found(&b, "two windows in one", "vis.0.attn_out", merge_windows);
    assert_unchanged(&b);
    close_bench(&b);
    b = open_bench("qwen3");
    assert_found(&b, "positions not interpolated", "vis.pos", mix_nearest);
    assert_unchanged(&b);
    close_bench(&b);
}

/* ---- configuration ------------------------------------------------------------------------------------------------- */

static void test_configuration(void **state)
{
    (void)state;
    bench b = open_bench("qwen3");
    gad_config *config = &b.s.model.config, kept = *config;
    config->text.mrope_interleaved = false;
    assert_found(&b, "chunked instead of interleaved M-RoPE", "lm.cos", NULL);
    *config = kept;
    config->vision.deepstack[1] = 1;
    assert_found(&b, "DeepStack from another block", "vis.deepstack.1", NULL);
    *config = kept;
    assert_unchanged(&b);
    close_bench(&b);
    b = open_bench("qwen25");
    config = &b.s.model.config;
    kept = *config;
    config->text.mrope_interleaved = true;
    assert_found(&b, "interleaved instead of chunked M-RoPE", "lm.cos", NULL);
    *config = kept;
    config->text.rope_theta = 9900;
    assert_found(&b, "another rope_theta", "lm.cos", NULL);
    *config = kept;
    config->vision.full_attention[1] = false;
    assert_found(&b, "windows in a block of full attention", "vis.1.attn_out", NULL);
    *config = kept;
    b.s.model.lm.block[0].norm1.eps = 1e-4F;
    assert_found(&b, "another epsilon in one norm", "lm.0.norm1", NULL);
    b.s.model.lm.block[0].norm1.eps = 1e-6F;
    assert_unchanged(&b);
    close_bench(&b);
}

/* ---- operations: a table with one word exchanged --------------------------------------------------------------------- */

static const gad_ops *honest;

static void gelu_tanh_only(gad_device *device, gad_tensor y, gad_tensor x, gad_gelu_kind kind)
{
    (void)kind;
    honest->gelu(device, y, x, GAD_GELU_TANH);
}

static void gelu_erf_only(gad_device *device, gad_tensor y, gad_tensor x, gad_gelu_kind kind)
{
    (void)kind;
    honest->gelu(device, y, x, GAD_GELU_ERF);
}

static void rope_inverse(gad_device *device, gad_tensor y, gad_tensor x, gad_tensor cos, gad_tensor sin, int heads,
                         bool inverse)
{
    honest->rope(device, y, x, cos, sin, heads, !inverse);
}

static void attention_not_causal(gad_device *device, gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v,
                                 int heads, int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count,
                                 const int32_t *pages)
{
    gad_attention_span *open = malloc((size_t)span_count * sizeof *open);
    memcpy(open, spans, (size_t)span_count * sizeof *open);
    for (int64_t i = 0; i < span_count; i++)
        open[i].causal = false;
    honest->attention(device, o, lse, q, k, v, heads, kv_heads, scale, open, span_count, pages);
    free(open);
}

static void swiglu_swapped(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                           gad_weight up, gad_tensor up_bias)
{
    honest->linear_swiglu(device, y, x, up, up_bias, gate, gate_bias);
}

static void test_operations(void **state)
{
    (void)state;
    gad_ops changed;
    for (int qwen3 = 0; qwen3 < 2; qwen3++) {
        bench b = open_bench(qwen3 ? "qwen3" : "qwen25");
        honest = b.s.device.ops;
        b.s.device.ops = &changed;
        changed = *honest;
        changed.gelu = gelu_tanh_only;
        assert_found(&b, "tanh instead of erf GELU", qwen3 ? "vis.deepstack.0" : "vis.merged_permuted", NULL);
        changed = *honest;
        changed.rope = rope_inverse;
        assert_found(&b, "rotation the other way", qwen3 ? NULL : "vis.0.q", NULL);
        changed = *honest;
        changed.attention = attention_not_causal;
        assert_found(&b, "attention to later tokens", "lm.0.resid1", NULL);
        changed = *honest;
        if (qwen3)
            changed.gelu = gelu_erf_only;
        else
            changed.linear_swiglu = swiglu_swapped;
        assert_found(&b, qwen3 ? "erf instead of tanh GELU" : "gate and up swapped", "vis.0.out", NULL);
        b.s.device.ops = honest;
        assert_unchanged(&b);
        close_bench(&b);
    }
}

/* ---- the comparator itself ------------------------------------------------------------------------------------------- */

static void test_not_finite(void **state)
{
    (void)state;
    bench b = open_bench("qwen25");
    int64_t n = 0;
    float *values = golden_values(&b.golden, "vis.out", &n);
    stage_report r = {0};
    assert_true(stages_compare(&r, &b.golden, "vis.out", values, n) && !r.failed);
    assert_false(stages_compare(&r, &b.golden, "vis.unknown", values, n));
    values[n - 1] = NAN;
    assert_true(stages_compare(&r, &b.golden, "vis.out", values, n) && r.failed == 1);
    assert_true(isinf(r.worst[STAGE_MERGED]));
    free(values);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flipped_weights), cmocka_unit_test(test_swapped_heads), cmocka_unit_test(test_layout),
        cmocka_unit_test(test_configuration),   cmocka_unit_test(test_operations),    cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
