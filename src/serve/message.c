/* message: see message.h */
#include "serve/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *gad_method_name(gad_method method)
{
    static const char *const names[GAD_METHODS] = {"GET", "POST", "PUT", "DELETE"};
    return names[method];
}

int64_t gad_request_integer(const gad_request *request, const char *name, int64_t fallback, int64_t lowest, int64_t highest)
{
    const char *text = request->query(request, name);
    char *end = NULL;
    if (!text || !*text)
        return fallback;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    return errno || *end || number < lowest || number > highest ? fallback : number;
}

void gad_response_json(gad_response *response, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    gad_string_clear(&response->body);
    if (text) {
        gad_string_add(&response->body, text);
    } else {
        response->status = 500;
        gad_string_add(&response->body,
                       "{\"error\":{\"message\":\"no memory\",\"type\":\"server_error\",\"code\":\"memory\"}}");
    }
    free(text);
}

void gad_response_refuse(gad_response *response, int status, const char *code, const char *format, ...)
{
    char message[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    response->status = status;
    response->type = "application/json";
    gad_string_clear(&response->body);
    gad_string_add(&response->body, "{\"error\":{\"message\":");
    gad_string_add_json(&response->body, message);
    gad_string_addf(&response->body, ",\"type\":\"%s\",\"code\":\"%s\"}}",
                    status >= 500   ? "server_error"
                    : status == 401 ? "authentication_error"
                                    : "invalid_request_error",
                    code);
}

void gad_response_error(gad_response *response, const gad_error *err)
{
    static const struct {
        gad_status code;
        int status;
    } table[] = {{GAD_E_ARGUMENT, 400}, {GAD_E_FORMAT, 400}, {GAD_E_UNSUPPORTED, 415}, {GAD_E_LIMIT, 413},
                 {GAD_E_MEMORY, 503},   {GAD_E_DEVICE, 503}, {GAD_E_CANCELLED, 499},   {GAD_E_NETWORK, 502}};
    int status = 500;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        status = table[i].code == err->code ? table[i].status : status;
    gad_response_refuse(response, status, gad_status_name(err->code), "%s: %s%s%s", err->operation, err->cause,
                        err->hint[0] ? "; " : "", err->hint);
}
