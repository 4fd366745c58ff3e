/* case_conv: convolutions. Tolerance: as for linear layers (case_linear.c), whose sums these are; the error of the
 * expansion passes through kernel^2 products of weights of 1/8. */
#include "op/judge.h"

#include <math.h>

enum { ROWS, COLS, IN, OUT, KERNEL, STRIDE, DTYPE };

static void unfold(judge_stage *s, const int64_t *p)
{
    const gad_window w = gad_window_same(p[ROWS], p[COLS], p[3], p[4]);
    const int64_t outputs = w.out_rows * w.out_cols, cols = w.kernel * w.kernel * p[IN];
    gad_tensor x = judge_input(s, "x", p[ROWS] * p[COLS], p[IN], 1), y = judge_output(s, "y", outputs, cols, 0);
    judge_time(s, "unfold", (double)(outputs * cols), 8.0 * (double)(outputs * cols))
        s->device->ops->unfold(s->device, y, x, &w);
}

static void expand_depthwise(judge_stage *s, const int64_t *p)
{
    const gad_window w = gad_window_same(p[ROWS], p[COLS], p[KERNEL], p[STRIDE]);
    const int64_t pixels = p[ROWS] * p[COLS], outputs = w.out_rows * w.out_cols, taps = w.kernel * w.kernel;
    const gad_dtype dtype = (gad_dtype)p[DTYPE];
    gad_tensor x = judge_input(s, "x", pixels, p[IN], 4);
    gad_weight expand = judge_weight(s, "expand", p[OUT], p[IN], dtype);
    gad_tensor expand_bias = judge_parameter(s, "expand_bias", p[OUT], dtype);
    gad_weight depthwise = judge_weight(s, "depthwise", taps, p[OUT], dtype);
    gad_tensor depthwise_bias = judge_parameter(s, "depthwise_bias", p[OUT], GAD_F32);
    gad_tensor y = judge_output(s, "y", outputs, p[OUT], 16 + 2 * sqrt((double)(p[IN] + taps)));
    judge_floor(s, 6);
    judge_time(s, "expand_depthwise", 2.0 * (double)(p[OUT] * (pixels * p[IN] + outputs * taps)),
               4.0 * (double)(pixels * p[IN] + outputs * p[OUT]))
        s->device->ops->expand_depthwise(s->device, y, x, expand, expand_bias, depthwise, depthwise_bias, &w);
}

#define UNFOLD(...)                                                                                                        \
    {                                                                                                                      \
        "unfold", "rows cols C kernel stride", unfold,                                                                     \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define EXPAND_DEPTHWISE(...)                                                                                              \
    {                                                                                                                      \
        "expand_depthwise", "rows cols I O kernel stride dtype", expand_depthwise,                                         \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }

static const judge_case cases[] = {
    UNFOLD(1, 1, 1, 3, 2),
    UNFOLD(7, 10, 3, 3, 2),
    UNFOLD(8, 6, 5, 5, 1),
    UNFOLD(42, 28, 3, 14, 14),
    EXPAND_DEPTHWISE(1, 1, 1, 1, 3, 1, GAD_F32),
    EXPAND_DEPTHWISE(2, 1, 3, 5, 5, 2, GAD_F32),
    EXPAND_DEPTHWISE(9, 13, 16, 96, 3, 2, GAD_F16),
    EXPAND_DEPTHWISE(20, 20, 24, 40, 5, 1, GAD_F16),
    EXPAND_DEPTHWISE(11, 17, 7, 33, 5, 2, GAD_BF16),
    EXPAND_DEPTHWISE(12, 9, 70, 64, 3, 1, GAD_F16),
    EXPAND_DEPTHWISE(5, 31, 8, 16, 3, 3, GAD_F32),
    EXPAND_DEPTHWISE(150, 130, 4, 36, 3, 2, GAD_F32),
};

/* The layers of EfficientNet-Lite0 for a picture of 320 px. */
static const judge_case perf[] = {
    UNFOLD(320, 320, 3, 3, 2),
    EXPAND_DEPTHWISE(160, 160, 27, 32, 3, 1, GAD_F16),
    EXPAND_DEPTHWISE(160, 160, 16, 96, 3, 2, GAD_F16),
    EXPAND_DEPTHWISE(80, 80, 24, 144, 3, 1, GAD_F16),
    EXPAND_DEPTHWISE(80, 80, 24, 144, 5, 2, GAD_F16),
    EXPAND_DEPTHWISE(40, 40, 40, 240, 5, 1, GAD_F16),
    EXPAND_DEPTHWISE(40, 40, 40, 240, 3, 2, GAD_F16),
    EXPAND_DEPTHWISE(20, 20, 80, 480, 3, 1, GAD_F16),
    EXPAND_DEPTHWISE(20, 20, 80, 480, 5, 1, GAD_F16),
    EXPAND_DEPTHWISE(20, 20, 112, 672, 5, 1, GAD_F16),
};

#define CASES(list)                                                                                                        \
    {                                                                                                                      \
        list, sizeof list / sizeof *(list)                                                                                 \
    }

judge_cases judge_cases_conv(void)
{
    return (judge_cases)CASES(cases);
}

judge_cases judge_perf_conv(void)
{
    return (judge_cases)CASES(perf);
}
