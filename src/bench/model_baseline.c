/* model_baseline: see model_baseline.h */
#include "bench/model_baseline.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "task/answer.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum { MAP_SIDE = 64 }; /* the stored heat map's longer side is at most this */

/* ---- always the same ---- */

/* The option whose text begins with the word, else the first. */
static void add_option(const gad_bench_request *request, const char *word, gad_string *text)
{
    size_t chosen = 0;
    for (size_t i = request->options; i-- > 0;)
        if (!strncasecmp(request->option[i], word, strlen(word)))
            chosen = i;
    gad_string_addf(text, "%c", (char)('A' + (int)chosen));
}

static gad_status answer_constant(bool yes, const gad_bench_request *request, gad_bench_reply *reply, gad_error *err)
{
    if (request->option)
        add_option(request, yes ? "yes" : "no", &reply->text);
    else
        gad_string_add(&reply->text,
                       yes ? "<think>\n\n</think><answer>Yes.</answer>" : "<think>\n\n</think><answer>No</answer>");
    reply->latency_s = 0;
    memcpy(reply->finish, "stop", 5);
    return reply->text.failed ? gad_error_memory(err, "answer", 64) : GAD_OK;
}

static gad_status answer_yes(void *self, const gad_bench_request *request, gad_bench_reply *reply, gad_error *err)
{
    (void)self;
    return answer_constant(true, request, reply, err);
}

static gad_status answer_no(void *self, const gad_bench_request *request, gad_bench_reply *reply, gad_error *err)
{
    (void)self;
    return answer_constant(false, request, reply, err);
}

static json_t *describe_yes(void *self)
{
    (void)self;
    return json_pack("{s:s, s:s}", "kind", "constant", "answer", "Yes");
}

static json_t *describe_no(void *self)
{
    (void)self;
    return json_pack("{s:s, s:s}", "kind", "constant", "answer", "No");
}

static void free_nothing(void *self)
{
    (void)self;
}

gad_bench_model gad_model_baseline_constant(bool yes)
{
    return (gad_bench_model){.name = yes ? "always-yes" : "always-no",
                             .convention = GAD_BOX_ORIG,
                             .order = GAD_BOX_XY,
                             .describe = yes ? describe_yes : describe_no,
                             .answer = yes ? answer_yes : answer_no,
                             .free = free_nothing};
}

/* ---- pixel difference ---- */

typedef struct differ {
    double threshold;
    gad_pixel_difference_colours colours;
} differ;

/* Means over squares, so that the longer side is at most MAP_SIDE. */
static bool shrink_map(const gad_pixel_difference *d, gad_bench_reply *reply)
{
    int64_t longer = d->width > d->height ? d->width : d->height, block = (longer + MAP_SIDE - 1) / MAP_SIDE;
    int64_t w = (d->width + block - 1) / block, h = (d->height + block - 1) / block;
    reply->map = gad_memory_alloc((size_t)(w * h), sizeof *reply->map);
    if (!reply->map)
        return false;
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) {
            double sum = 0;
            int64_t n = 0;
            for (int64_t j = y * block; j < (y + 1) * block && j < d->height; j++)
                for (int64_t i = x * block; i < (x + 1) * block && i < d->width; i++, n++)
                    sum += (double)d->map[j * d->width + i];
            reply->map[y * w + x] = (float)(sum / (double)n);
        }
    reply->map_width = w;
    reply->map_height = h;
    return true;
}

static gad_status write_answer(const gad_pixel_difference *d, bool anomalous, const gad_image *test, gad_string *text,
                               gad_error *err)
{
    gad_answer_item item[GAD_PIXEL_DIFFERENCE_BOXES];
    char think[128];
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_INPUT, GAD_BOX_XY, (int)test->width, (int)test->height,
                                             (int)test->width, (int)test->height);
    for (size_t i = 0; i < d->box_count; i++)
        item[i] = (gad_answer_item){gad_box_to_model(&frame, d->box[i]), "difference"};
    snprintf(think, sizeof think, "The difference to the reference has a root mean square of %.1f grey levels.", d->rms);
    return gad_answer_write(think, anomalous, item, anomalous ? d->box_count : 0, text, err);
}

static gad_status answer_difference(void *self, const gad_bench_request *request, gad_bench_reply *reply, gad_error *err)
{
    const differ *model = self;
    double started_s = gad_clock_seconds();
    if (request->option || request->pictures < 2)
        return gad_error_set(err, GAD_E_UNSUPPORTED, "compare with the reference", NULL, "%s",
                             request->option ? "cannot answer a question in words" : "there is no reference image");
    const gad_image *test = &request->picture[request->pictures - 1];
    gad_pixel_difference d;
    gad_status status = gad_pixel_difference_make(&request->picture[0], test, model->colours, &d, err);
    if (status)
        return status;
    status = write_answer(&d, d.rms > model->threshold, test, &reply->text, err);
    if (!status && !shrink_map(&d, reply))
        status = gad_error_memory(err, "compare with the reference", 0);
    reply->score = d.rms / (d.rms + model->threshold);
    reply->input_width = test->width;
    reply->input_height = test->height;
    reply->latency_s = gad_clock_seconds() - started_s;
    memcpy(reply->finish, "stop", 5);
    gad_pixel_difference_free(&d);
    return status;
}

static json_t *describe_difference(void *self)
{
    static const char *const colours[] = {GAD_PIXEL_DIFFERENCE_WORDS};
    const differ *model = self;
    return json_pack("{s:s, s:s, s:f, s:i}", "kind", "pixel difference", "colours", colours[model->colours], "threshold",
                     model->threshold, "shift_px", GAD_PIXEL_DIFFERENCE_SHIFT);
}

gad_status gad_model_baseline_difference(const gad_pixel_difference_settings *settings, gad_bench_model *model,
                                         gad_error *err)
{
    const double threshold = settings->threshold != 0 ? settings->threshold : GAD_MODEL_BASELINE_THRESHOLD;
    if (!(threshold > 0 && isfinite(threshold)))
        return gad_error_set(err, GAD_E_ARGUMENT, "prepare the pixel difference", NULL, "threshold %g is not above 0",
                             threshold);
    differ *self = gad_memory_zero(1, sizeof *self);
    if (!self)
        return gad_error_memory(err, "prepare the pixel difference", sizeof *self);
    *self = (differ){threshold, settings->colours};
    *model = (gad_bench_model){.self = self,
                               .name = settings->colours == GAD_PIXEL_DIFFERENCE_RAW ? "pixel-difference (raw colours)"
                                                                                     : "pixel-difference",
                               .convention = GAD_BOX_INPUT,
                               .order = GAD_BOX_XY,
                               .wants_pictures = true,
                               .describe = describe_difference,
                               .answer = answer_difference,
                               .free = gad_memory_free};
    return GAD_OK;
}
