/* upload: see upload.h */
#include "serve/upload.h"

#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "serve/multipart.h"

bool gad_upload_decode(const char *url, gad_string *bytes)
{
    const char *comma = url && !strncasecmp(url, "data:", 5) ? strchr(url, ',') : NULL;
    if (!comma || comma - url < 12 || strncasecmp(comma - 7, ";base64", 7))
        return false;
    return gad_base64_decode(comma + 1, strlen(comma + 1), bytes) && bytes->length;
}

static gad_upload_picture *next_picture(gad_upload *upload, const char *name, gad_response *response)
{
    if (upload->count == GAD_UPLOAD_PICTURES) {
        gad_response_refuse(response, 413, "too_many", "at most %d pictures are taken at once", GAD_UPLOAD_PICTURES);
        return NULL;
    }
    gad_upload_picture *picture = &upload->picture[upload->count++];
    snprintf(picture->name, sizeof picture->name, "%s", name ? name : "");
    return picture;
}

static bool read_form(gad_upload *upload, const gad_request *request, gad_response *response)
{
    gad_multipart form;
    gad_error err = {0};
    if (gad_multipart_parse(request->content_type, request->body, request->body_bytes, &form, &err)) {
        gad_response_error(response, &err);
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < form.count && good; i++) {
        const gad_multipart_part *part = &form.part[i];
        if (!strcmp(part->name, "product")) {
            snprintf(upload->product, sizeof upload->product, "%.*s",
                     (int)(part->size_bytes < 127 ? part->size_bytes : 127), part->data);
        } else if (part->file_name[0] || !strcmp(part->name, "image")) {
            gad_upload_picture *picture = next_picture(upload, part->file_name, response);
            good = picture;
            if (picture) {
                picture->bytes = part->data;
                picture->size_bytes = part->size_bytes;
            }
        }
    }
    gad_multipart_free(&form);
    return good;
}

static bool add_url(gad_upload *upload, const json_t *url, const json_t *name, gad_response *response)
{
    gad_upload_picture *picture = next_picture(upload, json_string_value(name), response);
    if (!picture)
        return false;
    gad_string *bytes = &upload->decoded[upload->count - 1];
    if (!gad_upload_decode(json_string_value(url), bytes)) {
        gad_response_refuse(response, bytes->failed ? 503 : 400, "bad_image",
                            "an image is not a data URL such as data:image/png;base64,...");
        return false;
    }
    picture->bytes = bytes->data;
    picture->size_bytes = bytes->length;
    return true;
}

static bool read_json(gad_upload *upload, const gad_request *request, gad_response *response)
{
    json_t *root = NULL;
    gad_error err = {0};
    if (gad_json_parse(request->body, request->body_bytes, "the request", &root, &err)) {
        gad_response_error(response, &err);
        return false;
    }
    const char *product = json_string_value(json_object_get(root, "product"));
    snprintf(upload->product, sizeof upload->product, "%s", product ? product : "");
    bool good = true;
    size_t i;
    json_t *entry;
    if (json_object_get(root, "image"))
        good = add_url(upload, json_object_get(root, "image"), json_object_get(root, "name"), response);
    json_array_foreach (json_object_get(root, "images"), i, entry)
        good = good && add_url(upload, json_object_get(entry, "image"), json_object_get(entry, "name"), response);
    json_decref(root);
    return good;
}

gad_upload *gad_upload_read(const gad_request *request, gad_response *response)
{
    gad_upload *upload = gad_memory_zero(1, sizeof *upload);
    const char *product = request->query(request, "product"), *name = request->query(request, "name"),
               *type = request->content_type;
    bool good = upload;
    if (!upload) {
        gad_response_refuse(response, 503, "memory", "no memory for the request");
    } else if (gad_multipart_is(type)) {
        good = read_form(upload, request, response);
    } else if (type && !strncasecmp(type, "image/", 6)) {
        gad_upload_picture *picture = next_picture(upload, name, response);
        picture->bytes = request->body;
        picture->size_bytes = request->body_bytes;
    } else {
        good = read_json(upload, request, response);
    }
    if (good && !upload->product[0] && product)
        snprintf(upload->product, sizeof upload->product, "%s", product);
    if (good && !upload->count) {
        gad_response_refuse(response, 400, "no_image",
                            "send pictures as multipart/form-data, as image/..., or as JSON with data URLs");
        good = false;
    }
    if (good)
        return upload;
    gad_upload_free(upload);
    return NULL;
}

void gad_upload_free(gad_upload *upload)
{
    if (!upload)
        return;
    for (int i = 0; i < GAD_UPLOAD_PICTURES; i++)
        gad_string_free(&upload->decoded[i]);
    gad_memory_free(upload);
}
