/* fit: a good part of which only what the engine sees is kept gives the same inspection, and is refused as a part. */
#include <stdio.h>
#include <string.h>

#include "api/picture.h"
#include "gad_train.h"
#include "generate/engine.h"
#include "support/support.h"

#define IMAGES "tests/fixtures/images/"

static char *line_of(gad_engine *engine, gad_picture *good, const gad_picture *part)
{
    gad_error err;
    gad_inspection result;
    gad_inspect_settings settings = gad_inspect_settings_default();
    char *text;
    const char *name = "good";
    settings.reason = GAD_REASON_NEVER;
    settings.threshold = 0; /* boxes too */
    ASSERT_OK(gad_inspect(engine, &good, 1, part, &settings, &result, &err), &err);
    result.encode_ms = result.prompt_ms = result.answer_ms = 0;
    result.computed_tokens = 0;
    ASSERT_OK(gad_inspection_json(&result, "part", &name, 1, &text, &err), &err);
    gad_inspection_clear(&result);
    return text;
}

static void test_same_answer(void **state)
{
    (void)state;
    static const char *const good_names[] = {IMAGES "plate.png", IMAGES "strip.png", "samples/board/train/good/good.jpg"};
    const char *folder = support_scratch(GAD_TEST_TMP, "fit-model");
    gad_error err;
    gad_engine *engine;
    gad_picture *good, *part;
    gad_new_settings settings = {.preset = "xs", .out = folder, .difference = true, .seed = 3};
    ASSERT_OK(gad_model_new(&settings, &err), &err);
    gad_engine_options options = {.model = folder, .compute.threads = 1};
    ASSERT_OK(gad_picture_load(support_source(IMAGES "bolt.png"), &part, &err), &err);
    for (int i = 0; i < 3; i++) {
        char *text[2];
        ASSERT_OK(gad_picture_load(support_source(good_names[i]), &good, &err), &err);
        for (int fitted = 0; fitted < 2; fitted++) { /* an engine each, which has kept nothing */
            ASSERT_OK(gad_engine_open(&options, &engine, &err), &err);
            if (fitted)
                ASSERT_OK(gad_picture_fit(good, engine, &err), &err);
            text[fitted] = line_of(engine, good, part);
            gad_inspection result;
            gad_inspect_settings plain = gad_inspect_settings_default();
            if (fitted)
                assert_int_equal(gad_inspect(engine, &part, 1, good, &plain, &result, &err), GAD_E_ARGUMENT);
            gad_engine_free(engine);
        }
        assert_true(good->image.width * good->image.height <= 8192); /* about what this model sees */
        assert_string_equal(text[0], text[1]);
        gad_text_free(text[0]);
        gad_text_free(text[1]);
        gad_picture_free(good);
    }
    gad_picture_free(part);
}

/* One rule for the bound, in gad inspect and gad model info. */
static void test_bound(void **state)
{
    (void)state;
    const int64_t asked[] = {0, 50, 500, 5000}, expected[] = {1000, 100, 500, 1000};
    for (int i = 0; i < 4; i++) {
        gad_preprocess p = {.min_pixels = 100, .max_pixels = 1000};
        gad_preprocess_bound(&p, asked[i]);
        assert_int_equal(p.max_pixels, expected[i]);
        assert_int_equal(p.min_pixels, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_answer),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
