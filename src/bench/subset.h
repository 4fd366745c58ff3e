/* subset: fewer items of a list: by name, or so many drawn by seed in proportion over label, data set, sub-task and
 * category. In: items. Out: the same list, shorter, in its order. Knows nothing of where items came from. */
#ifndef GAD_BENCH_SUBSET_H
#define GAD_BENCH_SUBSET_H
#include "bench/item.h"

/* How items are drawn; stands in run.json beside a limit. */
#define GAD_SUBSET_RULE "stratified-1: label, data set, sub-task, category"

/* Whether a filter lets a name through; an empty filter lets all through. */
bool gad_subset_is_listed(const char *name, const char *const *list, size_t count);
/* Keep the items of these data sets and categories; count 0: all. */
void gad_subset_filter(gad_items *items, const char *const *datasets, size_t dataset_count, const char *const *categories,
                       size_t category_count);
/* Keep `limit` of N items (0 or at least N: all). Items are ordered by label, data set, sub-task and category, inside these
 * by a hash of seed and id, and every N/limit-th is taken from a place drawn by the seed: each label and each stratum gets
 * its share, rounded up or down, and an item's place in the source has no influence. Then a stratum without an item gets
 * one from the largest of its label (of any label when there is none to spare), while the limit allows. Equal ids, limit
 * and seed, equal choice. */
gad_status gad_subset_draw(gad_items *items, int64_t limit, uint64_t seed, gad_error *err);
#endif
