/* kept: see kept.h */
#include "inspect/kept.h"

#include "base/error.h"
#include "base/memory.h"

static void free_kept(void *given)
{
    gad_kept *kept = given;
    if (kept) {
        gad_prepared_free_kept(&kept->good);
        gad_backbone_free(kept->backbone);
        gad_product_free(kept->memory);
    }
    gad_memory_free(kept);
}

gad_status gad_kept_of(gad_engine *engine, gad_kept **kept, gad_error *err)
{
    if (!engine->kept) {
        engine->kept = gad_memory_zero(1, sizeof(gad_kept));
        engine->free_kept = free_kept;
    }
    *kept = engine->kept;
    return *kept ? GAD_OK : gad_error_memory(err, "inspect the part", sizeof **kept);
}

const gad_look *gad_kept_find_look(const gad_kept *kept, gad_hash hash)
{
    for (int i = 0; i < GAD_KEPT_LOOKS; i++)
        if (gad_hash_equal(kept->look[i].of, hash))
            return &kept->look[i].look;
    return NULL;
}

void gad_kept_add_look(gad_kept *kept, gad_hash hash, const gad_look *look)
{
    kept->look[kept->look_next] = (struct gad_kept_look){hash, *look};
    kept->look_next = (kept->look_next + 1) % GAD_KEPT_LOOKS;
}
