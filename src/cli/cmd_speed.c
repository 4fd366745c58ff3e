/* cmd_speed: gad speed: a table of how fast this machine runs a model. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/terminal.h"

typedef struct speed_options {
    const char *model, *shape, *quant, *cpu;
    bool limits, json, csv;
    int64_t threads, prompt, answer, image, repeats;
} speed_options;

#define AT(field) offsetof(speed_options, field)
static const option table[] = {
    {.name = "model",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(model),
     .help = "checkpoint folder to measure"},
    {.name = "shape",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(shape),
     .help = "measure random weights of a named shape instead, such as qwen2.5-vl-3b or gad-s"},
    {.name = "quant",
     .argument = "KIND",
     .kind = OPTION_CHOICE,
     .offset = AT(quant),
     .choices = "none|q8|q8-all",
     .fallback = "none",
     .help = "int8 weights: of the language model, or of the vision tower as well"},
    {.name = "threads",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(threads),
     .help = "0: all processors",
     .fallback = "0"},
    {.name = "prompt-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(prompt),
     .minimum = 1,
     .fallback = "512",
     .help = "length of the prompt"},
    {.name = "answer-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(answer),
     .minimum = 1,
     .fallback = "16",
     .help = "tokens to generate"},
    {.name = "image",
     .argument = "PX",
     .kind = OPTION_INT,
     .offset = AT(image),
     .minimum = 1,
     .fallback = "448",
     .help = "side of the square image"},
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
    {.name = "cpu",
     .argument = "LEVEL",
     .kind = OPTION_CHOICE,
     .offset = AT(cpu),
     .choices = "best|avx512|avx2|portable",
     .fallback = "best",
     .help = "newest instructions to use"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "one JSON object instead of the table"},
    {.name = "csv", .kind = OPTION_FLAG, .offset = AT(csv), .help = "comma-separated rows instead of the table"},
};

static void print_table(const gad_speed_report *r)
{
    printf("%s, %d threads, %s, output %s\n", r->model, r->threads, r->level, r->output_hash);
    printf("%-14s %-9s %10s %10s %10s   %-22s %s\n", "stage", "unit", "median", "least", "most", "rate", "of limit");
    for (int i = 0; i < r->rows; i++) {
        const gad_speed_row *row = &r->row[i];
        char rate[32] = "-", share[48] = "-";
        if (row->rate_unit)
            snprintf(rate, sizeof rate, "%.1f %s", row->rate, row->rate_unit);
        if (row->limit > 0)
            snprintf(share, sizeof share, "%.0f %% of %.1f %s", 100 * row->rate / row->limit, row->limit, row->rate_unit);
        printf("%-14s %-9s %10.4g %10.4g %10.4g   %-22s %s\n", row->name, row->unit, row->median, row->least, row->most,
               rate, share);
    }
}

static void print_json(const gad_speed_report *r)
{
    printf("{\"model\": \"%s\", \"threads\": %d, \"cpu\": \"%s\", \"output\": \"%s\", \"rows\": [", r->model, r->threads,
           r->level, r->output_hash);
    for (int i = 0; i < r->rows; i++) {
        const gad_speed_row *row = &r->row[i];
        printf("%s{\"stage\": \"%s\", \"unit\": \"%s\", \"median\": %.6g, \"least\": %.6g, \"most\": %.6g", i ? ", " : "",
               row->name, row->unit, row->median, row->least, row->most);
        if (row->rate_unit)
            printf(", \"rate\": %.6g, \"rate_unit\": \"%s\"", row->rate, row->rate_unit);
        if (row->limit > 0)
            printf(", \"limit\": %.6g", row->limit);
        printf("}");
    }
    printf("]}\n");
}

static void print_csv(const gad_speed_report *r)
{
    printf("model,threads,cpu,stage,unit,median,least,most,rate,rate_unit,limit\n");
    for (int i = 0; i < r->rows; i++) {
        const gad_speed_row *row = &r->row[i];
        printf("%s,%d,%s,%s,%s,%.6g,%.6g,%.6g,%.6g,%s,%.6g\n", r->model, r->threads, r->level, row->name, row->unit,
               row->median, row->least, row->most, row->rate, row->rate_unit ? row->rate_unit : "", row->limit);
    }
}

static int run(void *settings)
{
    const speed_options *o = settings;
    gad_error err;
    gad_log log = terminal_log(false);
    gad_speed_settings s = {.model = o->model,
                            .shape = o->shape,
                            .threads = (int)o->threads,
                            .prompt_tokens = o->prompt,
                            .answer_tokens = o->answer,
                            .image_side_px = o->image,
                            .repeats = o->repeats,
                            .limits = o->limits,
                            .log = &log};
    if (!o->model && !o->shape)
        s.shape = "gad-s";
    s.quantise = strcmp(o->quant, "none") != 0;
    s.quantise_vision = !strcmp(o->quant, "q8-all");
    s.cpu_level = strcmp(o->cpu, "best") ? o->cpu : NULL;
    gad_speed_report report;
    if (gad_speed_measure(&s, &report, &err))
        return terminal_fail(&err);
    if (o->json)
        print_json(&report);
    else if (o->csv)
        print_csv(&report);
    else
        print_table(&report);
    return EXIT_DONE;
}

const command cmd_speed = {
    .name = "speed",
    .synopsis = "[--model DIR | --shape NAME] [options]",
    .summary = "how fast this machine runs a model, against its own limits",
    .details =
        "Image encode, prefill and decode, each repeated. Without --model or --shape: random weights of shape gad-s.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .settings_bytes = sizeof(speed_options),
    .run = run,
};
