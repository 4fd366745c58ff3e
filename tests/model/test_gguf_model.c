/* GGUF models: a pair that llama.cpp's way of writing made of a tiny checkpoint is that checkpoint, settings, tokens and
 * weights; a `llama` model computes what transformers computes; files that do not go together are refused by name. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/string.h"
#include "generate/timeline.h"
#include "io/safetensors.h"
#include "model/gguf_save.h"
#include "model/package.h"
#include "model/weights.h"
#include "support/support.h"

static const char *const families[] = {"qwen25", "qwen3"};

static const char *gguf(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tests/fixtures/gguf/%s.gguf", name);
    return support_source(path);
}

static gad_package open_pair(const char *family)
{
    gad_error err = {0};
    gad_package p;
    char tower[64];
    snprintf(tower, sizeof tower, "mmproj-%s", family);
    ASSERT_OK(gad_package_open(gguf(family), gguf(tower), &p, &err), &err);
    return p;
}

static gad_package open_folder(const char *family)
{
    gad_error err = {0};
    gad_package p;
    char path[96];
    snprintf(path, sizeof path, "tests/fixtures/%s/model", family);
    ASSERT_OK(gad_package_open(support_source(path), NULL, &p, &err), &err);
    return p;
}

/* All but numbers that GGUF stores as fp32. */
static void test_settings(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        gad_error err = {0};
        gad_package pair = open_pair(families[f]), folder = open_folder(families[f]);
        gad_config a, b;
        gad_preprocess p, q;
        ASSERT_OK(gad_package_config(&pair, &a, &err), &err);
        ASSERT_OK(gad_package_config(&folder, &b, &err), &err);
        assert_true(fabs(a.text.norm_eps - b.text.norm_eps) < 1e-12);
        a.text.norm_eps = b.text.norm_eps;
        json_t *left = gad_config_json(&a), *right = gad_config_json(&b);
        assert_true(json_equal(left, right));
        json_decref(left);
        json_decref(right);
        ASSERT_OK(gad_package_preprocess(&pair, &p, &err), &err);
        ASSERT_OK(gad_package_preprocess(&folder, &q, &err), &err);
        assert_int_equal(p.patch, q.patch);
        assert_int_equal(p.merge, q.merge);
        for (int c = 0; c < 3; c++)
            assert_true(fabs(p.mean[c] - q.mean[c]) < 1e-7 && fabs(p.std[c] - q.std[c]) < 1e-7);
        gad_package_free(&pair);
        gad_package_free(&folder);
    }
}

static void test_tokens(void **state)
{
    (void)state;
    static const char text[] = "The part isn't <|im_start|> normal: 12.5 mm\n\n Gr\303\274\303\237e <think>";
    for (size_t f = 0; f < 2; f++) {
        gad_error err = {0};
        gad_package pair = open_pair(families[f]), folder = open_folder(families[f]);
        gad_tokenizer *a, *b;
        gad_tokenizer_ids x = {0}, y = {0};
        gad_chat chat, expected;
        ASSERT_OK(gad_package_tokenizer(&pair, &a, &err), &err);
        ASSERT_OK(gad_package_tokenizer(&folder, &b, &err), &err);
        assert_int_equal(gad_tokenizer_size(a), gad_tokenizer_size(b));
        for (int trust = GAD_TOKENIZER_LITERAL; trust <= GAD_TOKENIZER_CONTROL; trust++) {
            ASSERT_OK(gad_tokenizer_encode(a, text, sizeof text - 1, (gad_tokenizer_trust)trust, &x, &err), &err);
            ASSERT_OK(gad_tokenizer_encode(b, text, sizeof text - 1, (gad_tokenizer_trust)trust, &y, &err), &err);
        }
        assert_int_equal(x.count, y.count);
        assert_memory_equal(x.id, y.id, x.count * sizeof *x.id);
        ASSERT_OK(gad_package_chat(&pair, a, &chat, &err), &err);
        ASSERT_OK(gad_package_chat(&folder, b, &expected, &err), &err);
        assert_int_equal(chat.format, expected.format);
        gad_tokenizer_ids_free(&x);
        gad_tokenizer_ids_free(&y);
        gad_tokenizer_free(a);
        gad_tokenizer_free(b);
        gad_package_free(&pair);
        gad_package_free(&folder);
    }
}

typedef struct loaded {
    gad_model model;
    gad_tensor_source *files;
} loaded;

static loaded load(const gad_package *package)
{
    gad_error err = {0};
    loaded l;
    gad_config config;
    ASSERT_OK(gad_package_config(package, &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &l.model, &err), &err);
    ASSERT_OK(gad_package_weights(package, &(gad_weights_options){0}, &l.model, &l.files, NULL, &err), &err);
    return l;
}

