/* picture: the public picture: a decoded image and the hash of its pixels. */
#ifndef GAD_API_PICTURE_H
#define GAD_API_PICTURE_H
#include "base/hash.h"
#include "io/image.h"

struct gad_picture {
    gad_image image;
    gad_hash hash;
    char hash_text[33];
};
#endif
