/* model_hash: the hash of an engine names the whole checkpoint: equal for a copy, another one when a single byte of the
 * weights or the configuration differs. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/support.h"

static const char model[] = GAD_SOURCE_DIR "/tests/fixtures/qwen25/model", copy[] = GAD_TEST_TMP "/copy";

static void copy_model(void)
{
    gad_error err;
    gad_file_names names;
    ASSERT_OK(gad_file_remove(copy, &err), &err);
    ASSERT_OK(gad_file_make_directory(copy, &err), &err);
    ASSERT_OK(gad_file_list(model, &names, &err), &err);
    for (size_t i = 0; i < names.count; i++) {
        char *data;
        size_t size;
        ASSERT_OK(gad_file_read(support_scratch(model, names.name[i]), 1 << 26, &data, &size, &err), &err);
        ASSERT_OK(gad_file_write(support_scratch(copy, names.name[i]), data, size, &err), &err);
        gad_memory_free(data);
    }
    gad_file_names_free(&names);
}

/* In a file of the copy, `find` becomes `replace`, of the same length; without them the last byte changes. */
static void change(const char *name, const char *find, const char *replace)
{
    gad_error err;
    char *data;
    size_t size;
    const char *path = support_scratch(copy, name);
    ASSERT_OK(gad_file_read(path, 1 << 26, &data, &size, &err), &err);
    char *at = find ? strstr(data, find) : data + size - 1;
    assert_non_null(at);
    if (find)
        memcpy(at, replace, strlen(replace));
    else
        *at ^= 1;
    ASSERT_OK(gad_file_write(path, data, size, &err), &err);
    gad_memory_free(data);
}

static char *hash_of(const char *folder)
{
    gad_error err;
    gad_engine *engine = NULL;
    gad_engine_options options = gad_engine_options_default();
    options.model = folder;
    ASSERT_OK(gad_engine_open(&options, &engine, &err), &err);
    char *hash = strdup(gad_engine_hash(engine));
    gad_engine_free(engine);
    return hash;
}

static void test_hash(void **state)
{
    (void)state;
    char *original = hash_of(model), *other;
    copy_model();
    assert_string_equal(other = hash_of(copy), original);
    free(other);
    change("model.safetensors", NULL, NULL); /* the last byte of the last tensor */
    assert_string_not_equal(other = hash_of(copy), original);
    free(other);
    copy_model();
    change("config.json", "\"rope_theta\": 1", "\"rope_theta\": 2");
    assert_string_not_equal(other = hash_of(copy), original);
    free(other);
    free(original);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