static void unload(loaded *l)
{
    gad_model_free(&l->model);
    gad_tensor_source_free(l->files);
}

/* Matrices are the folder's rounded to bf16, everything else the same number. */
static void test_weights(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        gad_package pair = open_pair(families[f]), folder = open_folder(families[f]);
        loaded a = load(&pair), b = load(&folder);
        assert_int_equal(a.model.params.count, b.model.params.count);
        for (size_t p = 0; p < a.model.params.count; p++) {
            const gad_param *x = a.model.params.item[p], *y = b.model.params.item[p];
            assert_string_equal(x->name, y->name);
            const bool kept = !x->is_matrix || x == a.model.vision.position_embed;
            assert_int_equal(x->value.dtype, kept ? GAD_F32 : GAD_BF16);
            for (int64_t i = 0; i < gad_param_count(x); i++) {
                const double want = gad_param_get(y, i);
                const double stored = kept ? want : (double)gad_half_from_bf16(gad_half_to_bf16((float)want));
                if (gad_param_get(x, i) != stored)
                    fail_msg("%s[%lld]: %g, wanted %g", x->name, (long long)i, gad_param_get(x, i), stored);
            }
        }
        unload(&a);
        unload(&b);
        gad_package_free(&pair);
        gad_package_free(&folder);
    }
}

/* Weights in Q4_1 and Q8_0, rows of q and k in the order of rotated pairs. Dequantised numbers are rounded to fp16, with
 * which transformers is off by 1.4e-3 from its own logits. */
static void test_llama(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_package package;
    gad_safetensors *golden;
    gad_device device;
    gad_timeline timeline;
    ASSERT_OK(gad_package_open(gguf("llama"), NULL, &package, &err), &err);
    loaded l = load(&package);
    assert_int_equal(l.model.config.vision.depth, 0);
    ASSERT_OK(gad_safetensors_open(support_source("tests/fixtures/gguf/llama.safetensors"), &golden, &err), &err);
    const gad_safetensors_tensor *ids = gad_safetensors_find(golden, "ids"),
                                 *logits = gad_safetensors_find(golden, "logits");
    int64_t id[64];
    int32_t prompt[64];
    assert_in_range(ids->count, 2, 64);
    ASSERT_OK(gad_safetensors_copy_i64(ids, 0, ids->count, id, &err), &err);
    for (size_t i = 0; i < ids->count; i++)
        prompt[i] = (int32_t)id[i];
    ASSERT_OK(gad_device_open_cpu(&device, 2, &err), &err);
    ASSERT_OK(gad_timeline_open(&l.model, &device, &timeline, &err), &err);
    const int64_t vocab = l.model.config.text.vocab;
    float *want = malloc((size_t)vocab * sizeof *want);
    for (size_t n = 1; n <= ids->count; n++) { /* the first at once, the others one by one */
        ASSERT_OK(gad_timeline_feed(&timeline, &(gad_prompt){.ids = prompt, .count = (int64_t)n}, 1, NULL, &err), &err);
        ASSERT_OK(gad_safetensors_copy_f32(logits, (n - 1) * (size_t)vocab, (size_t)vocab, want, &err), &err);
        support_assert_close("logits", timeline.logits, want, vocab, 2.5e-3);
    }
    free(want);
    gad_timeline_close(&timeline);
    gad_device_close(&device);
    gad_safetensors_free(golden);
    unload(&l);
    gad_package_free(&package);
}

/* A checkpoint written as llama.cpp's files is the checkpoint: in fp32 to the last bit, in Q8_0 to half a step of the
 * largest number of 32. */
