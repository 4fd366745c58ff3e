/* subset: see subset.h */
#include "bench/subset.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

bool gad_subset_is_listed(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(name, list[i]))
            return true;
    return !count;
}

/* Forget the index of ids: it counts places in the list. */
static void shorten(gad_items *items, size_t count)
{
    items->count = count;
    gad_memory_free(items->slot);
    items->slot = NULL;
    items->slots = 0;
}

void gad_subset_filter(gad_items *items, const char *const *datasets, size_t dataset_count, const char *const *categories,
                       size_t category_count)
{
    size_t kept = 0;
    for (size_t i = 0; i < items->count; i++)
        if (gad_subset_is_listed(items->item[i].dataset, datasets, dataset_count) &&
            gad_subset_is_listed(items->item[i].category, categories, category_count))
            items->item[kept++] = items->item[i];
    shorten(items, kept);
}

typedef struct lot {
    const gad_item *item;
    uint64_t draw;
    bool taken;
} lot;

typedef struct stratum {
    size_t first, size, take; /* lots first..first + size */
    bool anomalous;
} stratum;

static int compare_names(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int by_stratum(const gad_item *a, const gad_item *b)
{
    int order = (int)a->anomalous - (int)b->anomalous;
    if (!order)
        order = compare_names(a->dataset, b->dataset);
    if (!order)
        order = compare_names(a->task, b->task);
    return order ? order : compare_names(a->category, b->category);
}

static int by_stratum_and_draw(const void *a, const void *b)
{
    const lot *x = a, *y = b;
    int order = by_stratum(x->item, y->item);
    if (!order)
        order = (x->draw > y->draw) - (x->draw < y->draw);
    return order ? order : strcmp(x->item->id, y->item->id);
}

static int by_place(const void *a, const void *b)
{
    const gad_item *x = ((const lot *)a)->item, *y = ((const lot *)b)->item;
    return (x > y) - (x < y);
}

/* Strata of the sorted lots, each with its systematic share: lot i of N is taken where (i * limit + start) / N steps up. */
static size_t find_strata(const lot *lots, size_t n, size_t limit, size_t start, stratum *strata)
{
    size_t count = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && !by_stratum(lots[i].item, lots[end].item);)
            end++;
        size_t take = (end * limit + start) / n - (i * limit + start) / n;
        strata[count++] = (stratum){.first = i, .size = end - i, .take = take, .anomalous = lots[i].item->anomalous};
    }
    return count;
}

/* The stratum with most items to spare, of a label or (label < 0) of any; NULL when none has two. */
static stratum *find_donor(stratum *strata, size_t count, int label)
{
    stratum *donor = NULL;
    for (size_t i = 0; i < count; i++)
        if (strata[i].take > 1 && (label < 0 || strata[i].anomalous == (label == 1)) &&
            (!donor || strata[i].take > donor->take))
            donor = &strata[i];
    return donor;
}

static void fill_empty(stratum *strata, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strata[i].take)
            continue;
        stratum *donor = find_donor(strata, count, strata[i].anomalous);
        if (!donor)
            donor = find_donor(strata, count, -1);
        if (!donor)
            return;
        donor->take--;
        strata[i].take++;
    }
}

gad_status gad_subset_draw(gad_items *items, int64_t limit, uint64_t seed, gad_error *err)
{
    size_t n = items->count, wanted = (size_t)limit;
    if (limit < 0 || (uint64_t)limit > UINT32_MAX)
        return gad_error_set(err, GAD_E_ARGUMENT, "draw samples", NULL, "%lld samples are wanted", (long long)limit);
    if (!limit || wanted >= n)
        return GAD_OK;
    lot *lots = gad_memory_alloc(n, sizeof *lots);
    stratum *strata = gad_memory_alloc(n, sizeof *strata);
    if (!lots || !strata) {
        gad_memory_free(lots);
        gad_memory_free(strata);
        return gad_error_memory(err, "draw samples", n * sizeof *lots);
    }
    for (size_t i = 0; i < n; i++) {
        const char *id = items->item[i].id;
        gad_rng rng = gad_rng_make(seed, gad_hash_bytes(id, strlen(id)).low);
        lots[i] = (lot){&items->item[i], gad_rng_u64(&rng), false};
    }
    gad_rng rng = gad_rng_make(seed, 0);
    qsort(lots, n, sizeof *lots, by_stratum_and_draw);
    size_t count = find_strata(lots, n, wanted, (size_t)(gad_rng_uniform(&rng) * (double)n), strata);
    fill_empty(strata, count);
    for (size_t s = 0; s < count; s++)
        for (size_t i = 0; i < strata[s].take; i++)
            lots[strata[s].first + i].taken = true;
    qsort(lots, n, sizeof *lots, by_place);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (lots[i].taken)
            items->item[kept++] = items->item[i];
    shorten(items, kept);
    gad_memory_free(lots);
    gad_memory_free(strata);
    return GAD_OK;
}
