/* register: brings a reference onto a test picture, so that what is left to compare is what differs: turned, zoomed
 * and shifted to where the part lies now, and lit as it is lit now. In: two pictures as planes. Out: the reference as a
 * picture registered onto the test and aligned photometrically. Equal input, equal output; knows nothing of patches or
 * weights.
 *
 * Where: exhaustive search at 16 px, then Gauss-Newton on a pyramid (Lucas and Kanade, IJCAI 1981) with the light
 * (gain, offset and their slopes) as further unknowns and weights that forget what does not fit. Light: least
 * squares of each colour on the reference's, with a gain and an offset that change smoothly over the picture. */
#ifndef GAD_EVIDENCE_REGISTER_H
#define GAD_EVIDENCE_REGISTER_H
#include <stdint.h>

/* Where a point of the test picture lies in the reference, both in px from the middle:
 * u = a x - b y + shift_x, v = b x + a y + shift_y. */
typedef struct gad_similarity {
    double a, b, shift_x, shift_y;
} gad_similarity;

/* The brightness of a picture at sizes halved down to 16 px, each level once. */
enum { GAD_PYRAMID_LEVELS = 12 };
typedef struct gad_pyramid {
    struct gad_pyramid_level {
        const float *pixel;
        int64_t width, height;
        double scale; /* px of the picture that make one of the level's */
    } level[GAD_PYRAMID_LEVELS];
    int count;
} gad_pyramid;
/* Numbers of a pyramid. */
int64_t gad_register_pyramid_numbers(int64_t width, int64_t height);
/* Of planes [3][height][width], both sides at least 32, into `memory`, which it points into. */
void gad_register_pyramid(const float *planes, int64_t width, int64_t height, float *memory, gad_pyramid *pyramid);

/* Numbers of scratch memory that gad_register_find needs. */
int64_t gad_register_scratch(int64_t width, int64_t height);
/* Where the part of the reference lies in the test picture, both of one size. What cannot be brought nearer (loose texture)
 * stays where it is. */
gad_similarity gad_register_find(const gad_pyramid *test, const gad_pyramid *reference, float *scratch);
/* The reference at that place; what lies outside repeats the edge. */
void gad_register_warp(const float *reference, int64_t width, int64_t height, gad_similarity place, float *moved);
/* In place: the moved reference in the light of the test picture. */
void gad_register_relight(const float *test, int64_t width, int64_t height, float *moved);
/* In place: the test picture itself where the reference shows nothing, so that nothing is said of it. */
void gad_register_cover(const float *test, int64_t width, int64_t height, gad_similarity place, float *moved);
#endif
