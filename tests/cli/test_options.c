/* options: tables that include other tables: what is parsed, shown and suggested; and that the tables of all commands are
 * consistent. */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "support/support.h"

/* ---- a command that includes two tables ----------------------------------------------------------------------------- */

typedef struct paint_options {
    const char *colour;
    int64_t coats;
    bool gloss;
    option_list brush;
} paint_options;

#define AT(field) offsetof(paint_options, field)
static const option paint_entries[] = {
    {.name = "colour",
     .argument = "NAME",
     .kind = OPTION_CHOICE,
     .offset = AT(colour),
     .choices = CHOICES("red", "blue"),
     .fallback = "red",
     .help = "of the paint"},
    {.name = "coats",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(coats),
     .minimum = 1,
     .fallback = "2",
     .aliases = "layers,coat_count",
     .help = "of paint"},
    {.help = "Tools"},
    {.name = "gloss", .kind = OPTION_FLAG, .offset = AT(gloss), .fallback = "true", .help = "shine"},
    {.name = "brush", .argument = "FILE", .kind = OPTION_LIST, .offset = AT(brush), .help = "one of them"},
};
#undef AT
static const option_table paint = {paint_entries, OPTIONS_COUNT(paint_entries)};

static const option wood_entries[] = {
    {.name = "wood", .argument = "KIND", .kind = OPTION_STRING, .fallback = "oak", .help = "what it is made of"},
};
static const option_table wood = {wood_entries, OPTIONS_COUNT(wood_entries)};

typedef struct fence_options {
    double height;
    const char *wood;
    paint_options paint;
    option_list posts;
} fence_options;

#define AT(field) offsetof(fence_options, field)
static const option fence_table[] = {
    {.table = &wood, .offset = AT(wood)},
    {.changes = "coats", .fallback = "3", .help = "of weatherproof paint"},
    {.table = &paint, .offset = AT(paint)},
    {.name = "height", .argument = "M", .kind = OPTION_NUMBER, .offset = AT(height), .fallback = "1.5", .help = "of it"},
};
static const option plain_table[] = {{.table = &paint, .offset = AT(paint)}};

static fence_options seen; /* strings belong to the test; lists are gone after the run */
static char brushes[64], printed[512];
static int runs;
static const command fence, plain;

static void print_to(char *text, size_t text_bytes, const command *c, const void *settings)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    options_print(c, settings, file);
    rewind(file);
    text[fread(text, 1, text_bytes - 1, file)] = 0;
    fclose(file);
}

static int build(const command *c, void *settings)
{
    seen = *(const fence_options *)settings;
    brushes[0] = 0;
    for (int64_t i = 0; i < seen.paint.brush.count; i++) {
        strcat(brushes, seen.paint.brush.item[i]);
        strcat(brushes, ";");
    }
    print_to(printed, sizeof printed, c, settings);
    runs++;
    return EXIT_DONE;
}

static int build_fence(void *settings)
{
    return build(&fence, settings);
}

static int build_plain(void *settings)
{
    return build(&plain, settings);
}

static const command fence = {.name = "fence",
                              .synopsis = "[options] POST...",
                              .summary = "a fence",
                              .options = fence_table,
                              .option_count = OPTIONS_COUNT(fence_table),
                              .max_arguments = -1,
                              .arguments_offset = AT(posts),
                              .settings_bytes = sizeof(fence_options),
                              .run = build_fence};
static const command plain = {.name = "plain",
                              .synopsis = "[options]",
                              .summary = "the same paint as it is",
                              .options = plain_table,
                              .option_count = OPTIONS_COUNT(plain_table),
                              .settings_bytes = sizeof(fence_options),
                              .run = build_plain};
#undef AT

/* Runs the command; what it writes to `stream` comes back in `text`. */
static int run_captured(const command *c, const char *const *argument, FILE *stream, char *text, size_t text_bytes)
{
    int argc = 0, there = dup(fileno(stream));
    FILE *file = tmpfile();
    while (argument[argc])
        argc++;
    assert_non_null(file);
    fflush(stream);
    dup2(fileno(file), fileno(stream));
    int code = command_main(c, argc, (char **)(uintptr_t)argument);
    fflush(stream);
    dup2(there, fileno(stream));
    close(there);
    rewind(file);
    text[fread(text, 1, text_bytes - 1, file)] = 0;
    fclose(file);
    return code;
}
#define WITH(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect_usage(const command *c, const char *const *argument, const char *message)
{
    char text[1024];
    int before = runs;
    assert_int_equal(run_captured(c, argument, stderr, text, sizeof text), EXIT_USAGE);
    assert_int_equal(runs, before);
    if (!strstr(text, message))
        fail_msg("\"%s\" is not in: %s", message, text);
}

