/* judge: see judge.h */
#include "op/judge.h"

#include "base/half.h"
#include "base/memory.h"
#include "base/rng.h"
#include "op/quant.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 64 };                  /* numbers before and behind every tensor */
static const double sentinel = -1232; /* a number of every type */

/* ---- numbers ---- */

/* The sum of four uniform numbers: near enough to normal, mean 0, variance 1, and cheap. */
double judge_normal(uint64_t seed, uint64_t stream, int64_t n)
{
    gad_rng rng = gad_rng_make(seed, stream);
    rng.counter = (uint64_t)n;
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (double)gad_rng_u32(&rng) * 0x1p-32;
    return (double)(float)((sum - 2) * sqrt(3)); /* representable in fp32, so that both devices see the same */
}

static uint64_t name_stream(const char *name)
{
    uint64_t hash = 1469598103934665603u;
    while (*name)
        hash = (hash ^ (uint64_t)(unsigned char)*name++) * 1099511628211u;
    return hash;
}

static void put(gad_dtype dtype, char *first, int64_t i, double value)
{
    float single = (float)value;
    if (dtype == GAD_F64) {
        memcpy(first + 8 * i, &value, 8);
    } else if (dtype == GAD_F32) {
        memcpy(first + 4 * i, &single, 4);
    } else {
        uint16_t half = dtype == GAD_BF16 ? gad_half_to_bf16(single) : gad_half_to_f16(single);
        memcpy(first + 2 * i, &half, 2);
    }
}

static double get(const judge_slot *slot, int64_t row, int64_t col)
{
    return gad_reference_number(&(gad_weight){slot->first, slot->dtype, slot->rows, slot->stride, NULL}, row, col);
}

/* ---- the stage's tensors ---- */

/* Memory of another device than the processor; there numbers lie at multiples of their size. */
static bool is_far(const judge_stage *stage)
{
    return stage->device->memory_bytes > 0;
}

static judge_slot *new_slot(judge_stage *stage, const char *name, judge_kind kind, gad_dtype dtype, int64_t rows,
                            int64_t cols, int64_t pad, size_t shift)
{
    judge_slot *slot = &stage->slot[stage->slots++];
    *slot = (judge_slot){.name = name, .kind = kind, .dtype = dtype, .rows = rows, .cols = cols, .stride = cols + pad};
    const size_t number = gad_dtype_bytes(dtype), count = (size_t)(rows * slot->stride) + 2 * GUARD;
    slot->size_bytes = count * number + shift;
    slot->memory = gad_memory_alloc_aligned(slot->size_bytes, 1);
    assert_non_null(slot->memory);
    memset(slot->memory, 0, slot->size_bytes);
    slot->first = slot->memory + shift + GUARD * number;
    slot->seed = -1;
    /* reading outside an input gives NaN, writing outside an output removes a sentinel */
    for (int64_t i = 0; i < (int64_t)count; i++)
        put(dtype, slot->memory + shift, i, kind == JUDGE_OUTPUT ? sentinel : NAN);
    return slot;
}

static gad_dtype exact_dtype(const judge_stage *stage)
{
    return stage->device->dtype == GAD_F64 ? GAD_F64 : GAD_F32;
}

static judge_slot *new_numbers(judge_stage *stage, const char *name, judge_kind kind, bool exact, int64_t rows,
                               int64_t cols)
{
    const gad_dtype dtype = exact ? exact_dtype(stage) : stage->device->dtype;
    judge_slot *slot = new_slot(stage, name, kind, dtype, rows, cols, stage->pad, 0);
    slot->exact = exact;
    return slot;
}

static char *first_there(const judge_slot *slot)
{
    return (char *)(uintptr_t)slot->there + (slot->first - slot->memory);
}

/* The slot is filled: the tensor that ops see. */
static gad_tensor send(judge_stage *stage, judge_slot *slot)
{
    slot->there = stage->device->ops->upload(stage->device, slot->memory, slot->size_bytes);
    return (gad_tensor){first_there(slot), slot->dtype, slot->rows, slot->cols, slot->stride};
}

