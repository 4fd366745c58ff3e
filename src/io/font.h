/* font: the letters that draw puts on images: a bitmap of 5 x 9 dots for each ASCII character. Knows nothing of images. */
#ifndef GAD_IO_FONT_H
#define GAD_IO_FONT_H
#include <stdint.h>

enum {
    GAD_FONT_FIRST = 32,
    GAD_FONT_LAST = 126,
    GAD_FONT_DOTS = 5,
    GAD_FONT_ROWS = 9,
    GAD_FONT_ADVANCE = 6, /* dots from one character to the next */
    GAD_FONT_LINE = 11    /* dots from one line to the next */
};

/* The rows of the character at *text (not at its end), which moves past it; one box for each character beyond ASCII. The
 * dot in column x of row y is bit 4 - x of byte y. */
const uint8_t *gad_font_glyph(const char **text);
#endif
