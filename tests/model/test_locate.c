/* locate: a folder is itself, a bare name an installed model, and nothing the model that ships. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

static void assert_located(const char *model, const char *expected)
{
    char path[4096];
    gad_error err;
    ASSERT_OK(gad_model_locate(model, path, sizeof path, &err), &err);
    char *real = realpath(path, NULL); /* the build folder has a link to the models */
    assert_string_equal(real ? real : path, expected);
    free(real);
}

static void test_names(void **state)
{
    (void)state;
    char *shipped = realpath(GAD_SOURCE_DIR "/models/gad-s", NULL);
    char *own = realpath(GAD_TEST_TMP, NULL);
    assert_non_null(shipped);
    assert_int_equal(chdir("/"), 0); /* from any folder */
    assert_located(NULL, shipped);
    assert_located("gad-s", shipped);
    assert_located(GAD_TEST_TMP, own);
    assert_located("no-such-model", "no-such-model"); /* who opens it says that it is not there */
    assert_located("nowhere/gad-s", "nowhere/gad-s"); /* with a slash it is a path */
    free(shipped);
    free(own);
}

static void test_too_long(void **state)
{
    (void)state;
    char path[8] = "kept";
    gad_error err;
    assert_int_equal(gad_model_locate("a/long/folder", path, sizeof path, &err), GAD_E_LIMIT);
}

static void test_default_options(void **state)
{
    (void)state;
    gad_engine_options options = gad_engine_options_default();
    gad_engine *engine = NULL;
    gad_error err;
    ASSERT_OK(gad_engine_open(&options, &engine, &err), &err);
    assert_int_equal(strlen(gad_engine_hash(engine)), 32);
    gad_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_default_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
