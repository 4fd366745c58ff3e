/* pair_part: see pair_part.h. A feature is base64, matches are [[candidate, score, total], ...]. */
#include "data/pair_part.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/string.h"

uint16_t *gad_pair_part_feature(const gad_part *part, gad_hash key, size_t bytes)
{
    size_t length = 0;
    gad_string decoded = {0};
    const char *line = gad_part_find(part, key, &length);
    if (!line || !gad_base64_decode(line, length, &decoded) || decoded.length != bytes) {
        gad_string_free(&decoded);
        return NULL;
    }
    return (uint16_t *)(void *)decoded.data;
}

gad_status gad_pair_part_add_feature(const gad_part *part, gad_hash key, const uint16_t *feature, size_t bytes)
{
    gad_string text = {0};
    if (!feature || !gad_part_is_share(part))
        return GAD_OK;
    gad_base64_encode(feature, bytes, &text);
    gad_status status = text.failed ? GAD_E_MEMORY : gad_part_add(part, key, text.data, text.length, NULL);
    gad_string_free(&text);
    return status;
}

static bool read_match(const json_t *line, size_t candidates, gad_align_match *match)
{
    json_int_t candidate;
    if (json_unpack((json_t *)(uintptr_t)line, "[I, F, F]", &candidate, &match->score, &match->total) || candidate < 0 ||
        (uint64_t)candidate >= candidates)
        return false;
    match->candidate = (size_t)candidate;
    return true;
}

bool gad_pair_part_matches(const gad_part *part, gad_hash key, size_t candidates, int most, gad_align_match *best,
                           int *found)
{
    size_t length = 0;
    json_t *root = NULL;
    const char *line = gad_part_find(part, key, &length);
    if (!line || gad_json_parse(line, length, "a part", &root, NULL))
        return false;
    const size_t count = json_array_size(root);
    bool good = json_is_array(root) && count <= (size_t)most;
    for (size_t i = 0; i < count && good; i++)
        good = read_match(json_array_get(root, i), candidates, &best[i]);
    *found = good ? (int)count : 0;
    json_decref(root);
    return good;
}

gad_status gad_pair_part_add_matches(const gad_part *part, gad_hash key, const gad_align_match *best, int found)
{
    gad_string line = {0};
    if (!gad_part_is_share(part))
        return GAD_OK;
    gad_string_add(&line, "[");
    for (int i = 0; i < found; i++)
        gad_string_addf(&line, "%s[%zu,%.17g,%.17g]", i ? "," : "", best[i].candidate, best[i].score, best[i].total);
    gad_string_add(&line, "]");
    gad_status status = line.failed ? GAD_E_MEMORY : gad_part_add(part, key, line.data, line.length, NULL);
    gad_string_free(&line);
    return status;
}