/* What the device wrote, guards and all. */
static void bring(judge_stage *stage, judge_slot *slot)
{
    const int64_t count = (int64_t)(slot->size_bytes / gad_dtype_bytes(slot->dtype));
    if (slot->there == slot->memory || slot->kind != JUDGE_OUTPUT)
        return;
    float *number = gad_memory_alloc((size_t)count, sizeof *number);
    assert_non_null(number);
    stage->device->ops->download(stage->device, number,
                                 (gad_tensor){(void *)(uintptr_t)slot->there, slot->dtype, 1, count, count});
    for (int64_t i = 0; i < count; i++)
        put(slot->dtype, slot->memory, i, (double)number[i]);
    gad_memory_free(number);
}

static void run_case(const judge_case *c, judge_stage *stage)
{
    stage->mark = stage->device->ops->mark(stage->device);
    c->run(stage, c->p);
    for (int i = 0; i < stage->slots; i++)
        bring(stage, &stage->slot[i]);
}

/* Poison and move concern the slot that was just filled. */
static void disturb(judge_stage *stage, judge_slot *slot)
{
    const int index = stage->slots - 1;
    if (stage->poison == index)
        put(slot->dtype, slot->first, slot->rows / 2 * slot->stride + slot->cols / 2, NAN);
    if (stage->moved == index) {
        int64_t row = stage->element / slot->cols, col = stage->element % slot->cols;
        put(slot->dtype, slot->first, row * slot->stride + col, get(slot, row, col) + stage->delta);
    }
}

/* The reference sees the numbers that the judged device can hold. */
static double representable(const judge_stage *stage, const judge_slot *slot, double value)
{
    if (stage->activations != GAD_BF16 || slot->exact || slot->kind == JUDGE_WEIGHT)
        return value;
    return (double)gad_half_from_bf16(gad_half_to_bf16((float)value));
}

static void fill(judge_stage *stage, judge_slot *slot, double scale)
{
    const uint64_t stream = name_stream(slot->name);
    const bool sparse = slot->rows * slot->cols > 1 << 22; /* timing: the numbers repeat, making them would take longer */
    for (int64_t r = 0; r < slot->rows; r++)
        for (int64_t c = 0; c < slot->cols; c++) {
            int64_t i = r * slot->stride + c;
            if (sparse && i >= 1 << 20)
                memcpy(slot->first + i * (int64_t)gad_dtype_bytes(slot->dtype),
                       slot->first + (i - (1 << 20)) * (int64_t)gad_dtype_bytes(slot->dtype), gad_dtype_bytes(slot->dtype));
            else
                put(slot->dtype, slot->first, i,
                    representable(stage, slot, scale * judge_normal(stage->seed, stream, r * slot->cols + c)));
        }
}

static gad_tensor input(judge_stage *stage, const char *name, bool exact, int64_t rows, int64_t cols, double scale)
{
    judge_slot *slot = new_numbers(stage, name, JUDGE_INPUT, exact, rows, cols);
    fill(stage, slot, (double)(float)scale);
    disturb(stage, slot);
    return send(stage, slot);
}

gad_tensor judge_input(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double scale)
{
    return input(stage, name, false, rows, cols, scale);
}

gad_tensor judge_exact_input(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double scale)
{
    return input(stage, name, true, rows, cols, scale);
}

gad_tensor judge_given(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double (*f)(int64_t, int64_t))
{
    judge_slot *slot = new_numbers(stage, name, JUDGE_INPUT, true, rows, cols);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++)
            put(slot->dtype, slot->first, r * slot->stride + c, (double)(float)f(r, c));
    return send(stage, slot);
}

