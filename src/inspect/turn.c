/* turn: see turn.h */
#include "inspect/turn.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "evidence/evidence.h"
#include "inspect/kept.h"
#include "inspect/recall.h"

static const char operation[] = "inspect the part";

/* The images of a turn on their way: the good parts, then the one to inspect. */
typedef struct images {
    size_t count;                  /* so far */
    const gad_image_rows **rows;   /* [count] as the language model reads them; the engine's, or turn->compared */
    const gad_prepared **prepared; /* [count] where the model compares: worked up; of what is kept, or &last */
    gad_prepared last;             /* the part to inspect, which does not come again */
} images;

static void free_images(images *s)
{
    gad_prepared_free(&s->last);
    gad_memory_free(s->prepared);
    gad_memory_free(s->rows);
}

gad_status gad_turn_picture(const gad_engine *e, const gad_turn_part *part, const gad_image_entry *entry, gad_image *fitted,
                            const gad_image **picture, gad_error *err)
{
    *picture = part->look ? part->image : entry->picture.pixels ? &entry->picture : fitted;
    return *picture == fitted ? gad_preprocess_fit(&e->preprocess, part->image, fitted, err) : GAD_OK;
}

static gad_status prepare(const gad_engine *e, const gad_turn_part *part, const gad_image_entry *entry,
                          gad_prepared *prepared, gad_error *err)
{
    gad_image fitted = {0};
    const gad_image *picture;
    gad_status status = gad_turn_picture(e, part, entry, &fitted, &picture, err);
    if (!status)
        status = gad_prepared_make(&e->preprocess, picture, prepared, err);
    gad_image_free(&fitted);
    return status;
}

/* A good part is prepared once for a series of parts. */
static gad_status prepare_good(gad_engine *e, const gad_turn_part *part, const gad_image_entry *entry,
                               const gad_prepared **prepared, gad_error *err)
{
    gad_kept *kept;
    gad_prepared made = {0};
    gad_status status = gad_kept_of(e, &kept, err);
    if (status || (*prepared = gad_prepared_find(&kept->good, part->hash)))
        return status;
    status = prepare(e, part, entry, &made, err);
    if (!status)
        status = gad_prepared_keep(&kept->good, part->hash, &made, prepared, err);
    gad_prepared_free(&made);
    return status;
}

static gad_status encode_image(gad_engine *e, const gad_turn_part *part, bool compares, bool last, images *s,
                               gad_turn *turn, gad_error *err)
{
    const gad_image_entry *entry;
    gad_status status = gad_engine_encode(e, part->image, part->look != NULL, part->hash, &entry, err);
    if (!status && compares)
        status = last ? prepare(e, part, entry, &s->last, err) : prepare_good(e, part, entry, &s->prepared[s->count], err);
    if (status)
        return status;
    if (compares && last)
        s->prepared[s->count] = &s->last;
    s->rows[s->count++] = &entry->rows;
    if (!part->beside)
        turn->view = entry->view;
    return GAD_OK;
}

static gad_status encode(gad_engine *e, const gad_turn_part *part, size_t part_count, images *s, gad_turn *turn,
                         gad_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < part_count; i++)
        total += !part[i].text;
    s->prepared = gad_memory_zero(total, sizeof *s->prepared);
    s->rows = gad_memory_alloc(total, sizeof *s->rows);
    if (!s->prepared || !s->rows)
        return gad_error_memory(err, operation, total * sizeof *s->rows);
    const bool compares = gad_head_exists(&e->model) && total > 1;
    gad_status status = GAD_OK;
    for (size_t i = 0; i < part_count && !status; i++)
        if (!part[i].text)
            status = encode_image(e, &part[i], compares, s->count + 1 == total, s, turn, err);
    return status;
}

/* The heat map in rows, from cells in the order of tokens, and its regions. */
static gad_status take_heat(const gad_engine *e, gad_grid grid, const gad_evidence_map *map, gad_turn *turn, gad_error *err)
{
    int64_t side = gad_config_map_side(&e->model.config.evidence), across = grid.cols / 2;
    turn->heat_rows = grid.rows / 2 * side;
    turn->heat_cols = across * side;
    size_t cells = (size_t)(turn->heat_rows * turn->heat_cols);
    turn->heat = gad_memory_alloc(cells, sizeof *turn->heat);
    if (!turn->heat)
        return gad_error_memory(err, operation, cells * sizeof *turn->heat);
    for (int64_t y = 0; y < turn->heat_rows; y++)
        for (int64_t x = 0; x < turn->heat_cols; x++)
            turn->heat[y * turn->heat_cols + x] = map->logit[gad_regions_cell(across, side, y, x)];
    memcpy(turn->region, map->region, sizeof turn->region);
    memcpy(turn->measurement, map->measurement, sizeof turn->measurement);
    memcpy(turn->words, map->words, sizeof turn->words);
    turn->region_count = map->region_count;
    return GAD_OK;
}

