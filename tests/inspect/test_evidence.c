/* evidence: an inspection sees the heat map that training sees; several good parts set the level of their class; its
 * figures follow the level. */
#include <math.h>
#include <string.h>

#include "api/picture.h"
#include "base/memory.h"
#include "base/rng.h"
#include "evidence/evidence.h"
#include "gad_train.h"
#include "inspect/kept.h"
#include "inspect/turn.h"
#include "support/support.h"
#include "train/step.h"

enum { GOOD = 3, PICTURES = 5 };

typedef struct bench {
    gad_engine *engine;
    gad_picture *picture[PICTURES];
} bench;

/* Zero start values of the matrices into the language model would hide what they carry. */
static void stir(gad_model *model)
{
    for (size_t i = 0; i < model->params.count; i++) {
        gad_param *param = model->params.item[i];
        gad_rng rng = gad_rng_make(5, i);
        float *value = param->owned;
        if (strncmp(param->name, "difference.", 11) != 0 || param->value.dtype != GAD_F32)
            continue;
        for (int64_t k = 0; k < gad_param_count(param); k++)
            value[k] += 0.05f * (float)gad_rng_normal(&rng);
    }
}

static int open_bench(void **state)
{
    static const char *const names[PICTURES] = {"bolt.png", "coin.png", "plate.png", "strip.png", "dot.png"};
    static bench b;
    gad_error err;
    const char *folder = support_scratch(GAD_TEST_TMP, "evidence-model");
    gad_new_settings settings = {.preset = "xs", .out = folder, .difference = true, .seed = 3};
    ASSERT_OK(gad_model_new(&settings, &err), &err);
    gad_engine_options options = {.model = folder, .compute.threads = 1, .pixels_alone = true};
    ASSERT_OK(gad_engine_open(&options, &b.engine, &err), &err);
    /* mapped weights are not written to: train them, which makes copies */
    for (size_t i = 0; i < b.engine->model.params.count; i++)
        ASSERT_OK(gad_param_train(b.engine->model.params.item[i], true, &b.engine->device, &err), &err);
    stir(&b.engine->model);
    for (int i = 0; i < PICTURES; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/tests/fixtures/images/%s", GAD_SOURCE_DIR, names[i]);
        ASSERT_OK(gad_picture_load(path, &b.picture[i], &err), &err);
    }
    *state = &b;
    return 0;
}

static int close_bench(void **state)
{
    bench *b = *state;
    for (int i = 0; i < PICTURES; i++)
        gad_picture_free(b->picture[i]);
    gad_engine_free(b->engine);
    return 0;
}

static gad_turn turn_of(const bench *b, const int *picture, int count)
{
    gad_error err;
    gad_turn_part part[PICTURES + 1];
    gad_turn turn;
    for (int i = 0; i < count; i++)
        part[i] = (gad_turn_part){.image = &b->picture[picture[i]]->image, .hash = b->picture[picture[i]]->hash};
    part[count] = (gad_turn_part){.text = "?"};
    ASSERT_OK(gad_turn_make(b->engine, part, (size_t)count + 1, &turn, &err), &err);
    return turn;
}

static float peak_of(const gad_turn *turn)
{
    float peak = -INFINITY;
    for (int64_t i = 0; i < turn->heat_rows * turn->heat_cols; i++)
        peak = fmaxf(peak, turn->heat[i]);
    return peak;
}

/* ---- as in training ------------------------------------------------------------------------------------------------ */

static void keep_map(void *user, const gad_batch *batch, int64_t pair, int64_t n, const float *logit, float *g)
{
    (void)batch, (void)pair, (void)g;
    memcpy(user, logit, (size_t)n * sizeof *logit);
}

