/* fuzz_row: any bytes as a run's rows.jsonl. What is read belongs to an item and is an answer or a failure; what is
 * appended after it comes back. */
#include "base/file.h"
#include "base/memory.h"
#include "bench/row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check(bool rule)
{
    if (!rule)
        __builtin_trap();
}

static bool read_rows(const char *folder, gad_items *items)
{
    gad_rows rows;
    if (gad_row_read(folder, items, &rows, NULL))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        check(!rows.of[i].id ||
              (rows.of[i].answered == (rows.of[i].text != NULL) && rows.of[i].answered == (rows.of[i].error == NULL)));
    check(rows.answered >= 0 && rows.answered + rows.failed <= (int64_t)items->count);
    gad_row_free(&rows);
    return true;
}

static void append_row(const char *folder, gad_items *items)
{
    const gad_row row = {.id = "b",
                         .answered = true,
                         .text = "<answer>No</answer>",
                         .score = (double)NAN,
                         .latency_s = (double)NAN,
                         .first_s = (double)NAN,
                         .map_offset = -1};
    gad_row_writer writer;
    gad_row mine = row;
    if (gad_row_open(&writer, folder, &(gad_share){0}, NULL))
        return;
    check(gad_row_append(&writer, &mine, NULL, NULL) == GAD_OK);
    check(gad_row_close(&writer, NULL) == GAD_OK);
    gad_rows rows;
    if (gad_row_read(folder, items, &rows, NULL))
        return; /* a bad line before it is still an error */
    check(rows.of[1].id && rows.of[1].answered && !strcmp(rows.of[1].text, row.text));
    gad_row_free(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    char folder[] = "/tmp/gad-fuzz-row-XXXXXX";
    gad_items items = {0};
    gad_item item = {.id = "a", .dataset = "d", .category = "c", .image = "a.png", .width = 8, .height = 8};
    if (gad_item_add(&items, &item, NULL))
        return 0;
    item.id = "b";
    char *path = !gad_item_add(&items, &item, NULL) && mkdtemp(folder) ? gad_file_join(folder, "rows.jsonl") : NULL;
    if (path && gad_file_write(path, data, size_bytes, NULL) == GAD_OK) {
        read_rows(folder, &items);
        append_row(folder, &items);
    }
    if (path)
        gad_file_remove(folder, NULL);
    gad_memory_free(path);
    gad_item_free(&items);
    return 0;
}
