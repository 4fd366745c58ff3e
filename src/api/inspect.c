/* inspect: gad_inspect of gad.h: pictures as the inspect room takes them. */
#include "inspect/inspect.h"
#include "api/picture.h"
#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "inspect the part";

gad_status gad_inspect(gad_engine *engine, gad_picture *const *good, int good_count, const gad_picture *part,
                       const gad_inspect_settings *settings, gad_inspection *result, gad_error *err)
{
    if (part->fitted)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "load it again",
                             "only what an engine sees of this picture was kept; it can be shown, not be inspected");
    size_t count = good_count > 0 ? (size_t)good_count + 1 : 1;
    gad_turn_part *picture = gad_memory_zero(count, sizeof *picture);
    if (!picture)
        return gad_error_memory(err, operation, count * sizeof *picture);
    for (size_t i = 0; i < count; i++) {
        const gad_picture *p = i + 1 < count ? good[i] : part;
        picture[i] = (gad_turn_part){.image = &p->image, .hash = p->hash, .look = p->fitted ? &p->look : NULL};
    }
    gad_status status = gad_inspect_pictures(engine, picture, good_count < 0 ? 0 : good_count + 1, settings, result, err);
    gad_memory_free(picture);
    return status;
}
