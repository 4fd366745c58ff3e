/* verdict: a failure is never a verdict, and a threshold decides or is refused: the built program on a model of our own. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "e2e/program.h"
#include "io/image.h"

#define IMAGES "tests/fixtures/images/"
#define LEARNT "tests/fixtures/qwen25/"
#define GOOD IMAGES "plate.png"
#define PART IMAGES "bolt.png"
static char model[1024];
#define FAST "inspect", "--model", model, "--threads", "1", "--json", "--quiet", "--reason", "never"

static json_t *line_of(const program_result *r)
{
    json_error_t where;
    json_t *root = json_loads(r->out, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        fail_msg("not one JSON line: %s: %s", r->out, r->text);
    return root;
}

static const char *string_of(const json_t *root, const char *key)
{
    const char *text = json_string_value(json_object_get(root, key));
    return text ? text : "";
}

static double number_of(const json_t *root, const char *key)
{
    return json_number_value(json_object_get(root, key));
}

static void expect(const char *const *argument, int code, const char *said)
{
    program_result r = program_run(argument);
    if (r.code != code || (said && !strstr(r.text, said)))
        fail_msg("exit code %d, not %d, or \"%s\" is not said: %s", r.code, code, said ? said : "", r.text);
    program_free(&r);
}
#define EXPECT(code, said, ...) expect((const char *const[]){__VA_ARGS__, NULL}, code, said)

/* ---- numbers that are none ----------------------------------------------------------------------------------------- */

/* A copy of the model whose tensor with this name has one number that is none. */
static const char *spoil(const char *name, const char *tensor, uint32_t bits)
{
    gad_error err;
    char *bytes;
    size_t length;
    static char folder[1024];
    snprintf(folder, sizeof folder, "%s", support_scratch(GAD_TEST_TMP, name));
    static const char *const names[] = {"config.json", "preprocessor_config.json", "tokenizer.json",
                                        "tokenizer_config.json", "chat_template.json"};
    ASSERT_OK(gad_file_remove(folder, &err), &err);
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char from[2048], to[2048];
        snprintf(from, sizeof from, "%s/%s", model, names[i]);
        snprintf(to, sizeof to, "%s/%s", folder, names[i]);
        if (gad_file_exists(from))
            assert_int_equal(symlink(from, to), 0);
    }
    char weights[2048];
    snprintf(weights, sizeof weights, "%s/model.safetensors", model);
    ASSERT_OK(gad_file_read(weights, 1 << 28, &bytes, &length, &err), &err);
    uint64_t header_bytes;
    memcpy(&header_bytes, bytes, 8);
    json_t *header = json_loadb(bytes + 8, header_bytes, 0, NULL), *entry = json_object_get(header, tensor);
    assert_non_null(entry);
    size_t at = 8 + header_bytes + (size_t)json_integer_value(json_array_get(json_object_get(entry, "data_offsets"), 0));
    bool half = strcmp(string_of(entry, "dtype"), "F32") != 0;
    uint16_t upper = (uint16_t)(bits >> 16);
    memcpy(bytes + at, half ? (const void *)&upper : (const void *)&bits, half ? 2 : 4);
    json_decref(header);
    snprintf(weights, sizeof weights, "%s/model.safetensors", folder);
    ASSERT_OK(gad_file_write(weights, bytes, length, &err), &err);
    gad_memory_free(bytes);
    return folder;
}

static void check_spoilt(const char *tensor, uint32_t bits)
{
    static const char *const modes[] = {"never", "rejects", "always"};
    const char *folder = spoil("spoilt", tensor, bits);
    for (int i = 0; i < 3; i++) {
        program_result r = RUN("inspect", "--model", folder, "--threads", "1", "--json", "--quiet", "--reason", modes[i],
                               "--max-tokens", "4", "--ref", GOOD, PART);
        assert_int_equal(r.code, 1);
        json_t *line = line_of(&r);
        assert_non_null(strstr(string_of(line, "error"), "finite"));
        assert_null(json_object_get(line, "verdict"));
        json_decref(line);
        program_free(&r);
    }
}

