/* preprocess: settings read and refused, smart resize against the reference's table, normalisation, resized images and
 * patch rows bit for bit as the reference processors give them. */
#include "base/file.h"
#include "base/json.h"
#include "io/safetensors.h"
#include "model/preprocess.h"
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const families[] = {"qwen25", "qwen3"};

static bool have_fixtures(void)
{
    return gad_file_exists(support_source("tests/fixtures/resize.json"));
}

static const char *fixture(const char *family, const char *name)
{
    char relative[256];
    snprintf(relative, sizeof relative, "tests/fixtures/%s/%s", family, name);
    return support_source(relative);
}

static gad_preprocess settings_of(const char *family, gad_resize_kernel backend)
{
    gad_preprocess settings;
    gad_error err;
    ASSERT_OK(gad_preprocess_read(fixture(family, "model/preprocessor_config.json"), &settings, &err), &err);
    settings.backend = backend;
    return settings;
}

/* ---- settings ----------------------------------------------------------------------------------------------------- */

static gad_status read_text(const char *text, gad_preprocess *settings, gad_error *err)
{
    const char *path = support_scratch(GAD_TEST_TMP, "preprocessor_config.json");
    ASSERT_OK(gad_file_write(path, text, strlen(text), err), err);
    return gad_preprocess_read(path, settings, err);
}

static void test_read(void **state)
{
    (void)state;
    gad_preprocess s;
    gad_error err;
    ASSERT_OK(
        read_text("{\"min_pixels\":3136,\"max_pixels\":12845056,\"patch_size\":14,\"temporal_patch_size\":2,"
                  "\"merge_size\":2,\"image_mean\":[0.48145466,0.4578275,0.40821073],\"rescale_factor\":"
                  "0.00392156862745098,\"resample\":3,\"do_resize\":true,"
                  "\"image_std\":[0.26862954,0.26130258,0.27577711],\"image_processor_type\":\"Qwen2VLImageProcessor\"}",
                  &s, &err),
        &err);
    assert_int_equal(s.patch, 14);
    assert_int_equal(s.min_pixels, 3136);
    assert_int_equal(s.max_pixels, 12845056);
    assert_int_equal(s.backend, GAD_RESIZE_PIL);
    assert_true(s.std[2] == 0.27577711);
    ASSERT_OK(read_text("{}", &s, &err), &err); /* the class's own values */
    assert_int_equal(s.min_pixels, 56 * 56);
    assert_int_equal(s.max_pixels, 28 * 28 * 1280);
    /* explicit bounds win over "size", null means absent, and a combined file nests the settings */
    ASSERT_OK(read_text("{\"image_processor\":{\"size\":{\"shortest_edge\":65536,\"longest_edge\":16777216},"
                        "\"min_pixels\":4096,\"max_pixels\":null,\"patch_size\":16,\"image_mean\":[0.5,0.5,0.5],"
                        "\"image_processor_type\":\"Qwen2VLImageProcessorFast\"}}",
                        &s, &err),
              &err);
    assert_int_equal(s.min_pixels, 4096);
    assert_int_equal(s.max_pixels, 16777216);
    assert_int_equal(s.patch, 16);
    assert_int_equal(s.backend, GAD_RESIZE_TORCHVISION);
    assert_true(s.mean[0] == 0.5);
}

/* The names that transformers gives to the same two implementations before and from version 5 on. */
static void test_processor_names(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        gad_resize_kernel backend;
    } cases[] = {
        {"{\"image_processor_type\":\"Qwen2VLImageProcessor\"}", GAD_RESIZE_PIL},
        {"{\"image_processor_type\":\"Qwen2VLImageProcessorFast\",\"data_format\":\"channels_first\"}",
         GAD_RESIZE_TORCHVISION},
        {"{\"image_processor_type\":\"Qwen2VLImageProcessor\",\"data_format\":\"channels_first\"}", GAD_RESIZE_TORCHVISION},
        {"{\"image_processor_type\":\"Qwen2VLImageProcessorPil\",\"data_format\":\"channels_first\"}", GAD_RESIZE_PIL},
        {"{\"image_processor_type\":\"Qwen2_5_VLImageProcessorPil\"}", GAD_RESIZE_PIL},
        {"{\"image_processor_type\":\"Qwen3VLImageProcessorFast\"}", GAD_RESIZE_TORCHVISION}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gad_error err;
        gad_preprocess s;
        ASSERT_OK(read_text(cases[i].text, &s, &err), &err);
        if (s.backend != cases[i].backend)
            fail_msg("%s", cases[i].text);
    }
}

