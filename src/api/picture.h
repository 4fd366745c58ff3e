/* picture: the public picture: a decoded image and the hash of its pixels. */
#ifndef GAD_API_PICTURE_H
#define GAD_API_PICTURE_H
#include "base/hash.h"
#include "evidence/familiar.h"
#include "inspect/turn.h"
#include "io/image.h"

struct gad_picture {
    gad_image image;
    gad_hash hash;
    char hash_text[33];
    bool fitted;     /* `image` is what an engine sees of the picture */
    gad_image whole; /* when fitted: the picture itself, no larger than a memory of good parts sees it */
    gad_look look;   /* of the whole picture, when fitted */
};

/* The good pictures and the part as pieces of a turn; *turn is the caller's (gad_memory_free). */
gad_status gad_picture_turn(gad_picture *const *good, int good_count, const gad_picture *part, gad_turn_part **turn,
                            int *count, gad_error *err);
#endif
