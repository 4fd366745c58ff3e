/* multipart: the parts of a multipart/form-data body (RFC 7578). In: the content type and the whole body. Out: names, file
 * names, types and contents as views into the body. */
#ifndef GAD_SERVE_MULTIPART_H
#define GAD_SERVE_MULTIPART_H
#include "gad.h"

enum { GAD_MULTIPART_PARTS = 256, GAD_MULTIPART_NAME = 256 };

typedef struct gad_multipart_part {
    char name[GAD_MULTIPART_NAME], file_name[GAD_MULTIPART_NAME], type[GAD_MULTIPART_NAME]; /* "" where not given */
    const char *data;
    size_t size_bytes;
} gad_multipart_part;

typedef struct gad_multipart {
    gad_multipart_part *part; /* owned */
    size_t count;
} gad_multipart;

bool gad_multipart_is(const char *content_type);
gad_status gad_multipart_parse(const char *content_type, const char *body, size_t body_bytes, gad_multipart *parts,
                               gad_error *err);
void gad_multipart_free(gad_multipart *parts);
#endif