/* ---- tests ---------------------------------------------------------------------------------------------------------- */

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(command_main(&fence, 0, NULL), EXIT_DONE);
    assert_string_equal(seen.wood, "oak");
    assert_string_equal(seen.paint.colour, "red");
    assert_int_equal(seen.paint.coats, 3); /* changed here */
    assert_true(seen.paint.gloss);
    assert_true(seen.height == 1.5);
    assert_int_equal(command_main(&plain, 0, NULL), EXIT_DONE);
    assert_int_equal(seen.paint.coats, 2); /* and not there */
    assert_null(seen.wood);
}

static void test_values(void **state)
{
    (void)state;
    const char *const given[] = {"--wood", "pine",      "--colour=blue", "--coats", "7",        "--no-gloss",
                                 "post",   "--brush=a", "--brush",       "b",       "--height", "0.5"};
    assert_int_equal(command_main(&fence, (int)OPTIONS_COUNT(given), (char **)(uintptr_t)given), EXIT_DONE);
    assert_string_equal(seen.wood, "pine");
    assert_string_equal(seen.paint.colour, "blue");
    assert_int_equal(seen.paint.coats, 7);
    assert_false(seen.paint.gloss);
    assert_string_equal(brushes, "a;b;");
    assert_int_equal(seen.posts.count, 1);
    assert_true(seen.height == 0.5);
}

static void test_aliases(void **state)
{
    (void)state;
    static const char *const spellings[] = {"--layers", "--coat_count", "--coat-count"};
    for (size_t i = 0; i < OPTIONS_COUNT(spellings); i++) {
        assert_int_equal(command_main(&fence, 2, (char **)(uintptr_t)WITH(spellings[i], "5")), EXIT_DONE);
        assert_int_equal(seen.paint.coats, 5);
        seen.paint.coats = 0;
    }
}

static void test_wrong(void **state)
{
    (void)state;
    expect_usage(&fence, WITH("--coat", "3"), "unknown option --coat; did you mean --coats?");
    expect_usage(&fence, WITH("--coats", "0"), "--coats wants a whole number from 1, not \"0\"");
    expect_usage(&fence, WITH("--colour", "green"), "--colour is one of red|blue, not \"green\"");
    expect_usage(&fence, WITH("--gloss=1"), "--gloss takes no argument");
    expect_usage(&fence, WITH("--brush"), "--brush wants FILE");
    expect_usage(&plain, WITH("--height", "1"), "unknown option --height");
}

/* Included options stand where their table is included; titles come along; a change is no option. */
static void test_help(void **state)
{
    (void)state;
    char text[2048];
    assert_int_equal(run_captured(&fence, WITH("--help"), stdout, text, sizeof text), EXIT_DONE);
    assert_string_equal(text, "gad fence - a fence\n"
                              "\n"
                              "Usage: gad fence [options] POST...\n"
                              "\n"
                              "Options:\n"
                              "  --wood KIND               what it is made of [default: oak]\n"
                              "  --colour NAME             of the paint: red|blue [default: red]\n"
                              "  --coats N                 of weatherproof paint [default: 3]\n"
                              "\n"
                              "Tools:\n"
                              "  --[no-]gloss              shine [default: on]\n"
                              "  --brush FILE              one of them\n"
                              "  --height M                of it [default: 1.5]\n");
    assert_int_equal(run_captured(&plain, WITH("-h"), stdout, text, sizeof text), EXIT_DONE);
    assert_non_null(strstr(text, "  --coats N                 of paint [default: 2]\n"));
}

static void test_print(void **state)
{
    (void)state;
    assert_int_equal(command_main(&fence, 4, (char **)(uintptr_t)WITH("--brush", "a", "--coats", "4")), EXIT_DONE);
    assert_string_equal(printed, "  wood                     oak\n"
                                 "  colour                   red\n"
                                 "  coats                    4\n"
                                 "  gloss                    yes\n"
                                 "  brush                    a\n"
                                 "  height                   1.5\n");
}

