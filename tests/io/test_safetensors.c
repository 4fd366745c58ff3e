/* safetensors: files that must be refused, each with its own message; what is written is read back; the layout of the
 * reference writer; shards and their index. */
#include "base/file.h"
#include "base/memory.h"
#include "io/safetensors.h"
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gad_error err;

static const char *scratch(const char *name)
{
    return support_scratch(GAD_TEST_TMP, name);
}

/* A file of the length word, `header` and `data_bytes` zeros. */
static const char *put(const char *name, const char *header, size_t header_bytes, size_t data_bytes)
{
    static char text[1 << 16];
    assert_true(8 + header_bytes + data_bytes <= sizeof text);
    memset(text, 0, sizeof text);
    for (int i = 0; i < 8; i++)
        text[i] = (char)((uint64_t)header_bytes >> 8 * i);
    memcpy(text + 8, header, header_bytes);
    const char *path = scratch(name);
    ASSERT_OK(gad_file_write(path, text, 8 + header_bytes + data_bytes, &err), &err);
    return path;
}

static void assert_refused(const char *path, const char *words)
{
    gad_safetensors *set = NULL;
    gad_status status = gad_safetensors_open(path, &set, &err);
    if (status == GAD_OK || set)
        fail_msg("accepted, but should say \"%s\"", words);
    if (!strstr(err.cause, words) || !strstr(err.cause, gad_file_name(path)))
        fail_msg("\"%s\" does not name the file and say \"%s\"", err.cause, words);
}

#define TENSOR(dtype, shape, offsets) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define A(dtype, shape, offsets) "{\"a\":" TENSOR(dtype, shape, offsets) "}"

