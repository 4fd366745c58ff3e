/* likeness: see likeness.h */
#include "inspect/likeness.h"

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "inspect/kept.h"
#include "inspect/product.h"

/* Without a backbone the looks alone decide, which is said once. */
static gad_status find_backbone(gad_engine *engine, gad_kept *kept, gad_error *err)
{
    gad_error why;
    if (kept->backbone_sought)
        return GAD_OK;
    gad_status status = gad_product_backbone(NULL, NULL, engine->device.threads, &kept->backbone, &why);
    if (status == GAD_E_MEMORY)
        return gad_error_memory(err, why.operation, 0);
    if (status)
        gad_log_warning(engine->log, "%s: another product is told by colours, contrast and detail alone", why.cause);
    kept->backbone_sought = true;
    return GAD_OK;
}

static gad_status look_at(gad_engine *engine, gad_kept *kept, const gad_turn_part *part, gad_look *look, gad_error *err)
{
    gad_image fitted = {0};
    const gad_image *picture;
    const gad_image_entry *entry;
    *look = part->look ? *part->look : gad_familiar_look(part->image);
    gad_status status = find_backbone(engine, kept, err);
    if (status || !kept->backbone)
        return status;
    status = gad_engine_encode(engine, part->image, part->look != NULL, part->hash, &entry, err);
    if (!status)
        status = gad_turn_picture(engine, part, entry, &fitted, &picture, err);
    if (!status)
        status = gad_familiar_see(kept->backbone, picture, look, err);
    gad_image_free(&fitted);
    return status;
}

static gad_status look_at_good(gad_engine *engine, gad_kept *kept, const gad_turn_part *part, gad_look *look,
                               gad_error *err)
{
    const gad_look *known = gad_kept_find_look(kept, part->hash);
    if (known) {
        *look = *known;
        return GAD_OK;
    }
    gad_status status = look_at(engine, kept, part, look, err);
    if (!status)
        gad_kept_add_look(kept, part->hash, look);
    return status;
}

gad_status gad_likeness_measure(gad_engine *engine, const gad_turn_part *part, size_t part_count,
                                gad_familiarity *familiarity, gad_error *err)
{
    gad_kept *kept;
    const gad_turn_part *last = NULL;
    int count = 0;
    *familiarity = (gad_familiarity){-1, -1};
    gad_status status = gad_kept_of(engine, &kept, err);
    gad_look *look = status ? NULL : gad_memory_alloc(part_count, sizeof *look);
    if (!status && !look)
        status = gad_error_memory(err, "inspect the part", part_count * sizeof *look);
    for (size_t i = 0; i < part_count && !status; i++) {
        if (part[i].text || part[i].beside)
            continue;
        if (last)
            status = look_at_good(engine, kept, last, &look[count++], err);
        last = &part[i];
    }
    if (!status && count)
        status = look_at(engine, kept, last, &look[count], err);
    if (!status && count)
        *familiarity = gad_familiar_measure(&look[count], look, count);
    gad_memory_free(look);
    return status;
}
