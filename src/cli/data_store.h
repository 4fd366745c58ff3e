/* data_store: the options that the data commands share. */
#ifndef GAD_CLI_DATA_STORE_H
#define GAD_CLI_DATA_STORE_H
#include "cli/options.h"

#define DATA_STORE_OPTION(place)                                                                                           \
    {                                                                                                                      \
        .name = "store", .argument = "FILE", .kind = OPTION_STRING, .offset = (place), .fallback = "gad-data.db",          \
        .help = "the store"                                                                                                \
    }

/* Which samples; `type` is the settings struct with the members dataset, class_name, split. */
#define DATA_FILTER_OPTIONS(type)                                                                                          \
    {.help = "Which samples"},                                                                                             \
        {.name = "dataset",                                                                                                \
         .argument = "NAME",                                                                                               \
         .kind = OPTION_STRING,                                                                                            \
         .offset = offsetof(type, dataset),                                                                                \
         .help = "only this dataset"},                                                                                     \
        {.name = "class",                                                                                                  \
         .argument = "NAME",                                                                                               \
         .kind = OPTION_STRING,                                                                                            \
         .offset = offsetof(type, class_name),                                                                             \
         .help = "only this class"},                                                                                       \
    {                                                                                                                      \
        .name = "split", .argument = "NAME", .kind = OPTION_STRING, .offset = offsetof(type, split),                       \
        .help = "only this split"                                                                                          \
    }
#endif