static void test_read_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        gad_status code;
        const char *cause;
    } cases[] = {
        {"{\"do_resize\":false}", GAD_E_UNSUPPORTED, "do_resize"},
        {"{\"do_rescale\":false}", GAD_E_UNSUPPORTED, "do_rescale"},
        {"{\"do_normalize\":false}", GAD_E_UNSUPPORTED, "do_normalize"},
        {"{\"do_center_crop\":true}", GAD_E_UNSUPPORTED, "do_center_crop"},
        {"{\"do_pad\":true}", GAD_E_UNSUPPORTED, "do_pad"},
        {"{\"resample\":2}", GAD_E_UNSUPPORTED, "resample"},
        {"{\"rescale_factor\":1.0}", GAD_E_UNSUPPORTED, "rescale_factor"},
        {"{\"size\":{\"height\":224,\"width\":224}}", GAD_E_UNSUPPORTED, "fixed image size"},
        {"{\"image_processor_type\":\"CLIPImageProcessor\"}", GAD_E_UNSUPPORTED, "CLIPImageProcessor"},
        {"{\"size\":7}", GAD_E_FORMAT, "size"},
        {"{\"patch_size\":0}", GAD_E_FORMAT, "patch_size"},
        {"{\"patch_size\":\"14\"}", GAD_E_FORMAT, "patch_size"},
        {"{\"merge_size\":1000}", GAD_E_FORMAT, "merge_size"},
        {"{\"min_pixels\":0}", GAD_E_FORMAT, "pixels"},
        {"{\"min_pixels\":100,\"max_pixels\":99}", GAD_E_FORMAT, "pixels"},
        {"{\"image_mean\":[0.5,0.5]}", GAD_E_FORMAT, "image_mean"},
        {"{\"image_std\":[0.5,0.5,0]}", GAD_E_FORMAT, "image_std"},
        {"[1]", GAD_E_FORMAT, "object"},
        {"{", GAD_E_FORMAT, "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gad_preprocess s = {.patch = -1};
        gad_error err = {0};
        gad_status status = read_text(cases[i].text, &s, &err);
        if (status != cases[i].code || !strstr(err.cause, cases[i].cause) || !strstr(err.cause, "preprocessor_config.json"))
            fail_msg("%s: %s, \"%s\"", cases[i].text, gad_status_name(status), err.cause);
        assert_int_equal(s.patch, -1);
    }
    gad_preprocess s;
    gad_error err;
    assert_int_equal(gad_preprocess_read(support_scratch(GAD_TEST_TMP, "absent.json"), &s, &err), GAD_E_IO);
}

/* ---- size --------------------------------------------------------------------------------------------------------- */

static void check_size(int factor, int64_t low, int64_t high, int64_t height, int64_t width, int64_t new_height,
                       int64_t new_width)
{
    gad_preprocess s = {.patch = factor / 2, .merge = 2, .temporal = 2, .min_pixels = low, .max_pixels = high};
    gad_view view;
    gad_error err;
    gad_status status = gad_preprocess_view(&s, width, height, &view, &err);
    if (!new_height) {
        assert_int_equal(status, GAD_E_UNSUPPORTED);
        return;
    }
    ASSERT_OK(status, &err);
    if (view.width != new_width || view.height != new_height)
        fail_msg("%lld x %lld, factor %d: %lld x %lld instead of %lld x %lld (height x width)", (long long)height,
                 (long long)width, factor, (long long)view.height, (long long)view.width, (long long)new_height,
                 (long long)new_width);
    assert_int_equal(view.original_width, width);
    assert_int_equal(gad_preprocess_tokens(&view), new_width * new_height / factor / factor);
}