static void test_training_sees_the_same(void **state)
{
    const bench *b = *state;
    gad_error err;
    gad_patches patches[2];
    gad_prepared prepared[2];
    gad_batch_image image[2];
    gad_batch batch;
    const int pair[] = {0, 1};
    gad_turn turn = turn_of(b, pair, 2);
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(gad_preprocess_image(&b->engine->preprocess, &b->picture[i]->image, &patches[i], &err), &err);
        ASSERT_OK(gad_prepared_make(&b->engine->preprocess, &patches[i].picture, &prepared[i], &err), &err);
        image[i] = (gad_batch_image){.grid = patches[i].grid,
                                     .patches = patches[i].row,
                                     .first = turn.asked.image[i].first,
                                     .prepared = &prepared[i]};
    }
    gad_segment segment = {turn.asked.prompt.ids, turn.asked.prompt.count, NULL, image, 2, -1};
    ASSERT_OK(gad_batch_make(&b->engine->model.config, &segment, 1, &batch, &err), &err);
    float map[1024];
    gad_step step = gad_step_make(&b->engine->model, &b->engine->device, false);
    gad_objective objective = {.user = map, .temperature = 1, .mask = keep_map, .images_only = true};
    ASSERT_OK(gad_step_evaluate(&step, &batch, &objective, &err), &err);
    int64_t side = gad_config_map_side(&b->engine->model.config.evidence), across = turn.heat_cols / side;
    assert_true(turn.heat_rows * turn.heat_cols <= 1024);
    for (int64_t y = 0; y < turn.heat_rows; y++)
        for (int64_t x = 0; x < turn.heat_cols; x++) {
            float seen = turn.heat[y * turn.heat_cols + x], trained = map[gad_regions_cell(across, side, y, x)];
            assert_true(fabsf(seen - trained) <= 1e-5f * fmaxf(1, fabsf(trained))); /* sums of another order */
        }
    gad_batch_free(&batch);
    for (int i = 0; i < 2; i++) {
        gad_preprocess_free(&patches[i]);
        gad_prepared_free(&prepared[i]);
    }
    gad_turn_free(b->engine, &turn);
}

/* ---- the level of a class ------------------------------------------------------------------------------------------ */

/* Rows and map of a comparison without level. */
static float plain_peak(const bench *b, const gad_prepared *const *picture, const gad_image_rows *const *rows,
                        int64_t count, float level, float *logit)
{
    gad_error err;
    gad_evidence_map map = {.logit = logit};
    gad_image_rows evidence;
    float peak = -INFINITY;
    ASSERT_OK(
        gad_evidence_make(&b->engine->model, &b->engine->device, true, picture, rows, count, level, &evidence, &map, &err),
        &err);
    for (int64_t i = 0; i < evidence.tokens * gad_config_map_cells(&b->engine->model.config.evidence); i++)
        peak = fmaxf(peak, logit[i]);
    gad_memory_free(evidence.rows);
    return peak;
}

