/* options_data: see options_data.h */
#include "cli/options_data.h"

static const option store[] = {
    {.name = "store", .argument = "FILE", .kind = OPTION_STRING, .fallback = "gad-data.db", .help = "the store"},
};
const option_table options_data_store = {store, OPTIONS_COUNT(store)};

#define AT(field) offsetof(gad_data_filter, field)
static const option filter[] = {
    {.help = "Which samples"},
    {.name = "dataset", .argument = "NAME", .kind = OPTION_STRING, .offset = AT(dataset), .help = "only this dataset"},
    {.name = "class", .argument = "NAME", .kind = OPTION_STRING, .offset = AT(class_name), .help = "only this class"},
    {.name = "split", .argument = "NAME", .kind = OPTION_STRING, .offset = AT(split), .help = "only this split"},
};
const option_table options_data_filter = {filter, OPTIONS_COUNT(filter)};

static const option label[] = {
    {.name = "label",
     .argument = "WHICH",
     .kind = OPTION_ENUM,
     .offset = AT(label),
     .choices = "all|normal|anomalous",
     .fallback = "all",
     .help = "only normal or only anomalous ones"},
};
const option_table options_data_label = {label, OPTIONS_COUNT(label)};