/* Weights start at an odd byte where they are read as they lie in a checkpoint, which promises no alignment. */
gad_weight judge_weight(judge_stage *stage, const char *name, int64_t rows, int64_t cols, gad_dtype dtype)
{
    const bool quantised = gad_quant_is(dtype) && !stage->grad;
    const gad_dtype stored = stage->grad ? GAD_F64 : quantised ? GAD_BF16 : dtype;
    judge_slot *slot = new_slot(stage, name, JUDGE_WEIGHT, stored, rows, cols, 0, is_far(stage) ? 0 : 1);
    fill(stage, slot, 1.0 / 8);
    disturb(stage, slot);
    gad_weight w = {slot->first, stored, rows, cols, NULL};
    if (!quantised) {
        w.data = send(stage, slot).data;
        return w;
    }
    void *data = gad_memory_alloc_aligned(gad_quant_data_bytes(dtype, rows, cols), 1);
    void *scale = gad_memory_alloc_aligned(gad_quant_scale_bytes(dtype, rows, cols), 1);
    assert_true(data && scale);
    stage->extra[stage->extras++] = data;
    stage->extra[stage->extras++] = scale;
    gad_quant_make(dtype, &w, data, scale);
    w = stage->device->ops->place(stage->device, (gad_weight){data, dtype, rows, cols, scale});
    stage->placed[stage->places++] = w;
    return w;
}

gad_tensor judge_parameter(judge_stage *stage, const char *name, int64_t cols, gad_dtype dtype)
{
    judge_slot *slot =
        new_slot(stage, name, JUDGE_WEIGHT, stage->grad ? GAD_F64 : dtype, 1, cols, 0, is_far(stage) ? 0 : 1);
    fill(stage, slot, 1);
    disturb(stage, slot);
    return send(stage, slot);
}

static gad_tensor output(judge_stage *stage, const char *name, bool exact, int64_t rows, int64_t cols, double units)
{
    judge_slot *slot = new_numbers(stage, name, JUDGE_OUTPUT, exact, rows, cols);
    slot->units = units;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++)
            put(slot->dtype, slot->first, r * slot->stride + c, NAN); /* overwritten means overwritten */
    return send(stage, slot);
}

static gad_tensor sum(judge_stage *stage, const char *name, bool exact, int64_t rows, int64_t cols, double units)
{
    judge_slot *slot = new_numbers(stage, name, JUDGE_OUTPUT, exact, rows, cols);
    slot->units = units;
    fill(stage, slot, stage->grad ? 0 : 1);
    return send(stage, slot);
}

gad_tensor judge_output(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double units)
{
    return output(stage, name, false, rows, cols, units);
}

gad_tensor judge_exact_output(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double units)
{
    return output(stage, name, true, rows, cols, units);
}

gad_tensor judge_sum(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double units)
{
    return sum(stage, name, false, rows, cols, units);
}

gad_tensor judge_exact_sum(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double units)
{
    return sum(stage, name, true, rows, cols, units);
}

void judge_set(judge_stage *stage, gad_tensor t, int64_t row, int64_t col, float value)
{
    stage->device->ops->fill(stage->device, gad_tensor_cols(gad_tensor_rows(t, row, 1), col, 1), &value);
}

void judge_loosen_nan(judge_stage *stage)
{
    stage->slot[stage->slots - 1].loose_nan = true;
}

void judge_floor(judge_stage *stage, double size)
{
    stage->slot[stage->slots - 1].floor = size;
}

void judge_rounds(judge_stage *stage, double rounds)
{
    stage->slot[stage->slots - 1].rounds = rounds;
}

gad_tensor judge_seed(judge_stage *stage, const char *name, gad_tensor y)
{
    bool exact = false;
    for (int i = 0; i < stage->slots; i++)
        if (first_there(&stage->slot[i]) == (char *)y.data) {
            stage->slot[i].seed = stage->slots;
            exact = stage->slot[i].exact;
        }
    return input(stage, name, exact, y.rows, y.cols, 1);
}

const void *judge_there(judge_stage *stage, const void *host, size_t size_bytes)
{
    return stage->device->ops->upload(stage->device, host, size_bytes);
}

