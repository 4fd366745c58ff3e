/* asking: see asking.h */
#include "e2e/asking.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

json_t *asking_read(const char *line)
{
    json_error_t where;
    json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        fail_msg("not JSON: %s: %s", where.text, line);
    return root;
}

json_t *asking_line(const char *text, int i, int lines)
{
    char *copy = strdup(text), *rest = copy, *line = NULL;
    int count = 0;
    json_t *root = NULL;
    assert_true(text[0] && text[strlen(text) - 1] == '\n');
    while ((line = strsep(&rest, "\n")) && rest)
        if (count++ == i)
            root = asking_read(line);
    assert_int_equal(count, lines);
    assert_non_null(root);
    free(copy);
    return root;
}

const char *asking_string(const json_t *root, const char *key)
{
    const char *text = json_string_value(json_object_get(root, key));
    if (!text)
        fail_msg("no text \"%s\"", key);
    return text;
}

const char *asking_folder(const char *name, const char *const (*files)[2], size_t count)
{
    gad_error err;
    const char *folder = support_scratch(GAD_TEST_TMP, name);
    ASSERT_OK(gad_file_remove(folder, &err), &err);
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(symlink(support_source(files[i][1]), support_scratch(folder, files[i][0])), 0);
    return folder;
}

void asking_expect(const char *const *argument, int code, const char *said)
{
    program_result r = program_run(argument);
    if (r.code != code || (said && !strstr(r.text, said)))
        fail_msg("exit code %d, not %d, or \"%s\" is not said: %s", r.code, code, said ? said : "", r.text);
    if (code == 2)
        assert_string_equal(r.out, "");
    program_free(&r);
}
