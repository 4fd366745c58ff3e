/* outbox: a file and a command get each part once, in order, also after a restart; a line that was torn is written again; a
 * sink that is new begins with what comes. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "serve/outbox.h"
#include "support/support.h"

/* Parts 1 to `last`. */
static int64_t last;

static gad_status next_part(void *user, int64_t after, gad_sink_part *part, bool *found, gad_error *err)
{
    (void)user, (void)err;
    *found = after < last;
    if (!*found)
        return GAD_OK;
    char name[32];
    snprintf(name, sizeof name, "=part \"%d\"", (int)after + 1);
    part->id = after + 1;
    part->row = json_pack("{s:I, s:s, s:s, s:s, s:s, s:f, s:n}", "id", (json_int_t)part->id, "time", "T", "product", "p",
                          "name", name, "verdict", "normal", "score", 0.25, "threshold");
    return GAD_OK;
}

static gad_status last_part(void *user, int64_t *id, gad_error *err)
{
    (void)user, (void)err;
    *id = last;
    return GAD_OK;
}

static gad_status count_waiting(void *user, int64_t after, int64_t *parts, gad_error *err)
{
    (void)user, (void)err;
    *parts = last - after;
    return GAD_OK;
}

static const gad_outbox_source source = {next_part, last_part, count_waiting, NULL};

static char csv[256], said[256], command[600];

static gad_outbox *open_outbox(void)
{
    gad_outbox *outbox = NULL;
    gad_error err = {0};
    gad_sink_settings settings = gad_sink_settings_default();
    settings.csv = csv;
    settings.command = command;
    ASSERT_OK(gad_outbox_open(&settings, support_scratch(GAD_TEST_TMP, "outbox"), &source, NULL, &outbox, &err), &err);
    assert_non_null(outbox);
    return outbox;
}

static char *read_text(const char *path)
{
    char *text = NULL;
    size_t size;
    gad_error err = {0};
    ASSERT_OK(gad_file_read(path, 1 << 20, &text, &size, &err), &err);
    return text;
}

static void expect(const char *path, const char *wanted)
{
    char *text = read_text(path);
    assert_string_equal(text, wanted);
    gad_memory_free(text);
}

static int set_up(void **state)
{
    (void)state;
    gad_file_remove(support_scratch(GAD_TEST_TMP, "outbox"), NULL);
    gad_error err = {0};
    ASSERT_OK(gad_file_make_directory(support_scratch(GAD_TEST_TMP, "outbox"), &err), &err);
    snprintf(csv, sizeof csv, "%s", support_scratch(GAD_TEST_TMP, "outbox/parts.csv"));
    snprintf(said, sizeof said, "%s", support_scratch(GAD_TEST_TMP, "outbox/said"));
    snprintf(command, sizeof command, "echo $GAD_ID $GAD_VERDICT $GAD_SCORE >> '%s'; exit 1", said); /* fails: run once */
    last = 2;
    return 0;
}

#define HEAD "id,time,product,name,verdict,score,threshold\n"
#define LINE(n) n ",T,\"p\",\"'=part \"\"" n "\"\"\",normal,0.25,\n"

static void test_order(void **state)
{
    (void)state;
    gad_outbox *outbox = open_outbox(); /* parts 1 and 2 were there before */
    last = 4;
    gad_outbox_wake(outbox);
    gad_outbox_close(outbox);
    expect(csv, HEAD LINE("3") LINE("4"));
    expect(said, "3 normal 0.250000\n4 normal 0.250000\n");
    last = 5;
    gad_outbox_close(open_outbox());
    gad_outbox_close(open_outbox());
    expect(csv, HEAD LINE("3") LINE("4") LINE("5"));
    expect(said, "3 normal 0.250000\n4 normal 0.250000\n5 normal 0.250000\n");
}

/* Killed while a line was written, and before it was noted: the file itself says what it has. */
static void test_torn(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_outbox_close(open_outbox());
    static const char torn[] = HEAD LINE("3") LINE("4") "5,T,\"p";
    ASSERT_OK(gad_file_write(csv, torn, sizeof torn - 1, &err), &err);
    last = 6;
    gad_outbox_close(open_outbox());
    expect(csv, HEAD LINE("3") LINE("4") LINE("5") LINE("6"));
}

static void test_none(void **state)
{
    (void)state;
    gad_outbox *outbox = NULL;
    gad_error err = {0};
    gad_sink_settings settings = gad_sink_settings_default();
    const char *folder = support_scratch(GAD_TEST_TMP, "outbox");
    ASSERT_OK(gad_outbox_open(&settings, folder, &source, NULL, &outbox, &err), &err);
    assert_null(outbox);
    gad_outbox_wake(outbox);
    gad_outbox_close(outbox);
    settings.csv = "/nonexistent/x.csv";
    assert_int_equal(gad_outbox_open(&settings, folder, &source, NULL, &outbox, &err), GAD_E_IO);
    settings.csv = NULL;
    settings.webhook = "ftp://x";
    assert_int_equal(gad_outbox_open(&settings, folder, &source, NULL, &outbox, &err), GAD_E_ARGUMENT);
    settings.webhook = NULL;
    static const char *const addresses[] = {"http://h/t",     "mqtt://h",      "mqtt://h/",       "mqtt://h:0/t",
                                            "mqtt://h:x/t",   "mqtt:///t",     "mqtt://u@/t",     "mqtt://u:p@h/t",
                                            "mqtt://h/t/+/x", "mqtt://h/t/#/", "mqtt://h:99999/t"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        settings.mqtt = addresses[i];
        assert_int_equal(gad_outbox_open(&settings, folder, &source, NULL, &outbox, &err), GAD_E_ARGUMENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_order, set_up),
                                       cmocka_unit_test_setup(test_torn, set_up),
                                       cmocka_unit_test_setup(test_none, set_up)};
    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
