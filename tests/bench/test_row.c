/* item, row: what was stored comes back; a torn line costs that line only; a second writer is refused. */
#include "base/file.h"
#include "base/memory.h"
#include "bench/item.h"
#include "bench/row.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *folder(void)
{
    gad_error err;
    const char *path = support_scratch(GAD_TEST_TMP, "run");
    ASSERT_OK(gad_file_remove(path, &err), &err);
    ASSERT_OK(gad_file_make_directory(path, &err), &err);
    return path;
}

static gad_item plain_item(const char *id)
{
    return (gad_item){.id = id, .dataset = "d", .category = "c", .image = "a.png", .width = 10, .height = 10};
}

static void test_items_round_trip(void **state)
{
    (void)state;
    gad_error err;
    gad_items items = {0}, again = {0};
    const char *references[] = {"good/1.png", "good/2.png"}, *labels[] = {"worker's mark", "\"quoted\"\n"};
    const char *options[] = {"Yes.", "No."}, *knowledge[] = {"broken", "scratched"};
    gad_box boxes[] = {{1, 2, 3.25, 4}, {0.1, 0.2, 100, 200}};
    gad_item item = {.id = "mvtec/bottle/äöü",
                     .dataset = "mvtec",
                     .category = "bottle",
                     .title = "bottle",
                     .type = "broken_large",
                     .image = "x/y.png",
                     .mask = "x/y_mask.png",
                     .knowledge = knowledge,
                     .knowledge_count = 2,
                     .group = "test",
                     .anomalous = true,
                     .boxes_known = true,
                     .width = 900,
                     .height = 700,
                     .mask_threshold = 127,
                     .mask_index = true,
                     .reference = references,
                     .reference_count = 2,
                     .box = boxes,
                     .box_label = labels,
                     .box_count = 2,
                     .question = "Is there a defect?",
                     .task = "Anomaly Detection",
                     .option = options,
                     .option_count = 2,
                     .answer = 'B'};
    gad_item other = plain_item("b");
    const char *path = support_scratch(GAD_TEST_TMP, "items.jsonl");
    ASSERT_OK(gad_item_add(&items, &item, &err), &err);
    ASSERT_OK(gad_item_add(&items, &other, &err), &err);
    ASSERT_OK(gad_item_write(&items, path, &err), &err);
    ASSERT_OK(gad_item_read(path, &again, &err), &err);
    assert_int_equal(again.count, 2);
    const gad_item *r = &again.item[0];
    assert_string_equal(r->id, item.id);
    assert_string_equal(r->box_label[0], labels[0]);
    assert_string_equal(r->box_label[1], labels[1]);
    assert_memory_equal(r->box, boxes, sizeof boxes);
    assert_string_equal(r->reference[1], "good/2.png");
    assert_string_equal(r->option[1], "No.");
    assert_string_equal(r->knowledge[1], "scratched");
    assert_true(r->anomalous && r->boxes_known && r->mask_index && r->answer == 'B' && r->mask_threshold == 127);
    assert_null(again.item[1].mask);
    int64_t index;
    ASSERT_OK(gad_item_find(&again, "b", &index, &err), &err);
    assert_int_equal(index, 1);
    ASSERT_OK(gad_item_find(&again, "nobody", &index, &err), &err);
    assert_int_equal(index, -1);
    gad_item_free(&again);
    ASSERT_OK(gad_item_add(&items, &other, &err), &err); /* the same id again */
    ASSERT_OK(gad_item_write(&items, path, &err), &err);
    assert_int_equal(gad_item_read(path, &again, &err), GAD_E_FORMAT);
    gad_item_free(&items);
}