static void test_not_finite(void **state)
{
    (void)state;
    const uint32_t nan_bits = 0x7FC00000u, infinity_bits = 0x7F800000u;
    check_spoilt("model.norm.weight", nan_bits);
    check_spoilt("model.norm.weight", infinity_bits);
    check_spoilt("difference.low.bias", nan_bits);
}

/* ---- thresholds ---------------------------------------------------------------------------------------------------- */

static void test_threshold_decides(void **state)
{
    (void)state;
    static const char *const modes[] = {"never", "rejects", "always"};
    for (int i = 0; i < 3; i++)
        for (int all = 0; all < 2; all++) {
            program_result r = RUN("inspect", "--model", model, "--threads", "1", "--json", "--quiet", "--reason", modes[i],
                                   "--max-tokens", "4", "--threshold", all ? "0" : "1", "--ref", GOOD, PART);
            assert_int_equal(r.code, 0);
            json_t *line = line_of(&r);
            const json_t *fast = json_object_get(line, "score_fast"), *slow = json_object_get(line, "score_reasoned");
            assert_true(number_of(line, "threshold") == (all ? 0 : 1));
            assert_string_equal(string_of(line, "threshold_source"), "given");
            if (i < 2) { /* the fast decision stands, whatever the words of a random model */
                assert_string_equal(string_of(line, "verdict"), all ? "anomalous" : "normal");
                assert_true(number_of(line, "score") == json_number_value(fast) && json_is_real(fast));
                assert_true(json_is_true(json_object_get(line, "reasoned")) == (i == 1 && all));
            } else { /* random words decide nothing */
                assert_true(json_is_null(fast) && json_is_null(slow));
                assert_string_equal(string_of(line, "verdict"), "unreadable");
            }
            json_decref(line);
            program_free(&r);
        }
    program_result r = RUN(FAST, "--ref", GOOD, PART);
    json_t *line = line_of(&r);
    assert_true(number_of(line, "threshold") == .5);
    assert_string_equal(string_of(line, "threshold_source"), "built in");
    json_decref(line);
    program_free(&r);
    r = RUN("inspect", "--model", model, "--json", "--quiet", "--max-tokens", "4", "--ref", GOOD, PART);
    line = line_of(&r);
    assert_true(json_is_null(json_object_get(line, "threshold")));
    json_decref(line);
    program_free(&r);
}

/* What a file was made with is what it is good for; followed hints lead to where it works. */
static void test_threshold_file(void **state)
{
    (void)state;
    char file[1024], reasoned[1024];
    snprintf(file, sizeof file, "%s", support_scratch(GAD_TEST_TMP, "fits.json"));
    snprintf(reasoned, sizeof reasoned, "%s", support_scratch(GAD_TEST_TMP, "reasoned.json"));
#define CALIBRATE "calibrate", "--threads", "1", "--rate", "0.4", "--confidence", "0.5"
    EXPECT(0, NULL, CALIBRATE, "--model", model, "--class", "gear", "--ref", GOOD, "--out", file, IMAGES "coin.png", PART);
    EXPECT(0, NULL, FAST, "--class", "gear", "--threshold", file, "--ref", GOOD, PART);
    EXPECT(1, "class: gear, not product", FAST, "--threshold", file, "--ref", GOOD, PART);
    EXPECT(1, "references", FAST, "--class", "gear", "--threshold", file, "--ref", IMAGES "coin.png", PART);
    EXPECT(1, "references", FAST, "--class", "gear", "--threshold", file, "--ref", GOOD, "--ref", IMAGES "coin.png", PART);
    EXPECT(1, "knowledge", FAST, "--class", "gear", "--knowledge", "dent", "--threshold", file, "--ref", GOOD, PART);
    EXPECT(1, "weights", FAST, "--class", "gear", "--quant", "q8", "--threshold", file, "--ref", GOOD, PART);
    EXPECT(1, "mode: fast, not reasoned", "inspect", "--model", model, "--class", "gear", "--threshold", file, "--ref",
           GOOD, PART);
    EXPECT(0, NULL, "inspect", "--model", model, "--quiet", "--class", "gear", "--reason", "rejects", "--max-tokens", "4",
           "--threshold", file, "--ref", GOOD, PART);
    /* as the hint says: again, with the options of the inspection */
    EXPECT(0, NULL, CALIBRATE, "--model", model, "--ref", IMAGES "coin.png", "--out", file, GOOD, PART);
    EXPECT(0, NULL, FAST, "--threshold", file, "--ref", IMAGES "coin.png", PART);
    EXPECT(1, "no readable decision", CALIBRATE, "--model", model, "--reasoned", "--max-tokens", "4", "--ref", GOOD,
           "--out", reasoned, PART); /* a random model decides nothing */
}

