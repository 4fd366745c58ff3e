/* gguf, gguf_block: what the reference package wrote and reads, and files that must be refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/gguf.h"
#include "io/gguf_block.h"
#include "support/support.h"

static gad_gguf open_fixture(void)
{
    gad_error err = {0};
    gad_gguf file;
    ASSERT_OK(gad_gguf_open(support_source("tests/fixtures/gguf/blocks.gguf"), &file, &err), &err);
    return file;
}

static void test_values(void **state)
{
    (void)state;
    gad_gguf file = open_fixture();
    gad_error err = {0};
    static const struct {
        const char *key;
        int64_t number;
    } integers[] = {
        {"test.u8", 200}, {"test.i8", -3}, {"test.i32", -70000}, {"test.u64", (INT64_C(1) << 40) + 1}, {"test.bool", 1}};
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        int64_t number = 0;
        const gad_gguf_value *v = gad_gguf_find(&file, integers[i].key);
        assert_non_null(v);
        ASSERT_OK(gad_gguf_integer(&file, v, 0, &number, &err), &err);
        assert_true(number == integers[i].number);
        assert_int_equal(gad_gguf_integer(&file, v, 1, &number, &err), GAD_E_FORMAT);
    }
    double number;
    ASSERT_OK(gad_gguf_number(&file, gad_gguf_find(&file, "test.f32"), 0, &number, &err), &err);
    assert_true(number == 0.5);
    ASSERT_OK(gad_gguf_number(&file, gad_gguf_find(&file, "test.f64"), 0, &number, &err), &err);
    assert_true(number == -1e-300);
    int64_t whole;
    assert_int_equal(gad_gguf_integer(&file, gad_gguf_find(&file, "test.f32"), 0, &whole, &err), GAD_E_FORMAT);
    assert_non_null(strstr(err.cause, "test.f32"));
    assert_null(gad_gguf_find(&file, "test.u"));
    gad_gguf_free(&file);
}

static void test_arrays(void **state)
{
    (void)state;
    gad_gguf file = open_fixture();
    gad_error err = {0};
    const gad_gguf_value *v = gad_gguf_find(&file, "test.integers");
    assert_true(v && v->is_array && v->count == 3);
    int64_t number;
    ASSERT_OK(gad_gguf_integer(&file, v, 1, &number, &err), &err);
    assert_int_equal(number, -1);
    static const char *const wanted[] = {"a", "", "<|im_end|>"};
    v = gad_gguf_find(&file, "test.texts");
    size_t offset = 0, n = 0;
    for (gad_gguf_string s; gad_gguf_next_string(v, &offset, &s); n++)
        assert_true(n < 3 && gad_gguf_string_is(s, wanted[n]));
    assert_int_equal(n, 3);
    offset = 0;
    gad_gguf_string text;
    assert_true(gad_gguf_next_string(gad_gguf_find(&file, "test.text"), &offset, &text));
    assert_true(gad_gguf_string_is(text, "Gr\303\274\303\237e"));
    gad_gguf_free(&file);
}

/* The products of the formats are the same expressions in the same order but for Q5_K and Q4_K, so one rounding may differ.
 */
static void test_blocks(void **state)
{
    (void)state;
    static const char *const kinds[] = {"F32",  "F16",  "BF16", "Q4_0", "Q4_1", "Q5_0",
                                        "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"};
    gad_gguf file = open_fixture();
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        char name[32];
        snprintf(name, sizeof name, "%s.numbers", kinds[k]);
        const gad_gguf_tensor *t = gad_gguf_find_tensor(&file, kinds[k]), *numbers = gad_gguf_find_tensor(&file, name);
        assert_true(t && numbers && t->rank == 2 && t->shape[0] == 3 && t->shape[1] == 512);
        const gad_gguf_block *block = gad_gguf_block_of(t->type);
        assert_string_equal(block->name, kinds[k]);
        assert_string_equal(gad_gguf_block_name(t->type), kinds[k]);
        float read[3 * 512], wanted[3 * 512];
        gad_gguf_block_read(block, t->data, 3 * 512, read);
        memcpy(wanted, numbers->data, sizeof wanted);
        support_assert_close(kinds[k], read, wanted, 3 * 512, 3e-7);
    }
    gad_gguf_free(&file);
}

static char *fixture_bytes(size_t *size)
{
    gad_error err = {0};
    char *bytes = NULL;
    ASSERT_OK(gad_file_read(support_source("tests/fixtures/gguf/blocks.gguf"), 1 << 20, &bytes, size, &err), &err);
    return bytes;
}

