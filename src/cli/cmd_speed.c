/* cmd_speed: gad speed: a table of how fast this machine runs a model. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/options_engine.h"
#include "cli/terminal.h"
#include "gad_bench.h"

typedef struct speed_options {
    gad_training_benchmark_settings training; /* `of` serves both kinds of measurement */
    bool json, csv;
} speed_options;

#define AT(field) offsetof(speed_options, field)
static const option table[] = {
    {.name = "model",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(training.of.model),
     .help = "checkpoint folder or .gguf file to measure"},
    {.name = "mmproj",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(training.of.mmproj),
     .help = OPTIONS_ENGINE_MMPROJ_HELP},
    {.name = "shape",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(training.of.shape),
     .help = "measure random weights of a named shape instead, such as qwen2.5-vl-3b or gad-s"},
    {.name = "backbone",
     .argument = "PATH",
     .kind = OPTION_STRING,
     .offset = AT(training.of.backbone),
     .help = "measure pretrained features instead: an EfficientNet-Lite file or a folder of DINOv2 or DINOv3"},
    {.table = &options_engine_compute, .offset = AT(training.of.compute)},
    {.name = "prompt-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(training.of.prompt_tokens),
     .fallback = "0",
     .help = "text of the prompt; 0: 512, with --train, --grpo or --rollouts 24 besides the images"},
    {.name = "answer-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(training.of.answer_tokens),
     .fallback = "0",
     .help = "length of an answer; 0: 16, with --train, --grpo or --rollouts 84"},
    {.name = "batch",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(training.of.batch),
     .fallback = "0",
     .help = "also: so many answers to the prompt, decoded together"},
    {.name = "image",
     .argument = "PX",
     .kind = OPTION_INT,
     .offset = AT(training.of.image_side_px),
     .fallback = "0",
     .help = "side of the square image; 0: 448, with --backbone 320, with --train, --grpo or --rollouts 128"},
    {.name = "repeats",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(training.of.repeats),
     .minimum = 1,
     .fallback = "3",
     .help = "measured rounds, after one to warm up"},
    {.name = "limits",
     .kind = OPTION_FLAG,
     .offset = AT(training.of.limits),
     .help = "measure memory bandwidth and multiply-add peak in the same run, and show the share reached"},
    {.name = "train",
     .kind = OPTION_FLAG,
     .offset = AT(training.step),
     .help = "instead: SFT steps on pairs of images, in their parts, beside a large matrix product"},
    {.name = "grpo",
     .kind = OPTION_FLAG,
     .offset = AT(training.grpo),
     .help = "instead: GRPO steps on one pair: a group of answers, and the update"},
    {.name = "lora",
     .argument = "RANK",
     .kind = OPTION_INT,
     .offset = AT(training.lora_rank),
     .fallback = "0",
     .help = "steps train adapters of this rank on the language model; 0: all of it"},
    {.name = "rollouts",
     .kind = OPTION_FLAG,
     .offset = AT(training.rollouts),
     .help = "instead: answers to one prompt, with a shared prefix and without"},
    {.name = "samples",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(training.samples),
     .minimum = 1,
     .fallback = "16",
     .help = "samples of a step"},
    {.name = "group",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(training.group),
     .minimum = 1,
     .fallback = "8",
     .help = "answers of a rollout or GRPO step"},
    {.name = "checkpointing",
     .kind = OPTION_FLAG,
     .offset = AT(training.checkpointing),
     .help = "steps compute activations again instead of keeping them"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "one JSON object instead of the table"},
    {.name = "csv", .kind = OPTION_FLAG, .offset = AT(csv), .help = "comma-separated rows instead of the table"},
};

