/* bank: see bank.h */
#include "evidence/bank.h"

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "evidence/coreset.h"

#include <math.h>
#include <string.h>

enum { MAX_PARTS = 100000, BLOCK = 512 };
static const char operation[] = "remember good parts";

void gad_bank_free(gad_bank *bank)
{
    if (!bank)
        return;
    for (int64_t i = 0; i < bank->parts; i++)
        gad_memory_free(bank->part[i].name);
    gad_memory_free(bank->part);
    gad_memory_free(bank->whole);
    if (!bank->mapped)
        gad_memory_free_aligned(bank->rows);
    *bank = (gad_bank){0};
}

/* Room for `count` rows in memory of the bank's own. */
static gad_status reserve(gad_bank *bank, int64_t count, gad_error *err)
{
    if (!bank->mapped && count <= bank->capacity)
        return GAD_OK;
    const int64_t capacity = count > 2 * bank->capacity ? count : 2 * bank->capacity;
    size_t numbers = 0;
    uint16_t *rows = NULL;
    if (gad_memory_product((size_t)capacity, (size_t)bank->width, &numbers))
        rows = gad_memory_alloc_aligned(numbers, sizeof *rows);
    if (!rows)
        return gad_error_memory(err, operation, numbers * sizeof *rows);
    if (bank->count)
        memcpy(rows, bank->rows, (size_t)(bank->count * bank->width) * sizeof *rows);
    if (!bank->mapped)
        gad_memory_free_aligned(bank->rows);
    bank->rows = rows;
    bank->capacity = capacity;
    bank->mapped = false;
    return GAD_OK;
}

static gad_status add_part(gad_bank *bank, const char *name, const float *whole, int64_t cols, gad_error *err)
{
    gad_bank_part *part = gad_memory_resize(bank->part, (size_t)bank->parts + 1, sizeof *part);
    bank->part = part ? part : bank->part;
    float *wholes = gad_memory_resize(bank->whole, (size_t)((bank->parts + 1) * bank->width), sizeof *wholes);
    bank->whole = wholes ? wholes : bank->whole;
    char *copy = gad_memory_copy_string(name);
    if (!part || !wholes || !copy) {
        gad_memory_free(copy);
        return gad_error_memory(err, operation, (size_t)bank->width * sizeof *wholes);
    }
    memcpy(wholes + bank->parts * bank->width, whole, (size_t)bank->width * sizeof *wholes);
    part[bank->parts++] = (gad_bank_part){.name = copy, .first = bank->count, .cols = cols};
    return GAD_OK;
}

gad_status gad_bank_add(gad_bank *bank, const char *name, const gad_descriptors *view, int views, gad_error *err)
{
    int64_t more = 0;
    if (!bank->parts) {
        bank->width = view->width;
        bank->levels = view->levels;
    }
    for (int i = 0; i < views; i++) {
        if (view[i].width != bank->width)
            return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%s: descriptors of %lld numbers, not %lld", name,
                                 (long long)view[i].width, (long long)bank->width);
        more += view[i].rows * view[i].cols;
    }
    if (bank->parts >= MAX_PARTS)
        return gad_error_set(err, GAD_E_LIMIT, operation, "leave parts out", "more than %d good parts", MAX_PARTS);
    gad_status status = reserve(bank, bank->count + more, err);
    if (!status)
        status = add_part(bank, name, view->whole, view->cols, err);
    if (status)
        return status;
    uint16_t *to = bank->rows + bank->count * bank->width;
    for (int i = 0; i < views; i++)
        for (int64_t k = 0; k < view[i].rows * view[i].cols * bank->width; k++)
            *to++ = gad_half_to_bf16(view[i].data[k]);
    bank->part[bank->parts - 1].count = more;
    bank->count += more;
    return GAD_OK;
}