static void test_bad_items(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"id\":\"a\"}",
        "{\"id\":\"a\",\"dataset\":\"d\",\"category\":\"c\",\"image\":\"i\",\"boxes\":[[1,2,3]],\"labels\":[\"\"]}",
        "{\"id\":\"a\",\"dataset\":\"d\",\"category\":\"c\",\"image\":\"i\",\"boxes\":[[1,2,3,4]]}",
        "{\"id\":\"a\",\"dataset\":\"d\",\"category\":\"c\",\"image\":\"i\",\"width\":-1}",
        "{\"id\":\"a\",\"dataset\":\"d\",\"category\":\"c\",\"image\":\"i\",\"options\":[7]}",
        "[1]",
        "{",
    };
    const char *path = support_scratch(GAD_TEST_TMP, "bad.jsonl");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gad_error err;
        gad_items items = {0};
        ASSERT_OK(gad_file_write(path, bad[i], strlen(bad[i]), &err), &err);
        assert_int_equal(gad_item_read(path, &items, &err), GAD_E_FORMAT);
        assert_non_null(strstr(err.cause, "bad.jsonl, line 1"));
    }
}

static gad_items three_items(void)
{
    gad_items items = {0};
    gad_error err;
    for (const char *id = "abc"; *id; id++) {
        char name[2] = {*id, 0};
        gad_item item = plain_item(name);
        ASSERT_OK(gad_item_add(&items, &item, &err), &err);
    }
    return items;
}

static gad_row answer_row(const char *id, const char *text)
{
    return (gad_row){.id = id,
                     .answered = true,
                     .text = text,
                     .finish = "stop",
                     .prompt_tokens = 7,
                     .answer_tokens = -1,
                     .attempts = 1,
                     .score = 0.1 + 0.2,
                     .latency_s = 1.5,
                     .first_s = NAN,
                     .input_width = -1,
                     .input_height = -1,
                     .map_offset = -1};
}

static void append(const char *path, const gad_row *row, const float *map)
{
    gad_error err;
    gad_row_writer writer;
    ASSERT_OK(gad_row_open(&writer, path, &(gad_share){0}, &err), &err);
    ASSERT_OK(gad_row_append(&writer, row, map, &err), &err);
    ASSERT_OK(gad_row_close(&writer, &err), &err);
}

static void test_rows_round_trip(void **state)
{
    (void)state;
    const char *path = folder();
    gad_error err;
    gad_items items = three_items();
    gad_rows rows;
    ASSERT_OK(gad_row_read(path, &items, &rows, &err), &err); /* nothing there yet */
    assert_int_equal(rows.answered + rows.failed, 0);
    gad_row_free(&rows);
    float map[6] = {1, 2, 3, 4, 5, 6}, *read_map;
    gad_row row = answer_row("b", "line one\nline \"two\"\t\xF0\x9F\x98\x80"),
            failed = {.id = "a", .error = "HTTP 500", .score = NAN};
    row.map_width = 3;
    row.map_height = 2;
    append(path, &failed, NULL);
    append(path, &row, map);
    append(path, &row, map); /* asked again: the second map lies behind the first */
    ASSERT_OK(gad_row_read(path, &items, &rows, &err), &err);
    assert_int_equal(rows.answered, 1);
    assert_int_equal(rows.failed, 1);
    assert_int_equal(rows.repeated, 1);
    assert_string_equal(rows.of[1].text, row.text);
    assert_true(rows.of[1].score == 0.1 + 0.2 && isnan(rows.of[1].first_s) && rows.of[1].answer_tokens == -1);
    assert_int_equal(rows.of[1].map_offset, sizeof map);
    assert_false(rows.of[0].answered);
    assert_string_equal(rows.of[0].error, "HTTP 500");
    assert_null(rows.of[2].id);
    ASSERT_OK(gad_row_map(path, &rows.of[1], &read_map, &err), &err);
    assert_memory_equal(read_map, map, sizeof map);
    gad_memory_free(read_map);
    gad_row_free(&rows);
    /* power was lost between map and row data reaching the disk: the row counts as not asked */
    ASSERT_OK(gad_file_write(support_scratch(GAD_TEST_TMP, "run/maps.f32"), "", 0, &err), &err);
    ASSERT_OK(gad_row_read(path, &items, &rows, &err), &err);
    assert_int_equal(rows.answered, 0);
    gad_row_free(&rows);
    gad_item_free(&items);
}

