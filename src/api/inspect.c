/* inspect: gad_inspect of gad.h: pictures as the inspect room takes them. */
#include "inspect/inspect.h"
#include "api/picture.h"
#include "base/error.h"
#include "base/memory.h"

gad_status gad_inspect(gad_engine *engine, gad_picture *const *good, int good_count, const gad_picture *part,
                       const gad_inspect_settings *settings, gad_inspection *result, gad_error *err)
{
    size_t count = good_count > 0 ? (size_t)good_count + 1 : 1;
    gad_turn_part *picture = gad_memory_zero(count, sizeof *picture);
    if (!picture)
        return gad_error_memory(err, "inspect the part", count * sizeof *picture);
    for (size_t i = 0; i < count; i++) {
        const gad_picture *p = i + 1 < count ? good[i] : part;
        picture[i] = (gad_turn_part){.image = &p->image, .hash = p->hash};
    }
    gad_status status = gad_inspect_pictures(engine, picture, good_count < 0 ? 0 : good_count + 1, settings, result, err);
    gad_memory_free(picture);
    return status;
}
