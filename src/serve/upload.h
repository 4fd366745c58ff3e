/* upload: what came with a request: fields and pictures, of a form, of JSON, or as the body itself. In: a request. Out:
 * encoded bytes with names, or the response that says why not. */
#ifndef GAD_SERVE_UPLOAD_H
#define GAD_SERVE_UPLOAD_H
#include "serve/message.h"

/* What came with a request: fields, and pictures as encoded bytes; of a form, or of JSON with data URLs
 * {"product": "...", "image": "data:image/png;base64,...", "name": "...", "images": [{"image", "name"}, ...]}. */
enum { GAD_UPLOAD_PICTURES = 256 };
typedef struct gad_upload_picture {
    char name[256];
    const char *bytes;
    size_t size_bytes;
} gad_upload_picture;
typedef struct gad_upload {
    char product[128];
    gad_upload_picture picture[GAD_UPLOAD_PICTURES];
    int count;
    gad_string decoded[GAD_UPLOAD_PICTURES]; /* of data URLs */
} gad_upload;
/* NULL: the response says why not. Free with gad_upload_free. */
gad_upload *gad_upload_read(const gad_request *request, gad_response *response);
void gad_upload_free(gad_upload *upload);
/* The bytes of a "data:...;base64,..." URL, appended; false when it is none. */
bool gad_upload_decode(const char *url, gad_string *bytes);
#endif