static void print_table(const gad_speed_report *r)
{
    printf("%s, %d threads, %s, products of %s, output %s\n", r->model, r->threads, r->level, r->products, r->output_hash);
    printf("%-16s %-9s %10s %10s %10s   %-22s %s\n", "stage", "unit", "median", "least", "most", "rate", "of limit");
    for (int i = 0; i < r->rows; i++) {
        const gad_speed_row *row = &r->row[i];
        char rate[32] = "-", share[48] = "-";
        if (row->rate_unit)
            snprintf(rate, sizeof rate, "%.1f %s", row->rate, row->rate_unit);
        if (row->limit > 0)
            snprintf(share, sizeof share, "%.0f %% of %.1f %s", 100 * row->rate / row->limit, row->limit, row->rate_unit);
        printf("%-16s %-9s %10.4g %10.4g %10.4g   %-22s %s\n", row->name, row->unit, row->median, row->min, row->max, rate,
               share);
    }
}

static void print_json(const gad_speed_report *r)
{
    printf("{\"model\": \"%s\", \"threads\": %d, \"cpu\": \"%s\", \"products\": \"%s\", \"output\": \"%s\", \"rows\": [",
           r->model, r->threads, r->level, r->products, r->output_hash);
    for (int i = 0; i < r->rows; i++) {
        const gad_speed_row *row = &r->row[i];
        printf("%s{\"stage\": \"%s\", \"unit\": \"%s\", \"median\": %.6g, \"least\": %.6g, \"most\": %.6g", i ? ", " : "",
               row->name, row->unit, row->median, row->min, row->max);
        if (row->rate_unit)
            printf(", \"rate\": %.6g, \"rate_unit\": \"%s\"", row->rate, row->rate_unit);
        if (row->limit > 0)
            printf(", \"limit\": %.6g", row->limit);
        printf("}");
    }
    printf("]}\n");
}

static void print_csv(const gad_speed_report *r, const gad_compute *compute)
{
    static const char *const quantise[] = {GAD_QUANTISE_WORDS}, *const cache[] = {"F32", "F16", "Q8"};
    printf("model,threads,cpu,products,quant,cache,stage,unit,median,least,most,rate,rate_unit,limit\n");
    for (int i = 0; i < r->rows; i++) {
        const gad_speed_row *row = &r->row[i];
        printf("%s,%d,%s,%s,%s,%s,%s,%s,%.6g,%.6g,%.6g,%.6g,%s,%.6g\n", r->model, r->threads, r->level, r->products,
               quantise[compute->quantise], cache[compute->cache], row->name, row->unit, row->median, row->min, row->max,
               row->rate, row->rate_unit ? row->rate_unit : "", row->limit);
    }
}

/* Sizes that were not given. */
static void complete(int64_t *value, int64_t fallback)
{
    if (*value <= 0)
        *value = fallback;
}

static void complete_sizes(gad_speed_settings *s, bool training)
{
    complete(&s->prompt_tokens, training ? 24 : 512);
    complete(&s->answer_tokens, training ? 84 : 16);
    complete(&s->image_side_px, training ? 128 : s->backbone ? 320 : 448);
}

static int run(void *settings)
{
    speed_options *o = settings;
    gad_error err;
    gad_log log = terminal_log(false);
    gad_speed_report report;
    gad_training_benchmark_settings *t = &o->training;
    const bool training = t->step || t->grpo || t->rollouts;
    if (t->of.backbone && training) {
        fprintf(stderr, "gad speed: --backbone measures features only: leave out --train, --grpo and --rollouts\n");
        return EXIT_USAGE;
    }
    if (t->of.model)
        t->of.model = options_engine_folder(t->of.model);
    else if (!t->of.shape && !t->of.backbone)
        t->of.shape = "gad-s";
    t->of.log = &log;
    complete_sizes(&t->of, training);
    if (training ? gad_training_benchmark_measure(t, &report, &err) : gad_speed_measure(&t->of, &report, &err))
        return terminal_fail(&err);
    if (o->json)
        print_json(&report);
    else if (o->csv)
        print_csv(&report, &t->of.compute);
    else
        print_table(&report);
    return EXIT_DONE;
}

const command cmd_speed = {
    .name = "speed",
    .synopsis = "[--model DIR | --shape NAME | --backbone PATH] [options]",
    .summary = "how fast this machine runs a model, against its own limits",
    .details =
        "Image encode, prefill and decode, each repeated; or training. Without --model or --shape: random weights of "
        "shape gad-s.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .settings_bytes = sizeof(speed_options),
    .run = run,
};
