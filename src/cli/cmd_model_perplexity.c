/* cmd_model_perplexity: gad model perplexity: what weights in fewer bits cost on a text. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/options_engine.h"
#include "cli/terminal.h"
#include "gad_bench.h"

typedef struct perplexity_options {
    option_list model;
    gad_perplexity_settings s;
    bool json;
} perplexity_options;

#define AT(field) offsetof(perplexity_options, field)
static const option table[] = {
    {.name = "text", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(s.text), .help = "the text, UTF-8"},
    {.name = "mmproj",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(s.mmproj),
     .help = OPTIONS_ENGINE_MMPROJ_HELP},
    {.name = "window",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.window_tokens),
     .minimum = 2,
     .fallback = "512",
     .help = "tokens that are read at a time; each window begins anew"},
    {.table = &options_engine_compute, .offset = AT(s.compute)},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "one JSON object instead of text"},
};

static int run(void *settings)
{
    perplexity_options *o = settings;
    gad_error err;
    gad_log log = terminal_log(false);
    gad_perplexity_report r;
    o->s.model = options_engine_folder(o->model.count ? o->model.item[0] : NULL);
    o->s.log = &log;
    if (!o->s.text) {
        fputs("gad model perplexity: --text FILE is missing\nTry: gad model perplexity --help\n", stderr);
        return EXIT_USAGE;
    }
    if (gad_perplexity_measure(&o->s, &r, &err))
        return terminal_fail(&err);
    printf(o->json
               ? "{\"tokens\": %lld, \"fp32\": %.6g, \"perplexity\": %.6g, \"kl\": %.6g, \"most_kl\": %.6g, "
                 "\"same_word\": %.6g}\n"
               : "%lld tokens: perplexity in fp32 %.4f, as asked %.4f; KL divergence %.3g (most %.3g), same likeliest word "
                 "%.4g\n",
           (long long)r.tokens, r.plain, r.asked, r.divergence, r.most_divergence, r.same_word);
    return EXIT_DONE;
}

const command cmd_model_perplexity = {
    .name = "model perplexity",
    .synopsis = "--text FILE [options] [MODEL]",
    .summary = "how well a model predicts a text, and what fewer bits change",
    .details = "The model is loaded twice: as it is stored with fp32 products, and as --quant, --precision and --cache\n"
               "say. The divergence is that of the second's predicted words from the first's, in nats, a token.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .max_arguments = 1,
    .arguments_offset = AT(model),
    .settings_bytes = sizeof(perplexity_options),
    .run = run,
};
