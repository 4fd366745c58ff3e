/* label_studio: the regions of one annotation of Label Studio, as label_studio_region.c reads them. */
#ifndef GAD_DATA_ADAPTER_LABEL_STUDIO_H
#define GAD_DATA_ADAPTER_LABEL_STUDIO_H
#include "base/json.h"
#include "data/import.h"

/* What was drawn in an image. Texts belong to the JSON. */
typedef struct gad_label_studio_regions {
    gad_import_box *box;
    size_t count, capacity;
    json_t *meta;            /* run lengths of brushes, rectangles as they were before rotation; NULL: neither */
    const char *point_label; /* of a key point: a defect without extent; NULL: none */
    const char *choice;      /* what was chosen for the whole image; NULL: nothing */
    char unreadable[160];    /* why a region could not be read; "": all were */
} gad_label_studio_regions;

/* `width`, `height`: of the image in pixels, in the frame that the percentages are meant in. */
gad_status gad_label_studio_region_read(const json_t *result, int width, int height, gad_label_studio_regions *regions,
                                        gad_error *err);
void gad_label_studio_region_free(gad_label_studio_regions *regions);

/* A brush's run lengths (`count` bytes of a bit stream over 4 * width * height values, RGBA) into one byte per pixel, set
 * where the fourth value is. False when they are damaged. */
bool gad_label_studio_brush_read(const unsigned char *bytes, size_t count, int width, int height, unsigned char *mask);
#endif
