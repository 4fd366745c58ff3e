/* cmd_speed: gad speed: a table of how fast this machine runs a model. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/options_engine.h"
#include "cli/terminal.h"
#include "gad_bench.h"

typedef struct speed_options {
    const char *model, *mmproj, *shape, *backbone;
    compute_options compute;
    bool limits, json, csv, train, grpo, rollouts, checkpointing;
    int64_t prompt, answer, batch, image, repeats, samples, group, lora;
} speed_options;

#define AT(field) offsetof(speed_options, field)
static const option table[] = {
    {.name = "model",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(model),
     .help = "checkpoint folder or .gguf file to measure"},
    {.name = "mmproj", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(mmproj), .help = OPTIONS_ENGINE_MMPROJ_HELP},
    {.name = "shape",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(shape),
     .help = "measure random weights of a named shape instead, such as qwen2.5-vl-3b or gad-s"},
    {.name = "backbone",
     .argument = "PATH",
     .kind = OPTION_STRING,
     .offset = AT(backbone),
     .help = "measure pretrained features instead: an EfficientNet-Lite file or a folder of DINOv2 or DINOv3"},
    {.table = &options_engine_compute, .offset = AT(compute)},
    {.name = "prompt-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(prompt),
     .fallback = "0",
     .help = "text of the prompt; 0: 512, with --train, --grpo or --rollouts 24 besides the images"},
    {.name = "answer-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(answer),
     .fallback = "0",
     .help = "length of an answer; 0: 16, with --train, --grpo or --rollouts 84"},
    {.name = "batch",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(batch),
     .fallback = "0",
     .help = "also: so many answers to the prompt, decoded together"},
    {.name = "image",
     .argument = "PX",
     .kind = OPTION_INT,
     .offset = AT(image),
     .fallback = "0",
     .help = "side of the square image; 0: 448, with --backbone 320, with --train, --grpo or --rollouts 128"},
    {.name = "repeats",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(repeats),
     .minimum = 1,
     .fallback = "3",
     .help = "measured rounds, after one to warm up"},
    {.name = "limits",
     .kind = OPTION_FLAG,
     .offset = AT(limits),
     .help = "measure memory bandwidth and multiply-add peak in the same run, and show the share reached"},
    {.name = "train",
     .kind = OPTION_FLAG,
     .offset = AT(train),
     .help = "instead: SFT steps on pairs of images, in their parts, beside a large matrix product"},
    {.name = "grpo",
     .kind = OPTION_FLAG,
     .offset = AT(grpo),
     .help = "instead: GRPO steps on one pair: a group of answers, and the update"},
    {.name = "lora",
     .argument = "RANK",
     .kind = OPTION_INT,
     .offset = AT(lora),
     .fallback = "0",
     .help = "steps train adapters of this rank on the language model; 0: all of it"},
    {.name = "rollouts",
     .kind = OPTION_FLAG,
     .offset = AT(rollouts),
     .help = "instead: answers to one prompt, with a shared prefix and without"},
    {.name = "samples",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(samples),
     .minimum = 1,
     .fallback = "16",
     .help = "samples of a step"},
    {.name = "group",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(group),
     .minimum = 1,
     .fallback = "8",
     .help = "answers of a rollout or GRPO step"},
    {.name = "checkpointing",
     .kind = OPTION_FLAG,
     .offset = AT(checkpointing),
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

static void print_csv(const gad_speed_report *r, const compute_options *compute)
{
    printf("model,threads,cpu,products,quant,cache,stage,unit,median,least,most,rate,rate_unit,limit\n");
    for (int i = 0; i < r->rows; i++) {
        const gad_speed_row *row = &r->row[i];
        printf("%s,%d,%s,%s,%s,%s,%s,%s,%.6g,%.6g,%.6g,%.6g,%s,%.6g\n", r->model, r->threads, r->level, r->products,
               compute->quant, compute->half_cache ? "F16" : "F32", row->name, row->unit, row->median, row->min, row->max,
               row->rate, row->rate_unit ? row->rate_unit : "", row->limit);
    }
}

/* Sizes that were not given. */
static int64_t given(int64_t value, int64_t fallback)
{
    return value > 0 ? value : fallback;
}

static gad_status measure_training(const speed_options *o, const gad_log *log, gad_speed_report *report, gad_error *err)
{
    gad_training_benchmark_settings s = {.model = o->model ? options_engine_folder(o->model) : NULL,
                                         .mmproj = o->mmproj,
                                         .shape = o->model || o->shape ? o->shape : "gad-s",
                                         .threads = (int)o->compute.threads,
                                         .device = o->compute.device,
                                         .cpu_level = options_engine_cpu_level(o->compute.cpu),
                                         .precision = options_engine_precision(o->compute.precision),
                                         .lora_rank = o->lora,
                                         .step = o->train,
                                         .grpo = o->grpo,
                                         .rollouts = o->rollouts,
                                         .checkpointing = o->checkpointing,
                                         .limits = o->limits,
                                         .samples = o->samples,
                                         .group = o->group,
                                         .text_tokens = given(o->prompt, 24),
                                         .answer_tokens = given(o->answer, 84),
                                         .image_side_px = given(o->image, 128),
                                         .repeats = o->repeats,
                                         .log = log};
    return gad_training_benchmark_measure(&s, report, err);
}

static gad_status measure_answers(const speed_options *o, const gad_log *log, gad_speed_report *report, gad_error *err)
{
    gad_speed_settings s = {.model = o->model ? options_engine_folder(o->model) : NULL,
                            .mmproj = o->mmproj,
                            .shape = o->model || o->shape || o->backbone ? o->shape : "gad-s",
                            .backbone = o->backbone,
                            .quantise = options_engine_quantise(o->compute.quant),
                            .quantise_vision = options_engine_quantise_vision(o->compute.quant),
                            .precision = options_engine_precision(o->compute.precision),
                            .half_cache = o->compute.half_cache,
                            .threads = (int)o->compute.threads,
                            .device = o->compute.device,
                            .cpu_level = options_engine_cpu_level(o->compute.cpu),
                            .prompt_tokens = given(o->prompt, 512),
                            .answer_tokens = given(o->answer, 16),
                            .image_side_px = given(o->image, o->backbone ? 320 : 448),
                            .repeats = o->repeats,
                            .batch = o->batch,
                            .limits = o->limits,
                            .log = log};
    return gad_speed_measure(&s, report, err);
}

static int run(void *settings)
{
    const speed_options *o = settings;
    gad_error err;
    gad_log log = terminal_log(false);
    gad_speed_report report;
    const bool training = o->train || o->grpo || o->rollouts;
    if (o->backbone && training) {
        fprintf(stderr, "gad speed: --backbone measures features only: leave out --train, --grpo and --rollouts\n");
        return EXIT_USAGE;
    }
    if ((training ? measure_training : measure_answers)(o, &log, &report, &err))
        return terminal_fail(&err);
    if (o->json)
        print_json(&report);
    else if (o->csv)
        print_csv(&report, &o->compute);
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
