/* base64: see base64.h */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void gad_base64_encode(const void *bytes, size_t length, gad_string *text)
{
    const unsigned char *b = bytes;
    char piece[4096];
    size_t used = 0;
    for (size_t i = 0; i < length; i += 3) {
        uint32_t three = (uint32_t)b[i] << 16;
        three |= i + 1 < length ? (uint32_t)b[i + 1] << 8 : 0;
        three |= i + 2 < length ? b[i + 2] : 0;
        piece[used++] = letters[three >> 18];
        piece[used++] = letters[three >> 12 & 63];
        piece[used++] = i + 1 < length ? letters[three >> 6 & 63] : '=';
        piece[used++] = i + 2 < length ? letters[three & 63] : '=';
        if (used == sizeof piece) {
            gad_string_append(text, piece, used);
            used = 0;
        }
    }
    gad_string_append(text, piece, used);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool gad_base64_decode(const char *text, size_t length, gad_string *bytes)
{
    uint32_t bits = 0;
    unsigned held = 0, padding = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            continue;
        if (c == '=') {
            padding++;
            continue;
        }
        int value = value_of(c);
        if (value < 0 || padding)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (++held == 4) {
            char three[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
            gad_string_append(bytes, three, 3);
            held = 0;
            bits = 0;
        }
    }
    /* a rest of 2 letters is one byte, of 3 letters two; the bits beyond must be zero */
    if (held == 1 || (padding && held + padding != 4) || (held == 2 && (bits & 15)) || (held == 3 && (bits & 3)))
        return false;
    char rest[2] = {(char)(held == 2 ? bits >> 4 : bits >> 10), (char)(bits >> 2)};
    if (held)
        gad_string_append(bytes, rest, held - 1);
    return !bytes->failed;
}
