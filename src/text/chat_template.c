/* chat_template: see chat_template.h */
#include "text/chat_template.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { TEMPLATE_LIMIT_BYTES = 1 << 20, CONFIG_LIMIT_BYTES = 1 << 26 };

static const char operation[] = "read chat template";

/* XXH3-128 of the published texts, with "\n" line ends and none at the end. */
static const struct {
    gad_hash hash;
    gad_chat_format format;
} known[] = {
    {{0xe83000dd638f8c39, 0xd63c0ab8ac046a45}, GAD_CHAT_QWEN2_5_VL},        /* Qwen2-VL and Qwen2.5-VL, all sizes */
    {{0x02106194b02d7f3b, 0xa6c9c2c4e7ca9522}, GAD_CHAT_QWEN3_VL},          /* Qwen3-VL Instruct, 5292 bytes */
    {{0x76acbaec5ecf61bf, 0x109d5eb5c50b9296}, GAD_CHAT_QWEN3_VL_THINKING}, /* Qwen3-VL Thinking */
};

static const char own_template[] = "{%- set seen = namespace(pictures=0) -%}\n"
                                   "{%- for turn in messages -%}\n"
                                   "    {{- '<|im_start|>' ~ turn['role'] ~ '\\n' -}}\n"
                                   "    {%- if turn['content'] is string -%}\n"
                                   "        {{- turn['content'] -}}\n"
                                   "    {%- else -%}\n"
                                   "        {%- for part in turn['content'] -%}\n"
                                   "            {%- if part['type'] == 'text' -%}\n"
                                   "                {{- part['text'] -}}\n"
                                   "            {%- elif part['type'] == 'image' -%}\n"
                                   "                {%- set seen.pictures = seen.pictures + 1 -%}\n"
                                   "                {%- if add_vision_id -%}\n"
                                   "                    {{- 'Picture ' ~ seen.pictures ~ ': ' -}}\n"
                                   "                {%- endif -%}\n"
                                   "                {{- '<|vision_start|><|image_pad|><|vision_end|>' -}}\n"
                                   "            {%- else -%}\n"
                                   "                {{- raise_exception('Only text and images are supported.') -}}\n"
                                   "            {%- endif -%}\n"
                                   "        {%- endfor -%}\n"
                                   "    {%- endif -%}\n"
                                   "    {{- '<|im_end|>\\n' -}}\n"
                                   "{%- endfor -%}\n"
                                   "{%- if add_generation_prompt -%}\n"
                                   "    {{- '<|im_start|>assistant\\n' -}}\n"
                                   "{%- endif -%}\n";

const char *gad_chat_template_own(void)
{
    return own_template;
}

/* The hash after "\r\n" became "\n" and line ends at the end were dropped. False without memory. */
static bool hash_of(const char *text, size_t length, gad_hash *hash)
{
    char *plain = gad_memory_alloc(length, 1);
    if (!plain)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        if (text[i] != '\r' || i + 1 >= length || text[i + 1] != '\n')
            plain[count++] = text[i];
    while (count && (plain[count - 1] == '\n' || plain[count - 1] == '\r'))
        count--;
    *hash = gad_hash_bytes(plain, count);
    gad_memory_free(plain);
    return true;
}

gad_status gad_chat_template_recognise(const char *text, size_t length, const char *name, gad_chat_format *format,
                                       gad_error *err)
{
    gad_hash hash, own;
    if (length > TEMPLATE_LIMIT_BYTES)
        return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "%s: the template has %zu bytes", name, length);
    if (!hash_of(text, length, &hash) || !hash_of(own_template, sizeof own_template - 1, &own))
        return gad_error_memory(err, operation, length);
    if (gad_hash_equal(hash, own)) {
        *format = GAD_CHAT_GAD;
        return GAD_OK;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (gad_hash_equal(hash, known[i].hash)) {
            *format = known[i].format;
            return GAD_OK;
        }
    char digits[33];
    gad_hash_text(hash, digits);
    return gad_error_set(err, GAD_E_UNSUPPORTED, operation,
                         "put the chat_template.json of the published Qwen2.5-VL or Qwen3-VL checkpoint into the folder",
                         "%s: gad does not know this chat template (hash %s)", name, digits);
}

/* "chat_template" of a JSON file: a string, or [{"name": "default", "template": ".."}, ..]. NULL when there is none. */
static const char *template_in(const json_t *root)
{
    const json_t *value = json_object_get(root, "chat_template");
    size_t i;
    json_t *entry;
    json_array_foreach (value, i, entry) {
        const char *name = json_string_value(json_object_get(entry, "name"));
        if (name && !strcmp(name, "default"))
            return json_string_value(json_object_get(entry, "template"));
    }
    return json_string_value(value);
}

/* Try directory/name. *found tells whether it has a template. */
static gad_status try_file(const char *directory, const char *name, bool is_json, bool *found, gad_string *text, char *from,
                           gad_error *err)
{
    char *path = gad_file_join(directory, name), *bytes = NULL;
    size_t length = 0;
    json_t *root = NULL;
    gad_status status = path ? GAD_OK : gad_error_memory(err, operation, 0);
    *found = false;
    if (status || !gad_file_exists(path))
        goto done;
    status = gad_file_read(path, is_json ? CONFIG_LIMIT_BYTES : TEMPLATE_LIMIT_BYTES, &bytes, &length, err);
    if (!status && is_json)
        status = gad_json_parse(bytes, length, path, &root, err);
    if (status)
        goto done;
    const char *content = is_json ? template_in(root) : bytes;
    if (content) {
        *found = true;
        snprintf(from, PATH_MAX, "%s", path);
        gad_string_append(text, content, is_json ? strlen(content) : length);
        status = text->failed ? gad_error_memory(err, operation, length) : GAD_OK;
    }
done:
    json_decref(root);
    gad_memory_free(bytes);
    gad_memory_free(path);
    return status;
}

gad_status gad_chat_template_read(const char *directory, gad_string *text, char *from, gad_error *err)
{
    static const char *const names[3] = {"chat_template.jinja", "chat_template.json", "tokenizer_config.json"};
    for (int i = 0; i < 3; i++) {
        bool found;
        gad_status status = try_file(directory, names[i], i > 0, &found, text, from, err);
        if (status || found)
            return status;
    }
    return gad_error_set(err, GAD_E_FORMAT, operation, "copy chat_template.json from the checkpoint's origin",
                         "%s: no chat_template.jinja, and no chat_template in chat_template.json or tokenizer_config.json",
                         directory);
}

gad_status gad_chat_template_load(const char *directory, gad_chat_format *format, gad_error *err)
{
    char from[PATH_MAX];
    gad_string text = {0};
    gad_status status = gad_chat_template_read(directory, &text, from, err);
    if (!status)
        status = gad_chat_template_recognise(gad_string_text(&text), text.length, from, format, err);
    gad_string_free(&text);
    return status;
}