/* How far several good parts stand out from each other. */
static gad_status find_level(gad_engine *e, const images *s, int64_t count, float *level, gad_error *err)
{
    gad_hash hash = {0};
    gad_kept *k;
    *level = 0;
    if (count < 2)
        return GAD_OK;
    gad_status status = gad_kept_of(e, &k, err);
    if (status)
        return status;
    for (int64_t i = 0; i < count; i++)
        hash = gad_hash_combine(hash, s->rows[i]->hash);
    if (!gad_hash_equal(hash, k->level_of)) {
        status =
            gad_evidence_level(&e->model, &e->device, e->timeline.adapters, s->prepared, s->rows, count, &k->level, err);
        k->level_of = status ? (gad_hash){0} : hash;
    }
    *level = k->level;
    return status;
}

/* The last image against the others, when the model can. */
static gad_status compare(gad_engine *e, const gad_turn_part *part, size_t part_count, images *s, gad_turn *turn,
                          gad_error *err)
{
    if (!gad_head_exists(&e->model) || s->count < 2)
        return GAD_OK;
    gad_grid grid = s->rows[s->count - 1]->grid;
    size_t cells = (size_t)(gad_grid_tokens(grid) * gad_config_map_cells(&e->model.config.evidence));
    gad_evidence_map map = {.logit = gad_memory_alloc(cells, sizeof *map.logit)};
    turn->compared = gad_memory_zero(1, sizeof *turn->compared);
    gad_status status = turn->compared && map.logit ? GAD_OK : gad_error_memory(err, operation, cells * sizeof *map.logit);
    float level = 0;
    int64_t side = gad_config_map_side(&e->model.config.evidence);
    gad_recall recall = {.rows = grid.rows / 2 * side, .cols = grid.cols / 2 * side};
    if (!status)
        status = gad_recall_make(e, part, part_count, &recall, err);
    map.memory = recall.logit;
    turn->remembered = recall.score;
    if (!status)
        status = find_level(e, s, (int64_t)s->count - 1, &level, err);
    if (!status)
        status = gad_evidence_make(&e->model, &e->device, e->timeline.adapters, s->prepared, s->rows, (int64_t)s->count,
                                   level, turn->compared, &map, err);
    if (!status)
        status = take_heat(e, grid, &map, turn, err);
    if (!status)
        s->rows[s->count - 1] = turn->compared;
    turn->trust = map.trust;
    gad_memory_free(recall.logit);
    gad_memory_free(map.logit);
    return status;
}

static gad_status render(gad_engine *e, const gad_turn_part *part, size_t part_count, const images *s, gad_turn *turn,
                         gad_error *err)
{
    gad_engine_part *asked = gad_memory_zero(part_count, sizeof *asked);
    if (!asked)
        return gad_error_memory(err, operation, part_count * sizeof *asked);
    for (size_t i = 0, image = 0; i < part_count; i++)
        asked[i] = (gad_engine_part){part[i].text, part[i].text ? NULL : s->rows[image++], part[i].role};
    gad_status status = gad_engine_make_turn(e, asked, part_count, &turn->asked, err);
    gad_memory_free(asked);
    return status;
}

gad_status gad_turn_make(gad_engine *e, const gad_turn_part *part, size_t part_count, gad_turn *turn, gad_error *err)
{
    images s = {0};
    *turn = (gad_turn){.trust = 1};
    gad_device_recover(&e->device);
    gad_status status = encode(e, part, part_count, &s, turn, err);
    if (!status)
        status = compare(e, part, part_count, &s, turn, err);
    if (!status)
        status = render(e, part, part_count, &s, turn, err);
    free_images(&s);
    gad_kept *kept = e->kept;
    if (kept)
        gad_prepared_forget(&kept->good);
    if (status)
        gad_turn_free(e, turn);
    return status;
}

void gad_turn_free(gad_engine *e, gad_turn *turn)
{
    gad_engine_free_turn(e, &turn->asked);
    if (turn->compared)
        gad_memory_free(turn->compared->rows);
    gad_memory_free(turn->compared);
    gad_memory_free(turn->heat);
    *turn = (gad_turn){0};
}
