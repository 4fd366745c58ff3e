/* area: see area.h */
#include "inspect/area.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

static const char operation[] = "choose what is looked at";
enum { GREY = 128 };

static int64_t bounded(int64_t side)
{
    return side < GAD_AREA_SIDE ? side : GAD_AREA_SIDE;
}

static gad_status check_rectangle(const double r[4], gad_error *err)
{
    if (r && !(r[0] >= 0 && r[1] >= 0 && r[2] > 0 && r[3] > 0 && r[0] + r[2] <= 1 + 1e-9 && r[1] + r[3] <= 1 + 1e-9))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "0.25,0,0.5,1 is the middle half",
                             "x, y, width and height are shares of the picture, from 0 to 1");
    return GAD_OK;
}

gad_status gad_area_make(const double rectangle[4], const gad_image *mask, gad_image *area, gad_error *err)
{
    const gad_image whole = {0}, *from = mask ? mask : &whole;
    int64_t width = mask ? bounded(mask->width) : GAD_AREA_SIDE, height = mask ? bounded(mask->height) : GAD_AREA_SIDE;
    gad_status status = check_rectangle(rectangle, err);
    if (!status)
        status = gad_image_new(width, height, 1, area, err);
    if (status)
        return status;
    bool any = false;
    for (int64_t i = 0; i < width * height; i++) {
        double x = ((double)(i % width) + 0.5) / (double)width, y = ((double)(i / width) + 0.5) / (double)height;
        bool inside = !rectangle || (x >= rectangle[0] && x < rectangle[0] + rectangle[2] && y >= rectangle[1] &&
                                     y < rectangle[1] + rectangle[3]);
        area->pixels[i] = inside && gad_area_holds(from, x, y) ? 255 : 0;
        any |= area->pixels[i] != 0;
    }
    if (any)
        return GAD_OK;
    gad_image_free(area);
    return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "nothing of the picture would be looked at");
}

gad_status gad_area_load(const double rectangle[4], const char *mask, gad_image *area, gad_error *err)
{
    gad_image drawn = {0};
    gad_status status = mask ? gad_image_load_mask(mask, GAD_IMAGE_PALETTE_COLOUR, &drawn, err) : GAD_OK;
    if (!status)
        status = gad_area_make(rectangle, mask ? &drawn : NULL, area, err);
    gad_image_free(&drawn);
    return status;
}

bool gad_area_holds(const gad_image *area, double x, double y)
{
    if (!area->pixels)
        return true;
    int64_t column = (int64_t)(x * (double)area->width), row = (int64_t)(y * (double)area->height);
    column = column < area->width ? column : area->width - 1;
    row = row < area->height ? row : area->height - 1;
    return gad_image_row(area, row)[column * area->channels] != 0;
}

gad_status gad_area_paint(const gad_image *area, const gad_image *image, gad_image *painted, gad_error *err)
{
    gad_status status = gad_image_new(image->width, image->height, image->channels, painted, err);
    if (status)
        return status;
    const size_t pixel = (size_t)image->channels;
    for (int64_t y = 0; y < image->height; y++) {
        uint8_t *to = gad_image_row(painted, y);
        memcpy(to, gad_image_row(image, y), gad_image_stride(image));
        for (int64_t x = 0; x < image->width; x++)
            if (!gad_area_holds(area, ((double)x + 0.5) / (double)image->width, ((double)y + 0.5) / (double)image->height))
                memset(to + (size_t)x * pixel, GREY, pixel);
    }
    return GAD_OK;
}

double gad_area_share(const gad_image *area)
{
    const int64_t all = area->pixels ? area->width * area->height : 0;
    int64_t seen = 0;
    for (int64_t i = 0; i < all; i++)
        seen += area->pixels[i] != 0;
    return all ? (double)seen / (double)all : 1;
}