/* Every header is a case of the format's must-reject list. */
static void test_malformed_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data_bytes;
        const char *words;
    } cases[] = {
        {"", 0, "line 1"},
        {"nonsense", 0, "line 1"},
        {"[]", 0, "not a JSON object"},
        {"{\"a\":1}", 0, "tensor a: entry is not an object"},
        {"{} {}", 0, "end of file expected"},
        {"{\"a\":", 0, "line 1"},
        {"{\"\xff\":" TENSOR("F32", "[1]", "[0,4]") "}", 4, "unable to decode byte"},
        {"{\"\xc3\x28\":" TENSOR("F32", "[1]", "[0,4]") "}", 4, "unable to decode byte"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor a: \"dtype\" is not a string"},
        {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor a: \"dtype\" is not a string"},
        {A("F33", "[1]", "[0,4]"), 4, "tensor a: unknown dtype \"F33\""},
        {A("f32", "[1]", "[0,4]"), 4, "unknown dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "tensor a: \"shape\" is not a list"},
        {A("F32", "4", "[0,4]"), 4, "\"shape\" is not a list"},
        {A("F32", "[-1]", "[0,4]"), 4, "size 0 of the shape is not a whole number"},
        {A("F32", "[1,1.0]", "[0,4]"), 4, "size 1 of the shape is not a whole number"},
        {A("F32", "[\"1\"]", "[0,4]"), 4, "size 0 of the shape is not a whole number"},
        {A("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "rank 9 is more than 8"},
        {A("F32", "[9223372036854775808]", "[0,4]"), 4, "too big integer"},
        {A("F32", "[4294967296,4294967296]", "[0,4]"), 4, "product overflows"},
        {A("F32", "[2305843009213693952]", "[0,4]"), 4, "size in bits overflows"},
        {A("F32", "[1152921504606846976]", "[0,4]"), 4, "size in bits overflows"},
        {A("F4", "[3]", "[0,2]"), 2, "12 bits are not whole bytes"},
        {A("F6_E2M3", "[2]", "[0,2]"), 2, "12 bits are not whole bytes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "\"data_offsets\" is not a pair"},
        {A("F32", "[1]", "[0]"), 4, "\"data_offsets\" is not a pair"},
        {A("F32", "[1]", "[0,4,4]"), 4, "\"data_offsets\" is not a pair"},
        {A("F32", "[1]", "[0,4.0]"), 4, "\"data_offsets\" is not a pair"},
        {A("F32", "[1]", "[-4,0]"), 4, "negative data offset"},
        {A("F32", "[1]", "[4,0]"), 4, "data ends (0) before it begins (4)"},
        {A("F32", "[2]", "[0,4]"), 4, "4 bytes of data, but shape and dtype need 8"},
        {A("F32", "[1]", "[0,8]"), 8, "8 bytes of data, but shape and dtype need 4"},
        {A("F32", "[1]", "[0,4]"), 3, "beyond the 3 bytes"},
        {A("F32", "[1]", "[9007199254740992,9007199254740996]"), 4, "beyond the 4 bytes"},
        {A("F32", "[1]", "[0,4]"), 5, "1 bytes after the last tensor"},
        {A("F32", "[1]", "[4,8]"), 8, "tensor a: a gap of 4 bytes after the header"},
        {"{\"a\":" TENSOR("F32", "[1]", "[0,4]") ",\"b\":" TENSOR("F32", "[1]", "[8,12]") "}", 12,
         "tensor b: a gap of 4 bytes after a"},
        {"{\"a\":" TENSOR("F32", "[1]", "[0,4]") ",\"b\":" TENSOR("F32", "[1]", "[2,6]") "}", 6,
         "tensor b: overlaps a by 2 bytes"},
        {"{\"a\":" TENSOR("F32", "[1]", "[0,4]") ",\"b\":" TENSOR("F32", "[1]", "[0,4]") "}", 4, "by 4 bytes"},
        {"{\"a\":" TENSOR("F32", "[1]", "[0,4]") ",\"a\":" TENSOR("F32", "[1]", "[4,8]") "}", 8, "duplicate"},
        {"{}", 1, "1 bytes after the last tensor"},
        {"{\"__metadata__\":3}", 0, "\"__metadata__\" is not an object"},
        {"{\"__metadata__\":{\"format\":1}}", 0, "metadata \"format\" is not a string"},
        {"{\"a\":{\"x\":[[[[[[[[[]]]]]]]]]}}", 0, "nested more than 8 deep"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(put("bad.safetensors", cases[i].header, strlen(cases[i].header), cases[i].data_bytes),
                       cases[i].words);
}

static void test_malformed_lengths(void **state)
{
    (void)state;
    const char *path = scratch("length.safetensors");
    ASSERT_OK(gad_file_write(path, "", 0, &err), &err);
    assert_refused(path, "0 bytes are too few");
    ASSERT_OK(gad_file_write(path, "\2\0\0\0\0\0\0", 7, &err), &err);
    assert_refused(path, "7 bytes are too few");
    ASSERT_OK(gad_file_write(path, "\3\0\0\0\0\0\0\0{}", 10, &err), &err);
    assert_refused(path, "header of 3 bytes in a file of 10 bytes");
    ASSERT_OK(gad_file_write(path, "\1\xe1\xf5\5\0\0\0\0{}", 10, &err), &err); /* 100,000,001 */
    assert_refused(path, "more than the format's limit");
    ASSERT_OK(gad_file_write(path, "\377\377\377\377\377\377\377\377{}", 10, &err), &err);
    assert_refused(path, "more than the format's limit");
    assert_refused(scratch("absent.safetensors"), "No such file");
    assert_refused(put("nul.safetensors", "{\"a\\u0000b\":1}", 14, 0), "line 1");
    static char name[4096];
    snprintf(name, sizeof name, "{\"%0*d\":{}}", 2000, 1);
    assert_refused(put("name.safetensors", name, strlen(name), 0), "name of more than 1024 bytes");
}

/* Rank 0, zero sizes, an empty header, padding, NaN, unknown keys in an entry, data in any order. */
static void test_allowed(void **state)
{
    (void)state;
    gad_safetensors *set = NULL;
    ASSERT_OK(gad_safetensors_open(put("empty.safetensors", "{}", 2, 0), &set, &err), &err);
    assert_int_equal(gad_safetensors_count(set), 0);
    assert_null(gad_safetensors_find(set, "a"));
    assert_null(gad_safetensors_metadata(set, "k"));
    gad_safetensors_free(set);
    const char *header = "  {\"__metadata__\":{\"k\":\"v\"},\"b\":" TENSOR("I64", "[]", "[1,9]") ",\n\"a\":" TENSOR(
        "U8", "[1]", "[0,1]") ",\"z\":{\"dtype\":\"F64\",\"shape\":[3,0],\"data_offsets\":[1,1],\"x\":1}, "
                              "\"q\":" TENSOR("F4", "[2]", "[9,10]") "}   ";
    ASSERT_OK(gad_safetensors_open(put("allowed.safetensors", header, strlen(header), 10), &set, &err), &err);
    assert_int_equal(gad_safetensors_count(set), 4);
    assert_string_equal(gad_safetensors_metadata(set, "k"), "v");
    assert_null(gad_safetensors_metadata(set, "other"));
    assert_string_equal(gad_safetensors_at(set, 0)->name, "a");
    assert_string_equal(gad_safetensors_at(set, 3)->name, "z");
    assert_null(gad_safetensors_at(set, 4));
    const gad_safetensors_tensor *b = gad_safetensors_find(set, "b"), *z = gad_safetensors_find(set, "z");
    assert_int_equal(b->rank, 0);
    assert_int_equal(b->count, 1);
    assert_int_equal(z->count, 0);
    int64_t value = 7;
    ASSERT_OK(gad_safetensors_copy_i64(b, 0, 1, &value, &err), &err); /* unaligned */
    assert_int_equal(value, 0);
    float none;
    ASSERT_OK(gad_safetensors_copy_f32(z, 0, 0, &none, &err), &err);
    assert_int_equal(gad_safetensors_copy_f32(b, 0, 1, &none, &err), GAD_E_UNSUPPORTED);
    assert_non_null(strstr(err.cause, "tensor b: dtype I64"));
    assert_int_equal(gad_safetensors_copy_i64(b, 1, 1, &value, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_safetensors_copy_i64(b, (size_t)-1, 2, &value, &err), GAD_E_ARGUMENT);
    gad_safetensors_free(set);
}

static gad_status produce_ramp(void *user, size_t offset_bytes, void *buffer, size_t size_bytes, gad_error *error)
{
    (void)error;
    size_t *calls = user;
    ++*calls;
    for (size_t i = 0; i < size_bytes / 4; i++) {
        float value = (float)(offset_bytes / 4 + i);
        memcpy((char *)buffer + 4 * i, &value, 4);
    }
    return GAD_OK;
}

static gad_status produce_failure(void *user, size_t offset_bytes, void *buffer, size_t size_bytes, gad_error *error)
{
    (void)user, (void)buffer, (void)size_bytes, (void)offset_bytes;
    snprintf(error->cause, sizeof error->cause, "out of ink");
    return GAD_E_DEVICE;
}

static void test_write_and_read(void **state)
{
    (void)state;
    static const float numbers[6] = {0, 1, -2, 0.5f, 1e30f, -0.0f};
    static const uint16_t halves[2] = {0x3F80, 0xC000};
    static const uint16_t f16[3] = {0x3C00, 0xC000, 0x7C00};
    static const int64_t ids[2] = {-5, 1ll << 40};
    static const int32_t small[2] = {-7, 9};
    static const uint8_t bytes[3] = {1, 200, 255};
    static const double wide[1] = {0.25};
    size_t calls = 0;
    gad_safetensors_item items[] = {
        {"u", GAD_SAFETENSORS_U8, 1, {3}, bytes, NULL, NULL},
        {"f", GAD_SAFETENSORS_F32, 2, {2, 3}, numbers, NULL, NULL},
        {"h", GAD_SAFETENSORS_BF16, 1, {2}, halves, NULL, NULL},
        {"g", GAD_SAFETENSORS_F16, 1, {3}, f16, NULL, NULL},
        {"ids", GAD_SAFETENSORS_I64, 1, {2}, ids, NULL, NULL},
        {"i", GAD_SAFETENSORS_I32, 1, {2}, small, NULL, NULL},
        {"ramp", GAD_SAFETENSORS_F32, 1, {600000}, NULL, produce_ramp, &calls},
        {"scalar", GAD_SAFETENSORS_F64, 0, {0}, wide, NULL, NULL},
        {"none", GAD_SAFETENSORS_F32, 2, {0, 5}, NULL, NULL, NULL},
    };
    enum { COUNT = sizeof items / sizeof items[0] };
    const char *path = scratch("written.safetensors");
    ASSERT_OK(gad_safetensors_write(path, items, COUNT, &err), &err);
    assert_int_equal(calls, 3);
    gad_safetensors *set = NULL;
    ASSERT_OK(gad_safetensors_open(path, &set, &err), &err);
    assert_int_equal(gad_safetensors_count(set), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        const gad_safetensors_tensor *t = gad_safetensors_find(set, items[i].name);
        assert_non_null(t);
        assert_int_equal(t->dtype, items[i].dtype);
        assert_int_equal(t->rank, items[i].rank);
        for (int d = 0; d < t->rank; d++)
            assert_int_equal(t->shape[d], items[i].shape[d]);
        size_t size = 0;
        ASSERT_OK(gad_safetensors_item_bytes(&items[i], &size, &err), &err);
        assert_int_equal(t->size_bytes, size);
        assert_int_equal((uintptr_t)t->data % (gad_safetensors_dtype_bits(t->dtype) / 8), 0); /* aligned in our files */
        if (items[i].data)
            assert_memory_equal(t->data, items[i].data, size);
    }
    float out[4];
    ASSERT_OK(gad_safetensors_copy_f32(gad_safetensors_find(set, "f"), 2, 3, out, &err), &err);
    assert_memory_equal(out, numbers + 2, 12);
    ASSERT_OK(gad_safetensors_copy_f32(gad_safetensors_find(set, "h"), 1, 1, out, &err), &err);
    assert_true(out[0] == -2);
    ASSERT_OK(gad_safetensors_copy_f32(gad_safetensors_find(set, "g"), 0, 2, out, &err), &err);
    assert_true(out[0] == 1 && out[1] == -2);
    ASSERT_OK(gad_safetensors_copy_f32(gad_safetensors_find(set, "scalar"), 0, 1, out, &err), &err);
    assert_true(out[0] == 0.25f);
    ASSERT_OK(gad_safetensors_copy_f32(gad_safetensors_find(set, "ramp"), 599998, 2, out, &err), &err);
    assert_true(out[0] == 599998 && out[1] == 599999);
    int64_t whole[3];
    ASSERT_OK(gad_safetensors_copy_i64(gad_safetensors_find(set, "ids"), 0, 2, whole, &err), &err);
    assert_true(whole[0] == -5 && whole[1] == 1ll << 40);
    ASSERT_OK(gad_safetensors_copy_i64(gad_safetensors_find(set, "i"), 0, 2, whole, &err), &err);
    assert_true(whole[0] == -7 && whole[1] == 9);
    ASSERT_OK(gad_safetensors_copy_i64(gad_safetensors_find(set, "u"), 1, 2, whole, &err), &err);
    assert_true(whole[0] == 200 && whole[1] == 255);
    gad_safetensors_free(set);
}

/* The bytes that the reference writer makes: larger dtype first, then by name; compact JSON padded to 8. */
static void test_layout(void **state)
{
    (void)state;
    static const float one = 1, two = 2;
    static const int64_t big = 3;
    gad_safetensors_item items[] = {
        {"b", GAD_SAFETENSORS_F32, 1, {1}, &two, NULL, NULL},
        {"a\"", GAD_SAFETENSORS_F32, 0, {0}, &one, NULL, NULL},
        {"c", GAD_SAFETENSORS_I64, 1, {1}, &big, NULL, NULL},
    };
    const char *path = scratch("layout.safetensors");
    ASSERT_OK(gad_safetensors_write(path, items, 3, &err), &err);
    static const char expected[] =
        "{\"__metadata__\":{\"format\":\"pt\"},\"c\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
        "\"a\\\"\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[8,12]},"
        "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}";
    char *text;
    size_t size;
    ASSERT_OK(gad_file_read(path, 1 << 20, &text, &size, &err), &err);
    assert_memory_equal(text + 8, expected, sizeof expected - 1);
    uint64_t length;
    memcpy(&length, text, 8);
    assert_int_equal(length % 8, 0);
    assert_int_equal(length, (sizeof expected - 1 + 7) / 8 * 8);
    assert_int_equal(size, 8 + length + 16);
    gad_memory_free(text);
}

static void test_write_refuses(void **state)
{
    (void)state;
    static const float one = 1;
    const char *path = scratch("refused.safetensors");
    ASSERT_OK(gad_file_write(path, "before", 6, &err), &err);
    gad_safetensors_item twice[] = {{"a", GAD_SAFETENSORS_F32, 0, {0}, &one, NULL, NULL},
                                    {"a", GAD_SAFETENSORS_F64, 0, {0}, &one, NULL, NULL}};
    assert_int_equal(gad_safetensors_write(path, twice, 2, &err), GAD_E_ARGUMENT);
    assert_non_null(strstr(err.cause, "two tensors are called a"));
    gad_safetensors_item bad[] = {{"a", GAD_SAFETENSORS_F32, 9, {1}, &one, NULL, NULL},
                                  {"a", GAD_SAFETENSORS_F32, 1, {-1}, &one, NULL, NULL},
                                  {"a", GAD_SAFETENSORS_F32, 2, {1ll << 40, 1ll << 40}, &one, NULL, NULL},
                                  {"a", GAD_SAFETENSORS_F4, 1, {1}, &one, NULL, NULL},
                                  {"a", GAD_SAFETENSORS_F32, 1, {1}, NULL, NULL, NULL},
                                  {"__metadata__", GAD_SAFETENSORS_F32, 1, {1}, &one, NULL, NULL},
                                  {"\xff", GAD_SAFETENSORS_F32, 1, {1}, &one, NULL, NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(gad_safetensors_write(path, &bad[i], 1, &err), GAD_E_ARGUMENT);
    gad_safetensors_item failing = {"a", GAD_SAFETENSORS_F32, 1, {1}, NULL, produce_failure, NULL};
    assert_int_equal(gad_safetensors_write(path, &failing, 1, &err), GAD_E_DEVICE);
    char *text;
    size_t size;
    ASSERT_OK(gad_file_read(path, 1 << 20, &text, &size, &err), &err);
    assert_string_equal(text, "before"); /* nothing half written */
    gad_memory_free(text);
}

static const char *fresh_folder(const char *name)
{
    const char *folder = scratch(name);
    ASSERT_OK(gad_file_remove(folder, &err), &err);
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
    return folder;
}

static void test_shards(void **state)
{
    (void)state;
    static const float numbers[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    gad_safetensors_item items[] = {
        {"w0", GAD_SAFETENSORS_F32, 1, {3}, numbers, NULL, NULL},
        {"w1", GAD_SAFETENSORS_F32, 1, {2}, numbers + 3, NULL, NULL},
        {"w2", GAD_SAFETENSORS_F32, 1, {4}, numbers + 5, NULL, NULL},
        {"w3", GAD_SAFETENSORS_F32, 1, {1}, numbers + 9, NULL, NULL},
    };
    const char *folder = fresh_folder("model");
    ASSERT_OK(gad_safetensors_write_sharded(folder, items, 4, 1000, &err), &err);
    assert_true(gad_file_exists(support_scratch(folder, "model.safetensors")));
    ASSERT_OK(gad_safetensors_write_sharded(folder, items, 4, 20, &err), &err); /* 12+8 | 16+4 */
    assert_false(gad_file_exists(support_scratch(folder, "model.safetensors")));
    assert_true(gad_file_exists(support_scratch(folder, "model-00002-of-00002.safetensors")));
    for (int way = 0; way < 2; way++) {
        gad_safetensors *set = NULL;
        const char *path = way ? support_scratch(folder, "model.safetensors.index.json") : folder;
        ASSERT_OK(gad_safetensors_open(path, &set, &err), &err);
        assert_int_equal(gad_safetensors_count(set), 4);
        for (size_t i = 0; i < 4; i++) {
            const gad_safetensors_tensor *t = gad_safetensors_find(set, items[i].name);
            assert_memory_equal(t->data, items[i].data, t->size_bytes);
        }
        assert_string_equal(gad_file_name(gad_safetensors_find(set, "w2")->file), "model-00002-of-00002.safetensors");
        gad_safetensors_free(set);
    }
    ASSERT_OK(gad_safetensors_write_sharded(folder, items, 4, 1, &err), &err); /* each larger than a shard: one each */
    assert_true(gad_file_exists(support_scratch(folder, "model-00004-of-00004.safetensors")));
    ASSERT_OK(gad_safetensors_write_sharded(folder, items, 4, 1000, &err), &err);
    assert_false(gad_file_exists(support_scratch(folder, "model.safetensors.index.json")));
}

static void test_malformed_index(void **state)
{
    (void)state;
    static const float one = 1;
    gad_safetensors_item items[] = {{"a", GAD_SAFETENSORS_F32, 0, {0}, &one, NULL, NULL},
                                    {"b", GAD_SAFETENSORS_F32, 0, {0}, &one, NULL, NULL}};
    const char *folder = fresh_folder("bad-index");
    assert_refused(folder, "neither model.safetensors nor model.safetensors.index.json");
    ASSERT_OK(gad_safetensors_write(support_scratch(folder, "a.safetensors"), items, 1, &err), &err);
    ASSERT_OK(gad_safetensors_write(support_scratch(folder, "b.safetensors"), items + 1, 1, &err), &err);
    ASSERT_OK(gad_safetensors_write(support_scratch(folder, "ab.safetensors"), items, 2, &err), &err);
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"{", "line 1"},
        {"[]", "\"weight_map\" is not an object"},
        {"{\"weight_map\":[]}", "\"weight_map\" is not an object"},
        {"{\"weight_map\":{\"a\":1}}", "tensor a: \"(not a string)\""},
        {"{\"weight_map\":{\"a\":\"\"}}", "tensor a: \"\" is not the plain name"},
        {"{\"weight_map\":{\"a\":\"../a.safetensors\"}}", "is not the plain name"},
        {"{\"weight_map\":{\"a\":\"..\"}}", "is not the plain name"},
        {"{\"weight_map\":{\"a\":\"/a.safetensors\"}}", "is not the plain name"},
        {"{\"weight_map\":{\"a\":\"x\\\\a.safetensors\"}}", "is not the plain name"},
        {"{\"weight_map\":{\"a\":\"c.safetensors\"}}", "shard of tensor a"},
        {"{\"weight_map\":{\"a\":\"a.safetensors\",\"c\":\"b.safetensors\"}}", "tensor c is not in b.safetensors"},
        {"{\"weight_map\":{\"a\":\"b.safetensors\",\"b\":\"a.safetensors\"}}", "tensor a is not in b.safetensors"},
        {"{\"weight_map\":{\"a\":\"a.safetensors\",\"b\":\"ab.safetensors\"}}", "tensor a is in two shards"},
        {"{\"weight_map\":{\"a\":\"a.safetensors\",\"a\":\"a.safetensors\"}}", "duplicate"},
    };
    const char *index = support_scratch(folder, "model.safetensors.index.json");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ASSERT_OK(gad_file_write(index, cases[i].text, strlen(cases[i].text), &err), &err);
        gad_safetensors *set = NULL;
        if (gad_safetensors_open(folder, &set, &err) == GAD_OK || !strstr(err.cause, cases[i].words))
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].text, err.cause, cases[i].words);
    }
    const char *good = "{\"metadata\":{\"total_size\":1},\"weight_map\":{\"a\":\"a.safetensors\",\"b\":\"b.safetensors\"}}";
    ASSERT_OK(gad_file_write(index, good, strlen(good), &err), &err);
    gad_safetensors *set = NULL;
    ASSERT_OK(gad_safetensors_open(folder, &set, &err), &err);
    assert_int_equal(gad_safetensors_count(set), 2);
    gad_safetensors_free(set);
}

/* Every entry of a fixture folder: n_... must be refused, y_... accepted. */
static void check_fixtures(const char *folder, const char *extension)
{
    gad_file_names names = {0};
    if (!gad_file_is_directory(support_source(folder)))
        fail_msg("%s: %s", folder, "no such fixtures");
    ASSERT_OK(gad_file_list(support_source(folder), &names, &err), &err);
    size_t accepted = 0, refused = 0;
    for (size_t i = 0; i < names.count; i++) {
        if (!gad_file_has_extension(names.name[i], extension))
            continue;
        gad_safetensors *set = NULL;
        bool good = names.name[i][0] == 'y';
        gad_status status = gad_safetensors_open(support_scratch(support_source(folder), names.name[i]), &set, &err);
        if (good != (status == GAD_OK))
            fail_msg("%s: %s", names.name[i], status ? err.cause : "accepted");
        gad_safetensors_free(set);
        accepted += good;
        refused += !good;
    }
    assert_true(accepted > 3 && refused > 15);
    gad_file_names_free(&names);
}

static void test_malformed_fixtures(void **state)
{
    (void)state;
    check_fixtures("tests/fixtures/malformed/safetensors", "safetensors");
}

static void test_index_fixtures(void **state)
{
    (void)state;
    check_fixtures("tests/fixtures/malformed/index", "");
}

/* A checkpoint saved by transformers, read and written again, is the same file to the byte. */
static void test_same_as_reference(void **state)
{
    (void)state;
    const char *original = support_source("tests/fixtures/qwen25/model/model.safetensors");
    if (!gad_file_exists(original))
        fail_msg("same_as_reference: no model fixture");
    gad_safetensors *set = NULL;
    ASSERT_OK(gad_safetensors_open(original, &set, &err), &err);
    size_t count = gad_safetensors_count(set);
    gad_safetensors_item *items = calloc(count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        const gad_safetensors_tensor *t = gad_safetensors_at(set, i);
        items[i] = (gad_safetensors_item){.name = t->name, .dtype = t->dtype, .rank = t->rank, .data = t->data};
        memcpy(items[i].shape, t->shape, sizeof t->shape);
    }
    const char *copy = scratch("copy.safetensors");
    ASSERT_OK(gad_safetensors_write(copy, items, count, &err), &err);
    gad_file_map a, b;
    ASSERT_OK(gad_file_map_open(original, &a, &err), &err);
    ASSERT_OK(gad_file_map_open(copy, &b, &err), &err);
    assert_int_equal(a.size_bytes, b.size_bytes);
    assert_memory_equal(a.data, b.data, a.size_bytes);
    gad_file_map_close(&a);
    gad_file_map_close(&b);
    free(items);
    gad_safetensors_free(set);
}

/* Memory that ends at the n-th request, for every n: a clean error, and a leak checker finds nothing. */
static size_t requests_left;
static void *limited_allocate(void *user, size_t size_bytes)
{
    (void)user;
    return requests_left && requests_left-- ? malloc(size_bytes) : NULL;
}
static void *limited_resize(void *user, void *old, size_t size_bytes)
{
    (void)user;
    return requests_left && requests_left-- ? realloc(old, size_bytes) : NULL;
}
static void limited_release(void *user, void *old)
{
    (void)user;
    free(old);
}

static void test_no_memory(void **state)
{
    (void)state;
    static const float one = 1;
    gad_safetensors_item items[] = {{"a", GAD_SAFETENSORS_F32, 0, {0}, &one, NULL, NULL},
                                    {"b", GAD_SAFETENSORS_F32, 0, {0}, &one, NULL, NULL}};
    const char *folder = fresh_folder("no-memory");
    const gad_allocator limited = {limited_allocate, limited_resize, limited_release, NULL};
    gad_use_allocator(&limited);
    gad_status status = GAD_E_MEMORY;
    size_t n = 0;
    for (; status && n < 200; n++) {
        requests_left = n;
        status = gad_safetensors_write_sharded(folder, items, 2, 4, &err);
        gad_safetensors *set = NULL;
        if (!status)
            status = gad_safetensors_open(folder, &set, &err);
        gad_safetensors_free(set);
        if (status && status != GAD_E_MEMORY)
            break;
    }
    gad_use_allocator(NULL);
    ASSERT_OK(status, &err);
    assert_in_range(n, 10, 199);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_headers),
        cmocka_unit_test(test_malformed_lengths),
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_write_refuses),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_malformed_index),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_malformed_fixtures),
        cmocka_unit_test(test_index_fixtures),
        cmocka_unit_test(test_same_as_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
