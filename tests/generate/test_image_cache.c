/* image_cache: an image is encoded once; what is over the limit goes, least recently used first, and not while a prompt
 * needs it. */
#include <string.h>

#include "generate/speaking.h"

static const char *const names[] = {"plate", "bolt", "strip", "coin", "dot"};
enum { NAMES = 5 };

static void test_once(void **state)
{
    (void)state;
    gad_engine *engine = speaking_open("qwen25", 1);
    const gad_image_rows *rows[NAMES];
    size_t bytes = 0;
    for (size_t i = 0; i < NAMES; i++) {
        rows[i] = speaking_encode(engine, names[i], false);
        bytes += (size_t)rows[i]->tokens * (size_t)engine->model.config.text.hidden * sizeof(float);
    }
    assert_int_equal(engine->images.count, NAMES);
    assert_int_equal(engine->images.size_bytes, bytes);
    for (size_t i = 0; i < NAMES; i++)
        assert_ptr_equal(speaking_encode(engine, names[i], false), rows[i]);
    assert_int_equal(engine->images.count, NAMES);
    const gad_image_rows *changed = speaking_encode(engine, names[1], true);
    assert_int_equal(engine->images.count, NAMES + 1);
    assert_int_equal(changed->tokens, rows[1]->tokens);
    assert_memory_not_equal(changed->rows, rows[1]->rows, sizeof(float) * (size_t)changed->tokens);
    gad_engine_free(engine);
}

static void test_trim(void **state)
{
    (void)state;
    gad_engine *engine = speaking_open("qwen3", 1); /* DeepStack rows are kept, too */
    gad_image_cache *cache = &engine->images;
    const gad_image_rows *rows[NAMES];
    for (size_t i = 0; i < NAMES; i++)
        rows[i] = speaking_encode(engine, names[i], false);
    size_t last_two = 0;
    for (size_t i = 3; i < NAMES; i++)
        last_two += (size_t)rows[i]->tokens * 3 * (size_t)engine->model.config.text.hidden * sizeof(float);
    cache->limit_bytes = last_two + (size_t)rows[0]->tokens * 3 * (size_t)engine->model.config.text.hidden * sizeof(float);
    assert_ptr_equal(speaking_encode(engine, names[0], false), rows[0]); /* used last of all: stays */
    assert_int_equal(cache->count, NAMES);                               /* nothing goes before the trim */
    gad_image_cache_trim(cache);
    assert_int_equal(cache->count, 3);
    assert_int_equal(cache->size_bytes, cache->limit_bytes);
    assert_ptr_equal(speaking_encode(engine, names[0], false), rows[0]);
    assert_ptr_equal(speaking_encode(engine, names[3], false), rows[3]);
    assert_ptr_equal(speaking_encode(engine, names[4], false), rows[4]);
    speaking_encode(engine, names[1], false); /* encoded anew */
    assert_int_equal(cache->count, 4);
    cache->limit_bytes = 0;
    gad_image_cache_trim(cache);
    assert_int_equal(cache->count, 0);
    assert_int_equal(cache->size_bytes, 0);
    gad_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_once), cmocka_unit_test(test_trim)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