/* The vectors written down in the specification: [factor, height, width, new height, new width]. */
static void test_sizes_published(void **state)
{
    (void)state;
    static const int64_t rows[][5] = {{28, 448, 448, 448, 448},     {28, 480, 640, 476, 644}, {28, 1080, 1920, 1092, 1932},
                                      {28, 100, 100, 112, 112},     {28, 20, 20, 56, 56},     {28, 4000, 3000, 4004, 2996},
                                      {28, 6000, 8000, 3080, 4116}, {28, 14, 2000, 28, 672},  {32, 480, 640, 480, 640},
                                      {32, 1080, 1920, 1088, 1920}, {32, 100, 100, 256, 256}, {32, 42, 70, 224, 352},
                                      {32, 6000, 8000, 3520, 4704}, {28, 1, 201, 0, 0},       {28, 0, 10, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool old = rows[i][0] == 28;
        check_size((int)rows[i][0], old ? 3136 : 65536, old ? 12845056 : 16777216, rows[i][1], rows[i][2], rows[i][3],
                   rows[i][4]);
    }
    check_size(32, 1, 1 << 30, 48, 48, 64, 64); /* half rounds to even */
    check_size(32, 1, 1 << 30, 80, 80, 64, 64);
}

static void test_sizes_fixture(void **state)
{
    (void)state;
    if (!have_fixtures())
        fail_msg("smart resize fixtures: tests/fixtures/resize.json is absent");
    json_t *root, *row;
    gad_error err;
    ASSERT_OK(gad_json_load(support_source("tests/fixtures/resize.json"), &root, &err), &err);
    const json_t *rows = json_object_get(root, "smart_resize");
    assert_true(json_array_size(rows) >= 90);
    size_t i;
    json_array_foreach (rows, i, row) {
        int64_t v[7];
        for (size_t k = 0; k < 7; k++)
            v[k] = json_integer_value(json_array_get(row, k)); /* null gives 0: refused */
        check_size((int)v[2], v[3], v[4], v[0], v[1], v[5], v[6]);
    }
    json_decref(root);
}

/* ---- pixels ------------------------------------------------------------------------------------------------------- */

/* An image of one token in which every byte value stands at a known place, so that nothing is resized. */
static void test_table(void **state)
{
    (void)state;
    if (!have_fixtures())
        fail_msg("normalisation fixtures: tests/fixtures/resize.safetensors is absent");
    gad_safetensors *set;
    gad_error err;
    ASSERT_OK(gad_safetensors_open(support_source("tests/fixtures/resize.safetensors"), &set, &err), &err);
    for (int f = 0; f < 2; f++)
        for (int backend = 0; backend < 2; backend++) {
            char name[64];
            snprintf(name, sizeof name, "normalise.%s.%s", families[f], backend == GAD_RESIZE_PIL ? "pil" : "tv");
            const gad_safetensors_tensor *want = gad_safetensors_find(set, name);
            assert_non_null(want);
            float table[3 * 256];
            ASSERT_OK(gad_safetensors_copy_f32(want, 0, 3 * 256, table, &err), &err);
            gad_preprocess s = settings_of(families[f], (gad_resize_kernel)backend);
            gad_image image;
            int64_t side = 2 * s.patch;
            ASSERT_OK(gad_image_new(2 * side, 2 * side, 3, &image, &err), &err);
            for (int64_t i = 0; i < 4 * side * side * 3; i++)
                image.pixels[i] = (uint8_t)(i / 3 * 7 + i % 3 * 50);
            s.min_pixels = 1;
            gad_patches patches;
            ASSERT_OK(gad_preprocess_image(&s, &image, &patches, &err), &err);
            for (int c = 0; c < 3; c++)
                for (int64_t y = 0; y < s.patch; y++)
                    for (int64_t x = 0; x < s.patch; x++) {
                        float got = patches.row[(c * 2 * s.patch + y) * s.patch + x];
                        float expected = table[c * 256 + gad_image_row(&image, y)[3 * x + c]];
                        if (memcmp(&got, &expected, sizeof got))
                            fail_msg("%s: byte %d gives %.9g, not %.9g", name, gad_image_row(&image, y)[3 * x + c],
                                     (double)got, (double)expected);
                    }
            gad_preprocess_free(&patches);
            gad_image_free(&image);
        }
    gad_safetensors_free(set);
}

/* Which pixel stands where, from the definition of the layout, on images whose every pixel differs from its neighbours. */
static void test_layout(void **state)
{
    (void)state;
    static const int patch_of[] = {14, 16};
    for (int f = 0; f < 2; f++) {
        int p = patch_of[f], grid_h = 6, grid_w = 4;
        gad_preprocess s = {.patch = p,
                            .temporal = 2,
                            .merge = 2,
                            .min_pixels = 1,
                            .max_pixels = 1 << 24,
                            .mean = {0.1, 0.2, 0.3},
                            .std = {1, 2, 4}};
        gad_image image;
        gad_patches patches;
        gad_error err;
        ASSERT_OK(gad_image_new(grid_w * p, grid_h * p, 3, &image, &err), &err);
        for (int64_t i = 0; i < image.width * image.height * 3; i++)
            image.pixels[i] = (uint8_t)(i * 37 + i / 251);
        ASSERT_OK(gad_preprocess_image(&s, &image, &patches, &err), &err);
        assert_int_equal(patches.grid.rows, grid_h);
        assert_int_equal(patches.grid.cols, grid_w);
        assert_int_equal(patches.row_count, grid_h * grid_w);
        assert_int_equal(patches.row_size, 3 * 2 * p * p);
        const float *at = patches.row;
        for (int by = 0; by < grid_h / 2; by++)
            for (int bx = 0; bx < grid_w / 2; bx++)
                for (int dy = 0; dy < 2; dy++)
                    for (int dx = 0; dx < 2; dx++)
                        for (int c = 0; c < 3; c++)
                            for (int t = 0; t < 2; t++)
                                for (int y = 0; y < p; y++)
                                    for (int x = 0; x < p; x++) {
                                        int py = (2 * by + dy) * p + y, px = (2 * bx + dx) * p + x;
                                        float v = (float)(gad_image_row(&image, py)[3 * px + c] * (1.0 / 255));
                                        float want = (v - (float)s.mean[c]) / (float)s.std[c];
                                        assert_true(*at++ == want);
                                    }
        gad_preprocess_free(&patches);
        gad_image_free(&image);
    }
}

static uint64_t fnv1a64(uint64_t value, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        value = (value ^ ((const uint8_t *)bytes)[i]) * 0x100000001B3;
    return value;
}

/* The images of one case from their PNG files to the hash of all pixel_values, and grids. Returns how many images. */
static size_t check_case(const char *family, const char *name, const json_t *row)
{
    const json_t *images = json_object_get(row, "images"), *grids = json_object_get(row, "grid_thw");
    gad_preprocess s = settings_of(family, GAD_RESIZE_PIL);
    uint64_t hash = 0xCBF29CE484222325;
    gad_error err;
    for (size_t i = 0; i < json_array_size(images); i++) {
        char relative[128];
        snprintf(relative, sizeof relative, "images/%s.png", json_string_value(json_array_get(images, i)));
        gad_image image;
        gad_patches patches;
        ASSERT_OK(gad_image_load(fixture(".", relative), &image, &err), &err);
        ASSERT_OK(gad_preprocess_image(&s, &image, &patches, &err), &err);
        const json_t *grid = json_array_get(grids, i);
        assert_int_equal(patches.grid.rows, json_integer_value(json_array_get(grid, 1)));
        assert_int_equal(patches.grid.cols, json_integer_value(json_array_get(grid, 2)));
        hash = fnv1a64(hash, patches.row, (size_t)(patches.row_count * patches.row_size) * sizeof(float));
        gad_preprocess_free(&patches);
        gad_image_free(&image);
    }
    const char *want = json_string_value(json_object_get(row, "pixel_values_fnv1a64"));
    if (json_array_size(images) && (!want || strtoull(want, NULL, 16) != hash))
        fail_msg("%s case %s: pixel values hash to %016llx, not %s", family, name, (unsigned long long)hash,
                 want ? want : "(absent)");
    return json_array_size(images);
}

static void test_cases(void **state)
{
    (void)state;
    if (!have_fixtures())
        fail_msg("pixel value fixtures: tests/fixtures is absent");
    for (int f = 0; f < 2; f++) {
        json_t *root, *row;
        const char *name;
        gad_error err;
        size_t images = 0;
        ASSERT_OK(gad_json_load(fixture(families[f], "cases.json"), &root, &err), &err);
        json_object_foreach (root, name, row) {
            if (json_object_get(row, "images"))
                images += check_case(families[f], name, row);
        }
        assert_true(images >= 5);
        json_decref(root);
    }
}

/* Resized bytes of both backends for the images of every case. */
static void test_resized(void **state)
{
    (void)state;
    if (!have_fixtures())
        fail_msg("resized image fixtures: tests/fixtures is absent");
    int compared = 0;
    for (int f = 0; f < 2; f++)
        for (char letter = 'b'; letter <= 'f'; letter++) {
            char name[64];
            snprintf(name, sizeof name, "case_%c.safetensors", letter);
            gad_safetensors *set;
            gad_error err;
            ASSERT_OK(gad_safetensors_open(fixture(families[f], name), &set, &err), &err);
            for (int i = 0;; i++)
                for (int backend = 0; backend < 2; backend++) {
                    snprintf(name, sizeof name, "image.%d.rgb", i);
                    const gad_safetensors_tensor *rgb = gad_safetensors_find(set, name), *want;
                    if (!rgb)
                        goto next;
                    snprintf(name, sizeof name, "image.%d.resized_%s", i, backend == GAD_RESIZE_PIL ? "pil" : "tv");
                    want = gad_safetensors_find(set, name);
                    assert_non_null(want);
                    gad_image image = {rgb->shape[1], rgb->shape[0], 3, (uint8_t *)(uintptr_t)rgb->data}, made;
                    gad_preprocess s = settings_of(families[f], (gad_resize_kernel)backend);
                    gad_view view;
                    ASSERT_OK(gad_preprocess_view(&s, image.width, image.height, &view, &err), &err);
                    assert_int_equal(view.height, want->shape[0]);
                    assert_int_equal(view.width, want->shape[1]);
                    ASSERT_OK(gad_resize_bicubic(&image, view.width, view.height, s.backend, &made, &err), &err);
                    assert_memory_equal(made.pixels, want->data, want->size_bytes);
                    gad_image_free(&made);
                    compared++;
                }
        next:
            gad_safetensors_free(set);
        }
    assert_true(compared >= 4);
}

/* The hash tells apart what gives different rows, and nothing else. */
static void test_hash(void **state)
{
    (void)state;
    gad_preprocess s = {.patch = 14, .temporal = 2, .merge = 2, .min_pixels = 784, .max_pixels = 3136, .std = {1, 1, 1}};
    gad_image image;
    gad_patches first, again, changed;
    gad_error err;
    ASSERT_OK(gad_image_new(60, 60, 3, &image, &err), &err);
    memset(image.pixels, 9, 60 * 60 * 3);
    ASSERT_OK(gad_preprocess_image(&s, &image, &first, &err), &err);
    ASSERT_OK(gad_preprocess_image(&s, &image, &again, &err), &err);
    assert_true(gad_hash_equal(first.hash, again.hash));
    image.pixels[60 * 60 * 3 - 1]++;
    ASSERT_OK(gad_preprocess_image(&s, &image, &changed, &err), &err);
    assert_false(gad_hash_equal(first.hash, changed.hash));
    gad_preprocess_free(&changed);
    image.pixels[60 * 60 * 3 - 1]--;
    s.max_pixels = 784;
    ASSERT_OK(gad_preprocess_image(&s, &image, &changed, &err), &err);
    assert_false(gad_hash_equal(first.hash, changed.hash));
    gad_preprocess_free(&changed);
    gad_preprocess_free(&first);
    gad_preprocess_free(&again);
    gad_image mask = {.width = 4, .height = 4, .channels = 1, .pixels = image.pixels};
    assert_int_equal(gad_preprocess_image(&s, &mask, &first, &err), GAD_E_ARGUMENT);
    gad_image_free(&image);
}

/* The benchmark's canvas, the longest side, or as the file is; then the processor's own bounds. */
static void test_rule(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        int64_t width, height, seen_width, seen_height;
    } cases[] = {
        {"canvas", 1500, 1000, 672, 448}, {"canvas", 1600, 1200, 588, 448},     {"canvas", 3000, 3000, 448, 448},
        {"canvas", 224, 224, 448, 448},   {"original", 1500, 1000, 1512, 1008}, {NULL, 1500, 1000, 1512, 1008},
        {"700", 1400, 1000, 700, 504},    {"2000", 1400, 1400, 1400, 1400},     {"canvas", 9000, 500, 8064, 448},
    };
    gad_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gad_preprocess s = {.patch = 14, .temporal = 2, .merge = 2, .min_pixels = 3136, .max_pixels = 100000000};
        gad_view view;
        ASSERT_OK(gad_preprocess_rule(cases[i].rule, &s, &err), &err);
        ASSERT_OK(gad_preprocess_view(&s, cases[i].width, cases[i].height, &view, &err), &err);
        if (view.width != cases[i].seen_width || view.height != cases[i].seen_height)
            fail_msg("%s of %lldx%lld: %lldx%lld", cases[i].rule ? cases[i].rule : "none", (long long)cases[i].width,
                     (long long)cases[i].height, (long long)view.width, (long long)view.height);
        assert_int_equal(view.original_width, cases[i].width);
    }
    gad_preprocess s = {0};
    static const char *const wrong[] = {"", "0", "-5", "12px", "canvass", "9999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(gad_preprocess_rule(wrong[i], &s, &err), GAD_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_read_refused),
        cmocka_unit_test(test_sizes_published),
        cmocka_unit_test(test_sizes_fixture),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_resized),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_processor_names),
    };
    return cmocka_run_group_tests_name("model/preprocess", tests, NULL, NULL);
}
