/* frames: see frames.h. Markers as in ITU-T T.81, B.1.1: a picture may hold another (its thumbnail), so that segments are
 * walked and not just an end searched for. */
#include "serve/frames.h"

#include <string.h>

enum {
    START = 0xD8,
    END = 0xD9,
    SCAN = 0xDA,
    RESTART_FIRST = 0xD0,
    RESTART_LAST = 0xD7,
    TEMPORARY = 0x01,
    LONGEST = 64 << 20 /* bytes of a picture */
};

static int byte(const gad_frames *f, size_t at)
{
    return (unsigned char)f->bytes.data[at];
}

void gad_frames_add(gad_frames *f, const char *bytes, size_t size_bytes)
{
    size_t passed = f->begun ? f->first : f->at;
    if (passed) {
        memmove(f->bytes.data, f->bytes.data + passed, f->bytes.length - passed);
        f->bytes.length -= passed;
        f->at -= passed;
        f->first = 0;
    }
    gad_string_append(&f->bytes, bytes, size_bytes);
}

/* To the next start of a picture; the last byte may be half of one. */
static bool find_start(gad_frames *f)
{
    for (; f->at + 1 < f->bytes.length; f->at++)
        if (byte(f, f->at) == 0xFF && byte(f, f->at + 1) == START) {
            f->first = f->at;
            f->at += 2;
            f->begun = true;
            f->coded = false;
            return true;
        }
    return false;
}

/* This is no picture: look for another behind its start. */
static void give_up(gad_frames *f)
{
    f->begun = false;
    f->at = f->first + 2;
}

/* To the marker that ends entropy-coded data. */
static bool pass_coded(gad_frames *f)
{
    for (; f->at + 1 < f->bytes.length; f->at++) {
        int next = byte(f, f->at + 1);
        bool stuffed = !next || next == 0xFF || (next >= RESTART_FIRST && next <= RESTART_LAST);
        if (byte(f, f->at) == 0xFF && !stuffed) {
            f->coded = false;
            return true;
        }
    }
    return false;
}

/* One marker and its segment. *ended: it was the picture's last. False: more bytes are needed. */
static bool pass_marker(gad_frames *f, bool *ended)
{
    const size_t left = f->bytes.length - f->at;
    if (left < 2)
        return false;
    int marker = byte(f, f->at + 1);
    if (byte(f, f->at) != 0xFF || marker == START || !marker) {
        give_up(f);
        return true;
    }
    if (marker == 0xFF) { /* a byte that fills */
        f->at++;
        return true;
    }
    *ended = marker == END;
    if (*ended || marker == TEMPORARY || (marker >= RESTART_FIRST && marker <= RESTART_LAST)) {
        f->at += 2;
        return true;
    }
    if (left < 4)
        return false;
    size_t length = (size_t)byte(f, f->at + 2) << 8 | (size_t)byte(f, f->at + 3);
    if (length < 2) {
        give_up(f);
        return true;
    }
    if (left < 2 + length)
        return false;
    f->at += 2 + length;
    f->coded = marker == SCAN;
    return true;
}

bool gad_frames_next(gad_frames *f, const char **jpeg, size_t *size_bytes)
{
    bool ended = false;
    while (f->begun || find_start(f)) {
        bool moved = f->coded ? pass_coded(f) : pass_marker(f, &ended);
        if (f->begun && ended) {
            *jpeg = f->bytes.data + f->first;
            *size_bytes = f->at - f->first;
            f->begun = false;
            return true;
        }
        if (!moved && f->bytes.length - f->first > LONGEST)
            give_up(f);
        else if (!moved)
            return false;
    }
    return false;
}

void gad_frames_free(gad_frames *f)
{
    gad_string_free(&f->bytes);
    *f = (gad_frames){0};
}
