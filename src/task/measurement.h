/* measurement: what was measured of a place that stands out, and how it is said: place, size, tone, colour, shape,
 * structure, what happened to the content, how unusual it is. In: numbers. Out: a clause of plain English that says only
 * what they say, for people and as a hint for a model. Knows nothing of pictures. */
#ifndef GAD_TASK_MEASUREMENT_H
#define GAD_TASK_MEASUREMENT_H
#include "base/string.h"
#include "task/box.h"

/* What the place was compared with. */
typedef enum gad_measurement_basis {
    GAD_MEASUREMENT_REFERENCE,   /* the same place of a registered good part */
    GAD_MEASUREMENT_SURROUNDINGS /* what lies around it in the part: good parts look different here by nature */
} gad_measurement_basis;

typedef enum gad_measurement_content {
    GAD_MEASUREMENT_CHANGED, /* there is something in both, and it differs */
    GAD_MEASUREMENT_ADDED,   /* stands out in the part alone */
    GAD_MEASUREMENT_MISSING, /* stands out in the good part alone */
    GAD_MEASUREMENT_MOVED    /* the content of the good part is found at another such place of the part */
} gad_measurement_content;
enum { GAD_MEASUREMENT_CONTENTS = 4 };

typedef struct gad_measurement {
    gad_box box;                   /* original pixels */
    double length_px, breadth_px;  /* along and across its direction, original pixels */
    double area_px, share;         /* of the pixels that differ; of the picture, 0 to 1 */
    double direction_deg;          /* of its length: 0 horizontal, 90 vertical, 45 rising to the right; 0 to 180 */
    double lightness;              /* CIE L* of the part less what it is compared with, -100 to 100 */
    double red_green, yellow_blue; /* CIE a* (red positive) and b* (yellow positive), likewise */
    double roughness;              /* log2 of its mean slope over that of what it is compared with; 0: equal */
    double unusual;                /* its peak over what rejects a part; 0: not known */
    gad_measurement_basis basis;
    gad_measurement_content content;
    int other; /* of moved content: number of the place where it is found; -1 */
} gad_measurement;

/* "upper left, 34 x 12 px (0.4 % of the picture), a line rising to the right, 31 levels darker than the good part, added;

 * 6.1 times what rejects a part". Places are those of a picture of that size. */
void gad_measurement_write(const gad_measurement *m, double width_px, double height_px, gad_string *text);
#endif