/* Cut anywhere, it is refused, with words that name the file. */
static void test_truncated(void **state)
{
    (void)state;
    size_t size;
    char *bytes = fixture_bytes(&size);
    for (size_t length = 0; length < size; length += length < 2048 ? 1 : 997) {
        char *cut = malloc(length ? length : 1); /* so that a sanitizer sees a read past the end */
        memcpy(cut, bytes, length);
        gad_gguf file;
        gad_error err = {0};
        assert_int_equal(gad_gguf_parse(cut, length, "cut.gguf", &file, &err), GAD_E_FORMAT);
        assert_non_null(strstr(err.cause, "cut.gguf"));
        free(cut);
    }
    gad_memory_free(bytes);
}

/* Writes a number over the bytes at `at` and says with what the file is refused. */
static gad_status patched(const char *bytes, size_t size, size_t at, uint64_t value, size_t width, gad_error *err)
{
    char *copy = malloc(size);
    memcpy(copy, bytes, size);
    for (size_t i = 0; i < width; i++)
        copy[at + i] = (char)(value >> (8 * i));
    gad_gguf file;
    gad_status status = gad_gguf_parse(copy, size, "bad.gguf", &file, err);
    if (!status)
        gad_gguf_free(&file);
    free(copy);
    return status;
}

static size_t find_bytes(const char *bytes, size_t size, const char *text)
{
    const char *at = memmem(bytes, size, text, strlen(text));
    assert_non_null(at);
    return (size_t)(at - bytes);
}

static void test_hostile(void **state)
{
    (void)state;
    size_t size;
    gad_error err = {0};
    char *bytes = fixture_bytes(&size);
    assert_int_equal(patched(bytes, size, 0, 0x47475546, 4, &err), GAD_E_FORMAT);   /* magic */
    assert_int_equal(patched(bytes, size, 4, 3 << 24, 4, &err), GAD_E_UNSUPPORTED); /* big-endian */
    assert_int_equal(patched(bytes, size, 4, 1, 4, &err), GAD_E_UNSUPPORTED);
    for (int field = 0; field < 2; field++) { /* counts of tensors and pairs */
        assert_int_equal(patched(bytes, size, 8 + 8 * (size_t)field, UINT64_MAX, 8, &err), GAD_E_FORMAT);
        assert_int_equal(patched(bytes, size, 8 + 8 * (size_t)field, UINT64_C(1) << 60, 8, &err), GAD_E_FORMAT);
    }
    size_t key = find_bytes(bytes, size, "test.integers");
    assert_int_equal(patched(bytes, size, key - 8, UINT64_MAX - 8, 8, &err), GAD_E_FORMAT);  /* length of a key */
    assert_int_equal(patched(bytes, size, key + 13, 13, 4, &err), GAD_E_FORMAT);             /* a type that is none */
    assert_int_equal(patched(bytes, size, key + 17, GAD_GGUF_ARRAY, 4, &err), GAD_E_FORMAT); /* an array of arrays */
    assert_int_equal(patched(bytes, size, key + 21, UINT64_MAX / 2, 8, &err), GAD_E_FORMAT); /* its length */
    assert_int_equal(patched(bytes, size, find_bytes(bytes, size, "test.i8") + 5, '3', 1, &err), GAD_OK);
    size_t tensor = find_bytes(bytes, size, "Q4_1");
    assert_int_equal(patched(bytes, size, tensor + 4, 5, 4, &err), GAD_E_FORMAT);                 /* dimensions */
    assert_int_equal(patched(bytes, size, tensor + 8, 511, 8, &err), GAD_E_FORMAT);               /* half a block */
    assert_int_equal(patched(bytes, size, tensor + 8, UINT64_C(1) << 62, 8, &err), GAD_E_FORMAT); /* the product wraps */
    assert_int_equal(patched(bytes, size, tensor + 8, UINT64_C(1) << 63, 8, &err), GAD_E_FORMAT); /* negative */
    assert_int_equal(patched(bytes, size, tensor + 24, 10, 4, &err), GAD_E_UNSUPPORTED);
    assert_non_null(strstr(err.cause, "\"Q4_1\" has type Q2_K"));
    assert_int_equal(patched(bytes, size, tensor + 28, 33, 8, &err), GAD_E_FORMAT); /* offset: unaligned, past the end */
    assert_int_equal(patched(bytes, size, tensor + 28, UINT64_MAX - 31, 8, &err), GAD_E_FORMAT);
    assert_non_null(strstr(err.cause, "past the end"));
    gad_memory_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),    cmocka_unit_test(test_arrays),  cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests_name("gguf", tests, NULL, NULL);
}