static void test_level(void **state)
{
    const bench *b = *state;
    gad_error err;
    gad_prepared prepared[PICTURES];
    const gad_prepared *picture[PICTURES];
    const gad_image_rows *rows[PICTURES];
    float logit[1024], level = 0;
    gad_evidence_map map = {.logit = logit};
    for (int i = 0; i < GOOD + 1; i++) {
        const gad_image_entry *entry;
        ASSERT_OK(gad_image_cache_get(&b->engine->images, &b->engine->model, &b->engine->device, true,
                                      &b->engine->preprocess, &b->picture[i]->image, false, b->picture[i]->hash, &entry,
                                      &err),
                  &err);
        rows[i] = &entry->rows;
        picture[i] = &prepared[i];
        gad_image fitted;
        ASSERT_OK(gad_preprocess_fit(&b->engine->preprocess, &b->picture[i]->image, &fitted, &err), &err);
        ASSERT_OK(gad_prepared_make(&b->engine->preprocess, &fitted, &prepared[i], &err), &err);
        gad_image_free(&fitted);
    }
    float sum = 0;
    for (int last = 0; last < GOOD; last++) { /* each good part against the two others */
        const gad_prepared *three[GOOD];
        const gad_image_rows *of_three[GOOD];
        for (int i = 0, to = 0; i < GOOD; i++) {
            int at = i == last ? GOOD - 1 : to++;
            three[at] = picture[i];
            of_three[at] = rows[i];
        }
        sum += plain_peak(b, three, of_three, GOOD, 0, logit);
    }
    ASSERT_OK(gad_evidence_level(&b->engine->model, &b->engine->device, true, picture, rows, GOOD, &level, &err), &err);
    assert_true(fabsf(level - (sum / GOOD - GAD_EVIDENCE_GOOD)) < 1e-5f);
    const int shown[] = {0, 1, 2, 3};
    float without = plain_peak(b, picture, rows, GOOD + 1, 0, logit);
    gad_turn turn = turn_of(b, shown, GOOD + 1);
    assert_true(fabsf(peak_of(&turn) - (without - level)) < 1e-5f);
    /* the figures move with it: rows at another level are other rows */
    gad_image_rows at_zero, far;
    ASSERT_OK(
        gad_evidence_make(&b->engine->model, &b->engine->device, true, picture, rows, GOOD + 1, 0, &at_zero, &map, &err),
        &err);
    ASSERT_OK(gad_evidence_make(&b->engine->model, &b->engine->device, true, picture, rows, GOOD + 1, 5, &far, &map, &err),
              &err);
    size_t first = (size_t)at_zero.tokens * (size_t)b->engine->model.config.text.hidden;
    assert_memory_equal(at_zero.rows, far.rows, first * sizeof(float));
    assert_memory_not_equal(at_zero.rows + first, far.rows + first, first * sizeof(float));
    gad_memory_free(at_zero.rows);
    gad_memory_free(far.rows);
    gad_turn_free(b->engine, &turn);
    for (int i = 0; i < GOOD + 1; i++)
        gad_prepared_free(&prepared[i]);
}

/* The level and what good parts look like are kept with the engine, whichever is asked for first. */
static void test_a_threshold_with_several_good_parts(void **state)
{
    const bench *b = *state;
    gad_error err;
    gad_inspection first, again;
    gad_inspect_settings settings = gad_inspect_settings_default();
    settings.threshold = 0.5;
    b->engine->free_kept(b->engine->kept);
    b->engine->kept = NULL;
    ASSERT_OK(gad_inspect(b->engine, b->picture, GOOD, b->picture[GOOD], &settings, &first, &err), &err);
    ASSERT_OK(gad_inspect(b->engine, b->picture, GOOD, b->picture[GOOD], &settings, &again, &err), &err);
    assert_true(first.distance > 0 && first.distance == again.distance && first.difference == again.difference);
    gad_inspection_clear(&first);
    gad_inspection_clear(&again);
}

/* A good part is prepared once for a series of parts, and goes with the series. */
static void test_good_parts_are_prepared_once(void **state)
{
    const bench *b = *state;
    const int series[][3] = {{0, 1, 2}, {0, 1, 3}, {3, 4, 2}};
    const gad_kept *kept;
    const gad_prepared *first[2] = {NULL};
    for (int i = 0; i < 3; i++) {
        gad_turn turn = turn_of(b, series[i], 3);
        gad_turn_free(b->engine, &turn);
        kept = b->engine->kept;
        assert_int_equal(kept->good.count, 2);
        for (size_t k = 0; k < 2; k++) {
            assert_true(gad_hash_equal(kept->good.item[k]->hash, b->picture[series[i][k]]->hash));
            if (i == 1)
                assert_ptr_equal(&kept->good.item[k]->picture, first[k]);
            first[k] = &kept->good.item[k]->picture;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_training_sees_the_same),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_good_parts_are_prepared_once),
        cmocka_unit_test(test_a_threshold_with_several_good_parts),
    };
    return cmocka_run_group_tests(tests, open_bench, close_bench);
}
