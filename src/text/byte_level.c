/* byte_level: see byte_level.h */
#include "text/byte_level.h"

#include <string.h>
#include <utf8proc.h>

/* Bytes that do not stand for themselves: 0x00-0x20, 0x7F-0xA0, 0xAD. */
enum { LOW_END = 0x21, MIDDLE_FIRST = 0x7F, MIDDLE_END = 0xA1, SOFT_HYPHEN = 0xAD, MOVED_COUNT = 68, MOVED_FIRST = 0x100 };

/* The character that stands for `byte`: U+0021..U+0143. A printable Latin-1 byte stands for itself, the other 68 are, in
 * increasing order, U+0100 and up. */
static uint32_t point_of(unsigned char byte)
{
    if (byte < LOW_END)
        return MOVED_FIRST + byte;
    if (byte >= MIDDLE_FIRST && byte < MIDDLE_END)
        return (uint32_t)(MOVED_FIRST + LOW_END + byte - MIDDLE_FIRST);
    if (byte == SOFT_HYPHEN)
        return MOVED_FIRST + MOVED_COUNT - 1;
    return byte;
}

int gad_byte_level_byte(uint32_t point)
{
    if (point >= MOVED_FIRST + MOVED_COUNT)
        return -1;
    if (point == MOVED_FIRST + MOVED_COUNT - 1)
        return SOFT_HYPHEN;
    if (point >= MOVED_FIRST + LOW_END)
        return (int)(point - MOVED_FIRST - LOW_END + MIDDLE_FIRST);
    if (point >= MOVED_FIRST)
        return (int)(point - MOVED_FIRST);
    return point_of((unsigned char)point) == point ? (int)point : -1;
}

void gad_byte_level_write(gad_string *out, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        utf8proc_uint8_t character[4];
        utf8proc_ssize_t n = utf8proc_encode_char((utf8proc_int32_t)point_of((unsigned char)bytes[i]), character);
        gad_string_append(out, (const char *)character, (size_t)n);
    }
}

size_t gad_byte_level_read(const char *text, size_t length, char *out, bool *plain)
{
    size_t at = 0, written = 0;
    while (at < length) {
        utf8proc_int32_t point;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(length - at), &point);
        int byte = n > 0 ? gad_byte_level_byte((uint32_t)point) : -1;
        if (byte < 0) {
            memcpy(out, text, length);
            *plain = true;
            return length;
        }
        out[written++] = (char)byte;
        at += (size_t)n;
    }
    *plain = false;
    return written;
}