int32_t *judge_index(judge_stage *stage, int64_t n, int64_t below, bool holes, bool unique)
{
    int32_t *index = gad_memory_alloc((size_t)n, sizeof *index);
    int64_t *order = gad_memory_alloc((size_t)below, sizeof *order);
    assert_true(index && order);
    gad_rng rng = gad_rng_make(stage->seed, 7777);
    for (int64_t i = 0; i < below; i++)
        order[i] = i;
    gad_rng_shuffle(&rng, order, below);
    for (int64_t i = 0; i < n; i++)
        index[i] = holes && i % 3 == 2 ? -1 : (int32_t)(unique ? order[i] : gad_rng_below(&rng, (uint32_t)below));
    gad_memory_free(order);
    stage->extra[stage->extras] = gad_memory_alloc_aligned((size_t)n, sizeof *index);
    memcpy(stage->extra[stage->extras], index, (size_t)n * sizeof *index);
    gad_memory_free(index);
    return stage->extra[stage->extras++];
}

float *judge_floats(judge_stage *stage, int64_t n)
{
    float *number = gad_memory_alloc_aligned((size_t)n, sizeof *number);
    assert_non_null(number);
    for (int64_t i = 0; i < n; i++)
        number[i] = (float)judge_normal(stage->seed, 8888, i);
    stage->extra[stage->extras++] = number;
    return number;
}

/* ---- running a case ---- */

static judge_stage stage_of(gad_device *device, int64_t pad)
{
    return (judge_stage){
        .device = device, .activations = device->dtype, .seed = 20240611, .pad = pad, .poison = -1, .moved = -1};
}

static void clear(judge_stage *stage)
{
    for (int i = 0; i < stage->slots; i++)
        gad_memory_free_aligned(stage->slot[i].memory);
    for (int i = 0; i < stage->places; i++)
        stage->device->ops->unplace(stage->device, stage->placed[i]);
    for (int i = 0; i < stage->extras; i++)
        gad_memory_free_aligned(stage->extra[i]);
    stage->slots = stage->extras = stage->places = 0;
    stage->device->ops->rewind(stage->device, stage->mark);
}

/* sum(seed * y) over all outputs with a seed */
static double loss(const judge_stage *stage)
{
    double sum = 0;
    for (int i = 0; i < stage->slots; i++) {
        const judge_slot *y = &stage->slot[i];
        if (y->kind != JUDGE_OUTPUT || y->seed < 0)
            continue;
        for (int64_t r = 0; r < y->rows; r++)
            for (int64_t c = 0; c < y->cols; c++)
                sum += get(y, r, c) * get(&stage->slot[y->seed], r, c);
    }
    return sum;
}

const char *judge_name(const judge_case *c, char text[256])
{
    int used = snprintf(text, 256, "%s", c->op);
    const char *name = c->names;
    for (int i = 0; *name && used < 250; i++) {
        int length = (int)strcspn(name, " ");
        used += snprintf(text + used, 256 - (size_t)used, "%c%.*s=%lld", i ? ',' : '(', length, name, (long long)c->p[i]);
        name += length + (name[length] == ' ');
    }
    snprintf(text + used, 256 - (size_t)used, ")");
    return text;
}

/* ---- compare ---- */

/* A number outside the columns of an output that is no sentinel any more: somebody wrote there. */
static int guard_faults(const judge_slot *slot)
{
    const int64_t number = (int64_t)gad_dtype_bytes(slot->dtype), before = (slot->first - slot->memory) / number;
    const int64_t count = (int64_t)slot->size_bytes / number;
    int faults = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = i - before, row = at / slot->stride;
        bool inside = at >= 0 && row < slot->rows && at % slot->stride < slot->cols;
        const judge_slot flat = {.first = slot->memory, .dtype = slot->dtype, .rows = 1, .stride = count};
        if (!inside && get(&flat, 0, i) != sentinel)
            faults++;
    }
    return faults;
}

/* What an output may be off where the reference has `wanted`: sums in fp32, and where activations are bf16 the result's
 * own rounding and those on the way, each at most half of 2^-7. */
static double allowed(const judge_slot *slot, gad_dtype activations, double scale, double wanted)
{
    const double rounding = activations == GAD_BF16 ? 0x1p-8 : 0;
    return slot->units * 0x1p-24 * scale + rounding * (slot->rounds * scale + (slot->exact ? 0 : fabs(wanted)));
}

