/* kept: see kept.h */
#include "inspect/kept.h"

#include "base/error.h"
#include "base/memory.h"

static void free_kept(void *kept)
{
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