gad_status gad_bank_copy(const gad_bank *bank, const int64_t *part, int64_t count, gad_bank *copy, gad_error *err)
{
    gad_bank c = {.width = bank->width, .levels = bank->levels};
    int64_t rows = 0;
    for (int64_t i = 0; i < count; i++)
        rows += bank->part[part[i]].count;
    gad_status status = reserve(&c, rows, err);
    for (int64_t i = 0; !status && i < count; i++) {
        const gad_bank_part *from = &bank->part[part[i]];
        status = add_part(&c, from->name, bank->whole + part[i] * bank->width, from->cols, err);
        if (status)
            break;
        memcpy(c.rows + c.count * c.width, bank->rows + from->first * c.width,
               (size_t)(from->count * c.width) * sizeof *c.rows);
        c.part[i].count = from->count;
        c.count += from->count;
    }
    if (status)
        gad_bank_free(&c);
    else
        *copy = c;
    return status;
}

/* Keeps the rows `kept`, ascending. */
static void keep(gad_bank *bank, const int64_t *kept, int64_t count)
{
    const size_t bytes = (size_t)bank->width * sizeof *bank->rows;
    int64_t n = 0;
    for (int64_t p = 0; p < bank->parts; p++) {
        gad_bank_part *part = &bank->part[p];
        const int64_t end = part->first + part->count, first = n;
        for (; n < count && kept[n] < end; n++)
            memmove(bank->rows + n * bank->width, bank->rows + kept[n] * bank->width, bytes);
        part->first = first;
        part->count = n - first;
    }
    bank->count = n;
}

gad_status gad_bank_remove(gad_bank *bank, int64_t part, gad_error *err)
{
    gad_status status = reserve(bank, bank->count, err); /* a file's rows stay as they are */
    if (status)
        return status;
    const gad_bank_part gone = bank->part[part];
    const int64_t after = bank->count - gone.first - gone.count, later = bank->parts - part - 1;
    memmove(bank->rows + gone.first * bank->width, bank->rows + (gone.first + gone.count) * bank->width,
            (size_t)(after * bank->width) * sizeof *bank->rows);
    memmove(bank->whole + part * bank->width, bank->whole + (part + 1) * bank->width,
            (size_t)(later * bank->width) * sizeof *bank->whole);
    memmove(bank->part + part, bank->part + part + 1, (size_t)later * sizeof *bank->part);
    bank->count -= gone.count;
    bank->parts--;
    for (int64_t p = part; p < bank->parts; p++)
        bank->part[p].first -= gone.count;
    gad_memory_free(gone.name);
    return GAD_OK;
}

gad_status gad_bank_thin(gad_bank *bank, int64_t most, gad_error *err)
{
    if (bank->count <= most)
        return GAD_OK;
    gad_status status = reserve(bank, bank->count, err);
    if (status)
        return status;
    int64_t *kept = gad_memory_alloc((size_t)most, sizeof *kept);
    if (!kept)
        return gad_error_memory(err, operation, (size_t)most * sizeof *kept);
    status = gad_coreset_choose(bank->rows, bank->count, bank->width, most, kept, err);
    if (!status)
        keep(bank, kept, most);
    gad_memory_free(kept);
    return status;
}

/* cosine [queries] rises to that of rows first..last-1. */
static void compare_rows(const gad_bank *bank, gad_device *device, gad_tensor query, gad_tensor product, int64_t first,
                         int64_t last, float *cosine)
{
    for (int64_t from = first; from < last; from += BLOCK) {
        const int64_t count = last - from < BLOCK ? last - from : BLOCK;
        const gad_weight rows = {
            .data = bank->rows + from * bank->width, .dtype = GAD_BF16, .rows = count, .cols = bank->width};
        device->ops->linear(device, gad_tensor_cols(product, 0, count), query, rows, gad_tensor_none(), 1, false);
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < query.rows; i++) {
            const float *row = (const float *)product.data + i * product.stride;
            float best = cosine[i];
#pragma omp simd reduction(max : best)
            for (int64_t k = 0; k < count; k++)
                best = row[k] > best ? row[k] : best;
            cosine[i] = best;
        }
    }
}