static int compare_slot(const char *title, const judge_slot *got, const judge_slot *wanted, gad_dtype activations,
                        bool quiet)
{
    double scale = wanted->floor, worst = 0;
    int64_t at = 0, strange = 0;
    for (int64_t i = 0; i < wanted->rows * wanted->cols; i++) {
        const double b = get(wanted, i / wanted->cols, i % wanted->cols);
        scale = isfinite(b) ? fmax(scale, fabs(b)) : scale;
    }
    for (int64_t i = 0; i < wanted->rows * wanted->cols; i++) {
        double a = get(got, i / got->cols, i % got->cols), b = get(wanted, i / got->cols, i % got->cols);
        if (isnan(b) ? !isnan(a) : isnan(a) ? !got->loose_nan : isinf(b) ? a != b : isinf(a)) {
            strange++;
            at = i;
        }
        if (!isfinite(a) || !isfinite(b))
            continue;
        const double off = fabs(a - b), limit = allowed(got, activations, scale, b);
        if (off > 0 && off > worst * limit) {
            worst = limit > 0 ? off / limit : INFINITY;
            at = strange ? at : i;
        }
    }
    const int guards = guard_faults(got);
    if (worst <= 1 && !strange && !guards)
        return 0;
    if (!quiet)
        print_error("%s: %s [%lld,%lld]: %.3g times as far off as allowed (%.3g units%s), %lld NaN or infinity misplaced, "
                    "%d numbers written outside; at [%lld,%lld]: %.9g, reference %.9g\n",
                    title, got->name, (long long)got->rows, (long long)got->cols, worst, got->units,
                    activations == GAD_BF16 ? " and roundings" : "", (long long)strange, guards,
                    (long long)(at / got->cols), (long long)(at % got->cols), get(got, at / got->cols, at % got->cols),
                    get(wanted, at / got->cols, at % got->cols));
    return 1;
}

static int compare_once(const judge_case *c, gad_device *device, const judge_stage *truth, bool quiet)
{
    judge_stage mine = stage_of(device, truth->pad);
    mine.poison = truth->poison;
    char name[256], title[320];
    run_case(c, &mine);
    const char *level = strcmp(device->ops->name, "cpu") ? device->ops->name : gad_device_cpu_level(device);
    snprintf(title, sizeof title, "%s on %s%s, pad %lld%s%s", judge_name(c, name), level,
             device->products == GAD_BF16 || device->dtype == GAD_BF16 ? " in bf16" : "", (long long)mine.pad,
             mine.poison >= 0 ? ", NaN in " : "", mine.poison >= 0 ? mine.slot[mine.poison].name : "");
    gad_error err;
    int faults = gad_device_check(device, &err) != GAD_OK;
    if (faults && !quiet)
        print_error("%s: %s: %s\n", title, err.operation, err.cause);
    for (int i = 0; i < mine.slots; i++)
        if (mine.slot[i].kind == JUDGE_OUTPUT)
            faults += compare_slot(title, &mine.slot[i], &truth->slot[i], truth->activations, quiet);
    clear(&mine);
    return faults;
}

/* The reference runs once, then every device; its stage tells what is input and so can be poisoned next. */
static int compare_all(const judge_case *c, gad_device *devices, int count, gad_device *reference, int64_t pad, int poison,
                       bool quiet, bool input[JUDGE_SLOTS])
{
    judge_stage truth = stage_of(reference, pad);
    truth.activations = devices->dtype;
    truth.poison = poison;
    run_case(c, &truth);
    int faults = 0;
    for (int i = 0; i < count; i++)
        faults += compare_once(c, &devices[i], &truth, quiet);
    for (int i = 0; i < truth.slots; i++)
        input[i] = truth.slot[i].kind != JUDGE_OUTPUT;
    clear(&truth);
    return faults;
}

