/* judge: runs a case (one op with its shapes) on a device and on the fp64 reference and compares, differentiates the
 * reference by finite differences, and times. A case asks the stage for its tensors, so that the judge can put guards
 * around them, give both devices the same numbers, poison an input with NaN, or move one element. */
#ifndef GAD_TESTS_OP_JUDGE_H
#define GAD_TESTS_OP_JUDGE_H
#include "op/op.h"
#include "op/reference.h"

enum { JUDGE_SLOTS = 24, JUDGE_SETTINGS = 10 };

typedef enum judge_kind { JUDGE_INPUT, JUDGE_WEIGHT, JUDGE_OUTPUT } judge_kind;

typedef struct judge_slot {
    const char *name;
    judge_kind kind;
    char *memory, *first; /* the whole block and its first number */
    const char *there;    /* the block as the device sees it: on the CPU `memory` itself */
    gad_dtype dtype;
    bool exact; /* as op/op.h says: not of the activations' type */
    int64_t rows, cols, stride;
    size_t size_bytes; /* of the block */
    double units;      /* outputs: tolerance in units of 2^-24 of the largest reference value */
    double floor;      /* outputs: that largest value counts as at least this */
    double rounds;     /* outputs: roundings of earlier numbers as large as the result, where activations are bf16 */
    bool loose_nan;    /* outputs: NaN may reach more elements than in the reference */
    int seed;          /* outputs: slot of the weights in the loss, or -1 */
} judge_slot;

typedef struct judge_stage {
    gad_device *device;
    uint64_t seed;
    judge_slot slot[JUDGE_SLOTS];
    int slots;
    void *extra[JUDGE_SLOTS]; /* index arrays, scales */
    int extras;
    gad_weight placed[JUDGE_SLOTS];
    int places;
    size_t mark;
    gad_dtype activations; /* what the judged device rounds its activations to; inputs are of that type's numbers */
    int64_t pad;           /* columns between rows */
    bool grad;             /* fp64 weights, sums start from zero */
    bool forward;          /* stop before the backward ops */
    int poison;            /* slot whose middle number becomes NaN, or -1 */
    int moved;             /* slot and element that are moved by `delta`, or -1 */
    int64_t element;
    double delta;
    struct judge_timer *timer; /* NULL unless timing */
} judge_stage;

typedef struct judge_case {
    const char *op;    /* the word of the table */
    const char *names; /* of the settings: "T I O" */
    void (*run)(judge_stage *stage, const int64_t *p);
    int64_t p[JUDGE_SETTINGS];
} judge_case;

typedef struct judge_cases {
    const judge_case *list;
    size_t count;
} judge_cases;

/* ---- for cases: tensors of the stage's device. `name` of a gradient is d<name of its input>. ---- */
gad_tensor judge_input(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double scale);
gad_tensor judge_exact_input(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double scale);
/* An exact input that is the same whether moved or not: positions, statistics. Value = f(row, col). */
gad_tensor judge_given(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double (*f)(int64_t, int64_t));
gad_weight judge_weight(judge_stage *stage, const char *name, int64_t rows, int64_t cols, gad_dtype dtype);
/* A norm weight or bias. */
gad_tensor judge_parameter(judge_stage *stage, const char *name, int64_t cols, gad_dtype dtype);
gad_tensor judge_output(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double units);
/* An output that is added to, or changed in place: it starts with numbers. */
gad_tensor judge_sum(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double units);
gad_tensor judge_exact_output(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double units);
gad_tensor judge_exact_sum(judge_stage *stage, const char *name, int64_t rows, int64_t cols, double units);
/* One number of a tensor. */
void judge_set(judge_stage *stage, gad_tensor t, int64_t row, int64_t col, float value);
/* The last output may spread NaN further than the reference does. */
void judge_loosen_nan(judge_stage *stage);
/* The last output is a difference of numbers of about this size, and may be much smaller itself. */
void judge_floor(judge_stage *stage, double size);
/* The last output comes of numbers that were rounded to the activations' type on the way, so many times as if the result
 * had been; its own rounding is allowed for already. */
void judge_rounds(judge_stage *stage, double rounds);
/* The gradient that reaches y from a loss sum(seed * y). */
gad_tensor judge_seed(judge_stage *stage, const char *name, gad_tensor y);
/* n indices below `below`; every third is -1 when `holes`; without repeats when `unique`. Host memory, as judge_floats. */
int32_t *judge_index(judge_stage *stage, int64_t n, int64_t below, bool holes, bool unique);
float *judge_floats(judge_stage *stage, int64_t n);
/* Host memory as the device reads it. */
const void *judge_there(judge_stage *stage, const void *host, size_t size_bytes);
/* The n-th number of slot-independent noise. */
double judge_normal(uint64_t seed, uint64_t stream, int64_t n);

/* Runs `call` once, or many times when timing: judge_time(stage, "linear", flops, bytes) { ... } */
typedef struct judge_timer judge_timer;
void judge_run_timed(const judge_case *c, gad_device *device, judge_timer *timer);
/* Bytes of so many activations. */
double judge_bytes(const judge_stage *stage, double numbers);
bool judge_begin(judge_stage *stage, const char *what, double flops, double bytes);
bool judge_again(judge_stage *stage);
#define judge_time(stage, what, flops, bytes)                                                                              \
    for (bool judge_more = judge_begin(stage, what, flops, bytes); judge_more; judge_more = judge_again(stage))

/* ---- for the program ---- */
const char *judge_name(const judge_case *c, char text[256]);
/* 0 when the devices agree with the reference, also with padded rows and with a NaN in each input; otherwise a count of
 * faults, each printed unless `quiet`. */
int judge_compare(const judge_case *c, gad_device *devices, int count, bool quiet);
/* 0 when devices with unlike numbers of threads give the same bits. */
int judge_threads(const judge_case *c, gad_device *devices, int count, bool quiet);
/* 0 when the backward ops of the reference agree with finite differences of its forward ops. */
int judge_gradient(const judge_case *c, bool quiet);
/* Times the case; the limits are measured anew right before, since other programs may be using the machine. */
gad_status judge_perf(const judge_case *c, gad_device *device, gad_error *err);

judge_cases judge_cases_linear(void), judge_cases_rowwise(void), judge_cases_attention(void), judge_cases_conv(void);
/* Smaller shapes for gradients, larger ones for timing. */
judge_cases judge_gradients_linear(void), judge_gradients_rowwise(void), judge_gradients_attention(void);
judge_cases judge_perf_linear(void), judge_perf_rowwise(void), judge_perf_attention(void), judge_perf_conv(void);
/* The shapes of a model of 7B parameters, for timing a GPU. */
judge_cases judge_large_linear(void), judge_large_rowwise(void), judge_large_attention(void);
#endif
