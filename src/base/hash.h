/* hash: 128-bit content hashes (XXH3) for recognising equal images, models and files; not for security. */
#ifndef GAD_BASE_HASH_H
#define GAD_BASE_HASH_H
#include "gad.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct gad_hash {
    uint64_t high, low;
} gad_hash;

gad_hash gad_hash_bytes(const void *bytes, size_t length);
/* The hash of a, then b: order matters. */
gad_hash gad_hash_combine(gad_hash a, gad_hash b);
bool gad_hash_equal(gad_hash a, gad_hash b);
/* 32 hexadecimal digits and a zero. */
void gad_hash_text(gad_hash hash, char text[33]);
/* The way back; false: the text is none. */
bool gad_hash_read(const char *text, gad_hash *hash);
/* Hash of a file's content, read in pieces. */
gad_status gad_hash_file(const char *path, gad_hash *hash, gad_error *err);
#endif
