/* picture: gad_picture_* of gad.h. */
#include "api/picture.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

gad_status gad_picture_load(const char *path, gad_picture **picture, gad_error *err)
{
    gad_picture *p = gad_memory_zero(1, sizeof *p);
    if (!p)
        return gad_error_memory(err, "read image", sizeof *p);
    gad_status status = gad_image_load(path, &p->image, err);
    if (status) {
        gad_memory_free(p);
        return status;
    }
    p->hash = gad_image_hash(&p->image);
    gad_hash_text(p->hash, p->hash_text);
    *picture = p;
    return GAD_OK;
}

void gad_picture_free(gad_picture *picture)
{
    if (!picture)
        return;
    gad_image_free(&picture->image);
    gad_memory_free(picture);
}

int gad_picture_width_px(const gad_picture *picture)
{
    return (int)picture->image.width;
}

int gad_picture_height_px(const gad_picture *picture)
{
    return (int)picture->image.height;
}

const char *gad_picture_hash(const gad_picture *picture)
{
    return picture->hash_text;
}

bool gad_picture_is_name(const char *path)
{
    static const char *const extensions[] = {"png", "jpg", "jpeg", "tif", "tiff", "webp", "bmp"};
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (gad_file_has_extension(path, extensions[i]))
            return true;
    return false;
}
