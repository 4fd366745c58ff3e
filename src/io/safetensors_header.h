/* safetensors_header: the header text of one tensor file. In: a whole file in memory (from outside, untrusted), or items
 * to write. Out: checked tensors that point into it, or header text. Opens no file. */
#ifndef GAD_IO_SAFETENSORS_HEADER_H
#define GAD_IO_SAFETENSORS_HEADER_H
#include "io/safetensors.h"

#include "base/string.h"

#include <jansson.h>

typedef struct gad_safetensors_header {
    json_t *root; /* owns the names */
    gad_safetensors_tensor *tensors;
    size_t count;
} gad_safetensors_header;

/* Check a whole file against every rule of the format; `path` is named in errors and kept in the tensors. */
gad_status gad_safetensors_header_parse(const unsigned char *file, size_t size_bytes, const char *path,
                                        gad_safetensors_header *header, gad_error *err);
void gad_safetensors_header_free(gad_safetensors_header *header);

/* Append the 8 length bytes and the padded header for the items, whose data follow each other in this order. */
gad_status gad_safetensors_header_build(const gad_safetensors_item *const *items, size_t count, gad_string *text,
                                        gad_error *err);
#endif