/* ---- what is needed ------------------------------------------------------------------------------------------------ */

static void test_reference_is_needed(void **state)
{
    (void)state;
    EXPECT(2, "--ref", FAST, PART);
    EXPECT(2, "--ref", "calibrate", "--model", model, PART);
    EXPECT(0, NULL, "inspect", "--model", LEARNT "model", "--reason", "never", PART); /* answers from what it has learnt */
}

static void test_adapter_is_no_model(void **state)
{
    (void)state;
    EXPECT(1, "--adapter", "inspect", "--model", LEARNT "lora_gate", "--ref", GOOD, PART);
}

/* ---- what is no picture of the product ----------------------------------------------------------------------------- */

/* It is said, it counts as rejected, and neither a threshold nor reasoning makes it a good part. */
static void test_unfamiliar(void **state)
{
    (void)state;
    gad_error err;
    gad_image black;
    char path[1024];
    snprintf(path, sizeof path, "%s", support_scratch(GAD_TEST_TMP, "black.png"));
    ASSERT_OK(gad_image_new(64, 64, 3, &black, &err), &err);
    memset(black.pixels, 0, 64 * 64 * 3);
    ASSERT_OK(gad_image_save_png(&black, path, &err), &err);
    gad_image_free(&black);
    static const char *const modes[] = {"never", "rejects", "always"};
    for (int i = 0; i < 3; i++) {
        program_result r = RUN("inspect", "--model", model, "--threads", "1", "--json", "--quiet", "--reason", modes[i],
                               "--max-tokens", "4", "--threshold", "1", "--fail-on", "anomaly", "--ref", GOOD, path);
        assert_int_equal(r.code, 3);
        json_t *line = line_of(&r);
        assert_string_equal(string_of(line, "verdict"), "unfamiliar");
        assert_true(number_of(line, "distance") > number_of(line, "distance_limit"));
        json_decref(line);
        program_free(&r);
    }
    program_result r = RUN(FAST, "--ref", GOOD, PART);
    json_t *line = line_of(&r);
    assert_true(number_of(line, "distance") < number_of(line, "distance_limit"));
    json_decref(line);
    program_free(&r);
}

/* The threshold that ships was made for the weights that ship: every change of the program keeps it. */
static void test_shipped_threshold(void **state)
{
    (void)state;
    program_result r = RUN("inspect", "--threads", "1", "--json", "--quiet", "--reason", "never", "--ref",
                           "samples/bottle/train/good/good.jpg", "samples/bottle/test/good/part_1.jpg");
    assert_int_equal(r.code, 0);
    json_t *line = line_of(&r);
    assert_string_equal(string_of(line, "threshold_source"), "threshold.json of the checkpoint");
    assert_string_equal(string_of(line, "verdict"), "normal");
    json_decref(line);
    program_free(&r);
}

static int make_model(void **state)
{
    (void)state;
    snprintf(model, sizeof model, "%s", support_scratch(GAD_TEST_TMP, "own"));
    EXPECT(0, NULL, "model", "new", "--preset", "xs", "--force", "--out", model);
    return 0;
}

int main(void)
{
    if (chdir(GAD_SOURCE_DIR))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_finite),          cmocka_unit_test(test_threshold_decides),
        cmocka_unit_test(test_threshold_file),      cmocka_unit_test(test_reference_is_needed),
        cmocka_unit_test(test_adapter_is_no_model), cmocka_unit_test(test_unfamiliar),
        cmocka_unit_test(test_shipped_threshold),
    };
    return cmocka_run_group_tests(tests, make_model, NULL);
}