/* ---- the commands of gad --------------------------------------------------------------------------------------------- */

static int do_nothing(void *settings)
{
    (void)settings;
    return EXIT_DONE;
}

static bool includes(const command *c, const char *name)
{
    for (size_t i = 0; i < c->option_count; i++) {
        const option_table *t = c->options[i].table;
        for (size_t k = 0; t && k < t->count; k++)
            if (t->entry[k].name && !strcmp(t->entry[k].name, name))
                return true;
    }
    return false;
}

static void check_entry(const command *c, const option *entry)
{
    if (entry->changes && !includes(c, entry->changes))
        fail_msg("gad %s changes --%s, which it does not include", c->name, entry->changes);
    for (size_t k = 0; entry->table && k < entry->table->count; k++)
        if (entry->table->entry[k].table || entry->table->entry[k].changes)
            fail_msg("gad %s includes a table that includes or changes others", c->name);
}

/* The spelling that is option `index`'s name or alias number `which`; false when there are not so many. '_' is '-'. */
static bool spelling(const option *o, int which, char *text, size_t text_bytes)
{
    const char *at = which ? o->aliases : o->name;
    for (int i = 1; at && i < which; i++)
        at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL;
    if (!at)
        return false;
    snprintf(text, text_bytes, "%.*s", (int)strcspn(at, ","), at);
    for (char *c = text; *c; c++)
        *c = *c == '_' ? '-' : *c;
    return true;
}

static bool has_spelling(const option *o, const char *text)
{
    char other[64];
    for (int which = 0; spelling(o, which, other, sizeof other); which++)
        if (!strcmp(text, other))
            return true;
    return false;
}

/* Names and aliases are unique in a command, and values lie within its settings. */
static void check_option(const command *c, const option *o, size_t index)
{
    char text[64];
    option other;
    size_t at = 0;
    assert_true(o->offset < c->settings_bytes);
    for (option_walk walk = {.command = c}; options_next(&walk, &other); at++)
        for (int which = 0; at > index && other.name && spelling(o, which, text, sizeof text); which++)
            if (has_spelling(&other, text))
                fail_msg("gad %s: --%s is --%s and --%s", c->name, text, o->name, other.name);
}

/* What the library takes as a default is what the table says. */
static void check_defaults(const command *c)
{
    char *text[2];
    size_t size[2];
    if (!c->defaults)
        return;
    for (int i = 0; i < 2; i++) {
        void *settings = calloc(1, c->settings_bytes);
        FILE *stream = open_memstream(&text[i], &size[i]);
        c->defaults(settings);
        assert_true(!i || options_default(c, settings));
        options_print(c, settings, stream);
        fclose(stream);
        free(settings);
    }
    for (char *own = text[0], *table = text[1]; *own; own += strcspn(own, "\n") + 1, table += strcspn(table, "\n") + 1) {
        size_t n = strcspn(own, "\n"), m = strcspn(table, "\n");
        bool none = own[n - 1] == '-'; /* left to the table */
        if (!none && (n != m || strncmp(own, table, n) != 0))
            fail_msg("gad %s: the library's default is%.*s, that of the option%.*s", c->name, (int)n, own, (int)m, table);
    }
    free(text[0]);
    free(text[1]);
}

static void test_all_commands(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i]; i++) {
        command c = *commands[i];
        option o;
        size_t index = 0;
        for (size_t k = 0; k < c.option_count; k++)
            check_entry(&c, &c.options[k]);
        for (option_walk walk = {.command = &c}; options_next(&walk, &o); index++)
            if (o.name)
                check_option(&c, &o, index);
        check_defaults(&c);
        c.run = do_nothing; /* parses the defaults */
        c.min_arguments = 0;
        assert_int_equal(command_main(&c, 0, NULL), EXIT_DONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),     cmocka_unit_test(test_values), cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_wrong),        cmocka_unit_test(test_help),   cmocka_unit_test(test_print),
        cmocka_unit_test(test_all_commands),
    };
    return cmocka_run_group_tests_name("cli_options", tests, NULL, NULL);
}