int judge_compare(const judge_case *c, gad_device *devices, int count, bool quiet)
{
    gad_device reference;
    gad_error err;
    bool input[JUDGE_SLOTS] = {false}, again[JUDGE_SLOTS];
    ASSERT_OK(gad_device_open_reference(&reference, &err), &err);
    reference.products = devices[0].products;
    int faults = compare_all(c, devices, count, &reference, 0, -1, quiet, input);
    faults += compare_all(c, devices, count, &reference, 5, -1, quiet, again);
    for (int i = 0; i < JUDGE_SLOTS; i++)
        if (input[i])
            faults += compare_all(c, devices, count, &reference, 0, i, quiet, again);
    gad_device_close(&reference);
    return faults;
}

int judge_threads(const judge_case *c, gad_device *devices, int count, bool quiet)
{
    judge_stage first = stage_of(&devices[0], 0);
    char name[256];
    int faults = 0;
    run_case(c, &first);
    for (int i = 1; i < count; i++) {
        judge_stage other = stage_of(&devices[i], 0);
        run_case(c, &other);
        for (int j = 0; j < first.slots; j++) {
            const judge_slot *a = &first.slot[j], *b = &other.slot[j];
            if (a->kind != JUDGE_OUTPUT || !memcmp(a->memory, b->memory, a->size_bytes))
                continue;
            faults++;
            if (!quiet)
                print_error("%s: %s differs between %d and %d threads\n", judge_name(c, name), a->name, devices[0].threads,
                            devices[i].threads);
        }
        clear(&other);
    }
    clear(&first);
    return faults;
}

/* ---- gradients ---- */

static double forward_loss(const judge_case *c, gad_device *reference, int slot, int64_t element, double delta)
{
    judge_stage stage = stage_of(reference, 0);
    stage.grad = stage.forward = true;
    stage.moved = slot;
    stage.element = element;
    stage.delta = delta;
    run_case(c, &stage);
    double result = loss(&stage);
    clear(&stage);
    return result;
}

/* |g - finite difference| / max of both norms, for the input `slot` whose gradient is `gradient`; central differences,
 * h = 1e-6 max(1,|x|). */
static double gradient_error(const judge_case *c, gad_device *reference, const judge_stage *done, int slot,
                             const judge_slot *gradient)
{
    const judge_slot *x = &done->slot[slot];
    double gap2 = 0, norm2 = 0, other2 = 0;
    for (int64_t i = 0; i < x->rows * x->cols; i++) {
        double h = 1e-6 * fmax(1, fabs(get(x, i / x->cols, i % x->cols)));
        double slope = (forward_loss(c, reference, slot, i, h) - forward_loss(c, reference, slot, i, -h)) / (2 * h);
        double g = get(gradient, i / x->cols, i % x->cols);
        gap2 += (g - slope) * (g - slope);
        norm2 += g * g;
        other2 += slope * slope;
    }
    return sqrt(gap2 / fmax(fmax(norm2, other2), 1e-300));
}

int judge_gradient(const judge_case *c, bool quiet)
{
    gad_device reference;
    gad_error err;
    ASSERT_OK(gad_device_open_reference(&reference, &err), &err);
    judge_stage done = stage_of(&reference, 0);
    done.grad = true;
    run_case(c, &done);
    int faults = 0, checked = 0;
    char name[256];
    for (int i = 0; i < done.slots; i++)
        for (int j = 0; j < done.slots; j++)
            if (done.slot[i].kind != JUDGE_OUTPUT && done.slot[j].kind == JUDGE_OUTPUT && done.slot[j].name[0] == 'd' &&
                !strcmp(done.slot[j].name + 1, done.slot[i].name)) {
                double error = gradient_error(c, &reference, &done, i, &done.slot[j]);
                checked++;
                if (error < 1e-7)
                    continue;
                faults++;
                if (!quiet)
                    print_error("%s: %s differs from finite differences by %.3g\n", judge_name(c, name), done.slot[j].name,
                                error);
            }
    if (!checked && ++faults && !quiet)
        print_error("%s: no gradient found to check\n", judge_name(c, name));
    clear(&done);
    gad_device_close(&reference);
    return faults;
}

/* ---- timing: judge_timer.c ---- */

void judge_run_timed(const judge_case *c, gad_device *device, judge_timer *timer)
{
    judge_stage stage = stage_of(device, 0);
    stage.timer = timer;
    run_case(c, &stage);
    clear(&stage);
}
