/* fuzz_item: any bytes as a run's items.jsonl. What is read obeys the rules of items and comes back when it is written. */
#include "base/file.h"
#include "base/memory.h"
#include "bench/item.h"
#include "bench/subset.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check(bool rule)
{
    if (!rule)
        __builtin_trap();
}

static void check_item(const gad_item *item)
{
    check(item->id && item->dataset && item->category && item->image);
    check(item->width >= 0 && item->height >= 0 && (!item->box_count || item->box));
    for (size_t i = 0; i < item->reference_count; i++)
        check(item->reference[i] != NULL);
    for (size_t i = 0; i < item->option_count; i++)
        check(item->option[i] != NULL);
}

static void check_again(const gad_items *items, const char *path)
{
    gad_items again = {0};
    check(gad_item_write(items, path, NULL) == GAD_OK);
    check(gad_item_read(path, &again, NULL) == GAD_OK && again.count == items->count);
    for (size_t i = 0; i < items->count; i++)
        check(!strcmp(items->item[i].id, again.item[i].id) && items->item[i].box_count == again.item[i].box_count &&
              items->item[i].width == again.item[i].width);
    gad_item_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    char folder[] = "/tmp/gad-fuzz-item-XXXXXX";
    char *path = mkdtemp(folder) ? gad_file_join(folder, "items.jsonl") : NULL;
    gad_items items = {0};
    gad_error err = {0};
    if (path && gad_file_write(path, data, size_bytes, NULL) == GAD_OK) {
        if (gad_item_read(path, &items, &err) == GAD_OK) {
            for (size_t i = 0; i < items.count; i++)
                check_item(&items.item[i]);
            check_again(&items, path);
            check(gad_subset_draw(&items, 2, 1, NULL) == GAD_OK && items.count <= 2);
        } else {
            check(err.code && err.cause[0]);
        }
        gad_item_free(&items);
    }
    if (path)
        gad_file_remove(folder, NULL);
    gad_memory_free(path);
    return 0;
}
