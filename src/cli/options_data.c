/* options_data: see options_data.h */
#include "cli/options_data.h"

#include <stdio.h>

static const option store_options[] = {
    {.name = "store", .argument = "FILE", .kind = OPTION_STRING, .fallback = "gad-data.db", .help = "the store"},
};
const option_table options_data_store = {store_options, OPTIONS_COUNT(store_options)};

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
     .choices = CHOICES(GAD_DATA_LABEL_WORDS),
     .fallback = "all",
     .help = "only normal or only anomalous ones"},
};
const option_table options_data_label = {label, OPTIONS_COUNT(label)};

static const option share_options[] = {
    {.name = "shard",
     .argument = "K/N",
     .kind = OPTION_STRING,
     .help = "work on every N-th item from the K-th on, beside N-1 other processes (default: as mpirun or srun say); what "
             "they find out goes into FILE.parts, and the same command without --shard puts it into the store"},
};
const option_table options_data_share = {share_options, OPTIONS_COUNT(share_options)};

gad_status options_data_open(const char *store, const char *shard, gad_data_mode whole, gad_share *share, gad_data **data,
                             gad_error *err)
{
    gad_status status = gad_share_read(shard, share, err);
    return status ? status : gad_data_open(store, share->count > 1 ? GAD_DATA_BESIDE : whole, data, err);
}

void options_data_tell(const char *store, const gad_share *share)
{
    if (share->count > 1)
        printf("share %lld of %lld: kept in %s.parts until this command runs without --shard, mpirun or srun\n",
               (long long)share->index + 1, (long long)share->count, store);
}