static void test_written(void **state)
{
    (void)state;
    static const char *const types[] = {"F32", "Q8_0"};
    for (size_t k = 0; k < 4; k++) {
        gad_error err = {0};
        gad_package folder = open_folder(families[k / 2]), pair;
        gad_tokenizer *tokenizer, *again;
        gad_preprocess pictures;
        gad_string text = {0};
        loaded a = load(&folder);
        ASSERT_OK(gad_package_tokenizer(&folder, &tokenizer, &err), &err);
        ASSERT_OK(gad_package_preprocess(&folder, &pictures, &err), &err);
        ASSERT_OK(gad_package_template(&folder, &text, &err), &err);
        const gad_gguf_parcel parcel = {&a.model, tokenizer, &pictures, gad_string_text(&text), text.length, types[k % 2]};
        const char *path = support_scratch(GAD_TEST_TMP, "written.gguf");
        ASSERT_OK(gad_gguf_save(&parcel, path, &err), &err);
        ASSERT_OK(gad_package_open(path, NULL, &pair, &err), &err); /* finds its tower */
        loaded b = load(&pair);
        for (size_t p = 0; p < a.model.params.count; p++) {
            const gad_param *x = a.model.params.item[p], *y = b.model.params.item[p];
            double most = 0;
            for (int64_t i = 0; i < gad_param_count(x); i++)
                most = fmax(most, fabs(gad_param_get(x, i)));
            const double allowed = k % 2 && x->is_matrix ? most / 127 * 0.51 + most * 0x1p-10 : 0;
            for (int64_t i = 0; i < gad_param_count(x); i++)
                if (!(fabs(gad_param_get(x, i) - gad_param_get(y, i)) <= allowed))
                    fail_msg("%s[%lld]: %g, not %g", x->name, (long long)i, gad_param_get(y, i), gad_param_get(x, i));
        }
        gad_tokenizer_ids m = {0}, n = {0};
        ASSERT_OK(gad_package_tokenizer(&pair, &again, &err), &err);
        ASSERT_OK(gad_tokenizer_encode(tokenizer, text.data, text.length, GAD_TOKENIZER_CONTROL, &m, &err), &err);
        ASSERT_OK(gad_tokenizer_encode(again, text.data, text.length, GAD_TOKENIZER_CONTROL, &n, &err), &err);
        assert_int_equal(m.count, n.count);
        assert_memory_equal(m.id, n.id, m.count * sizeof *m.id);
        gad_tokenizer_ids_free(&m);
        gad_tokenizer_ids_free(&n);
        gad_tokenizer_free(tokenizer);
        gad_tokenizer_free(again);
        gad_string_free(&text);
        unload(&a);
        unload(&b);
        gad_package_free(&folder);
        gad_package_free(&pair);
    }
}

static void refused(const char *model, const char *mmproj, gad_status code, const char *words)
{
    gad_error err = {0};
    gad_package p;
    gad_config config;
    gad_status status = gad_package_open(model, mmproj, &p, &err);
    if (!status) {
        gad_preprocess settings;
        status = gad_package_config(&p, &config, &err);
        status = status ? status : gad_package_preprocess(&p, &settings, &err);
        gad_package_free(&p);
    }
    if (status != code || !strstr(err.cause, words))
        fail_msg("%s with %s: %s", model, mmproj ? mmproj : "nothing", err.cause);
    assert_true(strlen(err.hint) > 0);
}

static void test_refused(void **state)
{
    (void)state;
    refused(gguf("mmproj-qwen3"), NULL, GAD_E_ARGUMENT, "is a vision tower");
    refused(gguf("qwen25"), NULL, GAD_E_ARGUMENT,
            "is the language model of a Qwen-VL model"); /* two towers lie beside it */
    refused(gguf("qwen25"), gguf("mmproj-qwen3"), GAD_E_UNSUPPORTED, "general.architecture");
    refused(gguf("qwen25"), gguf("qwen25"), GAD_E_FORMAT, "clip.vision.projector_type");
    refused(gguf("llama"), gguf("mmproj-qwen25"), GAD_E_UNSUPPORTED, "general.architecture");
    refused(gguf("llama"), NULL, GAD_E_UNSUPPORTED, "without pictures");
    refused(gguf("blocks"), NULL, GAD_E_UNSUPPORTED, "general.architecture");
    refused(support_source("tests/fixtures/qwen3/model"), gguf("mmproj-qwen3"), GAD_E_ARGUMENT, "is a folder");
}

/* A tower of the same family whose size does not fit: the first tensor that differs is named. */
static void test_wrong_sizes(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_package pair = open_pair("qwen25");
    gad_config config;
    gad_model model;
    gad_tensor_source *files;
    ASSERT_OK(gad_package_config(&pair, &config, &err), &err);
    config.text.intermediate += 16;
    ASSERT_OK(gad_model_build(&config, &model, &err), &err);
    assert_int_equal(gad_package_weights(&pair, &(gad_weights_options){0}, &model, &files, NULL, &err), GAD_E_FORMAT);
    assert_non_null(strstr(err.cause, "blk.0.ffn_"));
    gad_model_free(&model);
    ASSERT_OK(gad_package_config(&pair, &config, &err), &err);
    config.text.layers--;
    ASSERT_OK(gad_model_build(&config, &model, &err), &err);
    assert_int_equal(gad_package_weights(&pair, &(gad_weights_options){0}, &model, &files, NULL, &err), GAD_E_FORMAT);
    assert_non_null(strstr(err.cause, "blk.2."));
    gad_model_free(&model);
    gad_package_free(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_settings),   cmocka_unit_test(test_tokens),
                                       cmocka_unit_test(test_weights),    cmocka_unit_test(test_llama),
                                       cmocka_unit_test(test_written),    cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_wrong_sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