gad_status gad_bank_compare(const gad_bank *bank, gad_device *device, const float *query, int64_t queries, int64_t except,
                            float *distance, gad_error *err)
{
    const gad_ops *ops = device->ops;
    gad_device_recover(device);
    const size_t mark = ops->mark(device);
    gad_tensor product = ops->take(device, queries, BLOCK);
    const void *data = ops->upload(device, query, (size_t)(queries * bank->width) * sizeof *query);
    gad_status status = gad_device_check(device, err);
    for (int64_t i = 0; i < queries; i++)
        distance[i] = 0;
    if (!status) {
        gad_tensor rows = gad_tensor_make((void *)(uintptr_t)data, GAD_F32, queries, bank->width);
        const int64_t skip = except < 0 ? bank->count : bank->part[except].first;
        const int64_t resume = except < 0 ? bank->count : skip + bank->part[except].count;
        compare_rows(bank, device, rows, product, 0, skip, distance);
        compare_rows(bank, device, rows, product, resume, bank->count, distance);
        for (int64_t i = 0; i < queries; i++)
            distance[i] = 1 - distance[i];
        status = gad_device_check(device, err);
    }
    ops->rewind(device, mark);
    return status;
}

/* Moves the `most` largest to the front, in any order (Hoare's selection). */
static void select_largest(float *value, int64_t count, int64_t most)
{
    int64_t low = 0, high = count - 1;
    while (low < high) {
        const float pivot = value[(low + high) / 2];
        int64_t i = low, k = high;
        while (i <= k) {
            while (value[i] > pivot)
                i++;
            while (value[k] < pivot)
                k--;
            if (i <= k) {
                const float swap = value[i];
                value[i++] = value[k];
                value[k--] = swap;
            }
        }
        if (most - 1 <= k)
            high = k;
        else if (most - 1 >= i)
            low = i;
        else
            return;
    }
}

/* So many are a hundredth, one at least. */
static int64_t hundredth(int64_t count)
{
    return count < 150 ? 1 : (count + 50) / 100;
}

/* The mean of the `most` largest of them. */
static double top_of(float *value, int64_t count, int64_t most)
{
    double sum = 0;
    select_largest(value, count, most);
    for (int64_t i = 0; i < most; i++)
        sum += (double)value[i];
    return sum / (double)most;
}

double gad_bank_top(float *value, int64_t count)
{
    return top_of(value, count, hundredth(count));
}

/* Moves what is looked at to the front and counts it. */
static int64_t look(float *distance, int64_t cells)
{
    int64_t count = 0;
    for (int64_t i = 0; i < cells; i++)
        if (distance[i] >= 0)
            distance[count++] = distance[i];
    return count;
}

double gad_bank_score(float *distance, int64_t all, double *ground)
{
    const int64_t cells = look(distance, all);
    if (ground)
        *ground = 0;
    if (!cells)
        return 0;
    const int64_t half = (cells + 1) / 2;
    select_largest(distance, cells, half);
    float median = distance[0];
    for (int64_t i = 1; i < half; i++)
        median = distance[i] < median ? distance[i] : median;
    if (ground)
        *ground = 0.5 * (double)median;
    return top_of(distance, half, hundredth(cells)) - 0.5 * (double)median;
}

double gad_bank_unfamiliar(const gad_bank *bank, const float *whole, int64_t except, int64_t *nearest)
{
    double best = 0;
    int64_t found = -1;
    for (int64_t p = 0; p < bank->parts; p++) {
        double cosine = 0;
        for (int64_t c = 0; p != except && c < bank->width; c++)
            cosine += (double)whole[c] * (double)bank->whole[p * bank->width + c];
        found = cosine > best ? p : found;
        best = cosine > best ? cosine : best;
    }
    if (nearest)
        *nearest = found;
    return 1 - best;
}