static void test_torn_line(void **state)
{
    (void)state;
    const char *path = folder(), *file = support_scratch(GAD_TEST_TMP, "run/rows.jsonl");
    gad_error err;
    gad_items items = three_items();
    gad_rows rows;
    gad_row a = answer_row("a", "No"), b = answer_row("b", "Yes");
    append(path, &a, NULL);
    FILE *f = fopen(file, "ab");
    for (int i = 0; i < 3000; i++)
        fputs("{\"id\":\"b\",\"te", f); /* longer than the piece in which the end is searched */
    fclose(f);
    ASSERT_OK(gad_row_read(path, &items, &rows, &err), &err);
    assert_true(rows.torn && rows.answered == 1);
    gad_row_free(&rows);
    append(path, &b, NULL);
    ASSERT_OK(gad_row_read(path, &items, &rows, &err), &err);
    assert_true(!rows.torn && rows.answered == 2);
    gad_row_free(&rows);
    static const char *const bad[] = {"{\"id\":\"a\",\"te\n{}\n", "{\"id\":\"z\",\"text\":\"\"}\n", "{\"id\":\"a\"}\n",
                                      "\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ASSERT_OK(gad_file_write(file, bad[i], strlen(bad[i]), &err), &err);
        assert_int_equal(gad_row_read(path, &items, &rows, &err), GAD_E_FORMAT);
        assert_non_null(strstr(err.cause, "rows.jsonl, line 1"));
    }
    gad_item_free(&items);
}

static void test_one_writer(void **state)
{
    (void)state;
    const char *path = folder();
    gad_error err;
    gad_row_writer first, second;
    ASSERT_OK(gad_row_open(&first, path, &(gad_share){0}, &err), &err);
    assert_int_equal(gad_row_open(&second, path, &(gad_share){0}, &err), GAD_E_ARGUMENT);
    ASSERT_OK(gad_row_close(&first, &err), &err);
    ASSERT_OK(gad_row_open(&second, path, &(gad_share){0}, &err), &err);
    ASSERT_OK(gad_row_close(&second, &err), &err);
}

/* Rows of processes side by side: an answer counts, in whichever file; a failure elsewhere does not replace it. */
static void test_parts(void **state)
{
    (void)state;
    const char *path = folder();
    gad_error err;
    gad_items items = three_items();
    gad_rows rows;
    float map[2] = {7, 8}, *read_map;
    gad_row a = answer_row("a", "No"), b = answer_row("b", "Yes"), failed = {.id = "b", .error = "HTTP 500", .score = NAN};
    b.map_width = 2;
    b.map_height = 1;
    const gad_row *row[] = {&a, &b, &failed};
    const gad_share part[] = {{0, 0}, {0, 2}, {1, 2}};
    for (int i = 0; i < 3; i++) {
        gad_row_writer writer;
        ASSERT_OK(gad_row_open(&writer, path, &part[i], &err), &err);
        ASSERT_OK(gad_row_append(&writer, row[i], i == 1 ? map : NULL, &err), &err);
        ASSERT_OK(gad_row_close(&writer, &err), &err);
    }
    ASSERT_OK(gad_row_read(path, &items, &rows, &err), &err);
    assert_int_equal(rows.answered, 2);
    assert_int_equal(rows.failed, 0);
    assert_string_equal(rows.of[1].text, "Yes");
    ASSERT_OK(gad_row_map(path, &rows.of[1], &read_map, &err), &err);
    assert_memory_equal(read_map, map, sizeof map);
    gad_memory_free(read_map);
    gad_row_free(&rows);
    gad_item_free(&items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_round_trip), cmocka_unit_test(test_bad_items),
        cmocka_unit_test(test_rows_round_trip),  cmocka_unit_test(test_parts),
        cmocka_unit_test(test_torn_line),        cmocka_unit_test(test_one_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
