/* options: see options.h */
#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void *field(void *settings, const option *o)
{
    return (char *)settings + o->offset;
}

static void apply_changes(const command *c, option *o)
{
    for (size_t i = 0; i < c->option_count; i++) {
        const option *change = &c->options[i];
        if (!change->changes || strcmp(change->changes, o->name) != 0)
            continue;
        o->help = change->help ? change->help : o->help;
        o->fallback = change->fallback ? change->fallback : o->fallback;
    }
}

bool options_next(option_walk *walk, option *o)
{
    for (; walk->entry < walk->command->option_count; walk->entry++, walk->included = 0) {
        const option *entry = &walk->command->options[walk->entry];
        if (entry->changes)
            continue;
        if (!entry->table) {
            *o = *entry;
            walk->entry++;
            return true;
        }
        if (walk->included < entry->table->count) {
            *o = entry->table->entry[walk->included++];
            o->offset += entry->offset;
            if (o->name)
                apply_changes(walk->command, o);
            return true;
        }
    }
    return false;
}

/* Names are equal when they differ only in '-' against '_'. */
static bool same_name(const char *a, size_t a_length, const char *b, size_t b_length)
{
    if (a_length != b_length)
        return false;
    for (size_t i = 0; i < a_length; i++)
        if ((a[i] == '_' ? '-' : a[i]) != (b[i] == '_' ? '-' : b[i]))
            return false;
    return true;
}

static bool has_name(const option *o, const char *name, size_t length)
{
    if (!o->name)
        return false;
    if (same_name(name, length, o->name, strlen(o->name)))
        return true;
    for (const char *alias = o->aliases; alias;) {
        const char *comma = strchr(alias, ',');
        if (same_name(name, length, alias, comma ? (size_t)(comma - alias) : strlen(alias)))
            return true;
        alias = comma ? comma + 1 : NULL;
    }
    return false;
}

static bool find(const command *c, const char *name, size_t length, option *o)
{
    for (option_walk walk = {.command = c}; options_next(&walk, o);)
        if (has_name(o, name, length))
            return true;
    return false;
}

/* Levenshtein distance of two short names. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(b);
    if (n >= 64)
        return 64;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t up = row[j], replace = diagonal + (a[i - 1] != b[j - 1]);
            row[j] = up + 1 < replace ? up + 1 : replace;
            if (row[j - 1] + 1 < row[j])
                row[j] = row[j - 1] + 1;
            diagonal = up;
        }
    }
    return row[n];
}

static void report_unknown(const command *c, const char *argument)
{
    char given[64];
    snprintf(given, sizeof given, "%.*s", (int)strcspn(argument, "="), argument);
    const char *nearest = NULL;
    size_t best = 4;
    option o;
    for (option_walk walk = {.command = c}; options_next(&walk, &o);) {
        size_t d = o.name ? distance(given, o.name) : 64;
        if (d < best) {
            best = d;
            nearest = o.name;
        }
    }
    fprintf(stderr, "gad %s: unknown option --%s", c->name, given);
    if (nearest)
        fprintf(stderr, "; did you mean --%s?", nearest);
    fprintf(stderr, "\nTry: gad %s --help\n", c->name);
}

/* The place of the word among the choices; -1, and a message, when it is none of them. */
static int find_choice(const command *c, const option *o, const char *word)
{
    char list[512];
    for (int i = 0; o->choices[i]; i++)
        if (!strcmp(o->choices[i], word))
            return i;
    options_list(o->choices, "|", list, sizeof list);
    fprintf(stderr, "gad %s: --%s is one of %s, not \"%s\"\n", c->name, o->name, list, word);
    return -1;
}

void options_list(const char *const *words, const char *between, char *text, size_t text_bytes)
{
    size_t length = 0;
    *text = 0;
    for (; *words && length < text_bytes; words++)
        length += (size_t)snprintf(text + length, text_bytes - length, "%s%s", length ? between : "", *words);
}

static bool list_add(option_list *list, const char *item)
{
    const char **grown = realloc(list->item, ((size_t)list->count + 1) * sizeof *grown);
    if (!grown) {
        fputs("gad: out of memory\n", stderr);
        return false;
    }
    grown[list->count++] = item;
    list->item = grown;
    return true;
}

/* False with a message on stderr when `text` is no value of the option. */
static bool set_value(const command *c, const option *o, void *settings, const char *text)
{
    char *end = NULL;
    void *value = field(settings, o);
    errno = 0;
    switch (o->kind) {
    case OPTION_FLAG: *(bool *)value = !strcmp(text, "true"); return true;
    case OPTION_URL:
    case OPTION_HIDDEN:
    case OPTION_STRING: *(const char **)value = text; return true;
    case OPTION_LIST: return list_add(value, text);
    case OPTION_CHOICE: *(const char **)value = text; return find_choice(c, o, text) >= 0;
    case OPTION_ENUM: *(int *)value = find_choice(c, o, text); return *(int *)value >= 0;
    case OPTION_SHORT:
    case OPTION_INT: {
        long long number = strtoll(text, &end, 10);
        bool fits = o->kind == OPTION_INT || (number >= INT_MIN && number <= INT_MAX);
        if (o->kind == OPTION_INT)
            *(int64_t *)value = number;
        else
            *(int *)value = fits ? (int)number : 0;
        if (end != text && !*end && !errno && fits && (double)number >= o->minimum &&
            (o->maximum <= 0 || (double)number <= o->maximum))
            return true;
        fprintf(stderr, "gad %s: --%s wants a whole number from %.0f", c->name, o->name, o->minimum);
        if (o->maximum > 0)
            fprintf(stderr, " to %.0f", o->maximum);
        fprintf(stderr, ", not \"%s\"\n", text);
        return false;
    }
    case OPTION_NUMBER: {
        double number = strtod(text, &end);
        *(double *)value = number;
        if (end != text && !*end && !errno && number >= o->minimum)
            return true;
        fprintf(stderr, "gad %s: --%s wants a number from %g, not \"%s\"\n", c->name, o->name, o->minimum, text);
        return false;
    }
    }
    return false;
}

static void free_lists(const command *c, void *settings)
{
    option o;
    for (option_walk walk = {.command = c}; options_next(&walk, &o);)
        if (o.name && o.kind == OPTION_LIST)
            free(((option_list *)field(settings, &o))->item);
    if (c->max_arguments)
        free(((option_list *)(void *)((char *)settings + c->arguments_offset))->item);
}

/* "  --max-tokens N      text, wrapped [default: 1024]" */
static void print_option(const option *o)
{
    enum { COLUMN = 28, WIDTH = 100 };
    char text[1024], choices[512] = "";
    bool on = o->kind == OPTION_FLAG && o->fallback && !strcmp(o->fallback, "true"); /* is switched off by --no-NAME */
    if (o->choices)
        options_list(o->choices, "|", choices, sizeof choices);
    snprintf(text, sizeof text, "%s%s%s%s%s%s", o->help, o->choices ? ": " : "", choices, o->fallback ? " [default: " : "",
             !o->fallback ? ""
             : on         ? "on"
                          : o->fallback,
             o->fallback ? "]" : "");
    int column = printf("  --%s%s%s%s", on ? "[no-]" : "", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    if (column > COLUMN - 2) {
        putchar('\n');
        column = 0;
    }
    bool first = true;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        int length = (int)strlen(word);
        if (first || column + 1 + length > WIDTH) {
            if (!first) {
                putchar('\n');
                column = 0;
            }
            printf("%*s", COLUMN - column, "");
            column = COLUMN;
        } else {
            putchar(' ');
            column++;
        }
        fputs(word, stdout);
        column += length;
        first = false;
    }
    putchar('\n');
}

static void print_help(const command *c)
{
    printf("gad %s - %s\n\nUsage: gad %s %s\n", c->name, c->summary, c->name, c->synopsis);
    if (c->details)
        printf("\n%s\n", c->details);
    bool first = true;
    option o;
    for (option_walk walk = {.command = c}; options_next(&walk, &o); first = false) {
        if (first || !o.name)
            printf("\n%s:\n", o.name ? "Options" : o.help);
        if (o.name)
            print_option(&o);
    }
}

/* An address may hold a password before the host and keys behind the path. */
static void print_url(const char *url, FILE *stream)
{
    const char *scheme = strstr(url, "://"), *from = scheme ? scheme + 3 : url;
    size_t authority = strcspn(from, "/?#"), user = 0, path = strcspn(from, "?#");
    for (size_t i = 0; i < authority; i++)
        user = from[i] == '@' ? i : user;
    fprintf(stream, "%.*s%s%.*s%s", (int)(from - url), url, user ? "***" : "", (int)(path - user), from + user,
            from[path] ? "?***" : "");
}

static void print_value(const option *o, const void *value, FILE *stream)
{
    switch (o->kind) {
    case OPTION_FLAG: fputs(*(const bool *)value ? "yes" : "no", stream); break;
    case OPTION_STRING:
    case OPTION_CHOICE: {
        const char *text = *(const char *const *)value;
        fputs(text ? text : "-", stream);
        break;
    }
    case OPTION_ENUM: fputs(o->choices[*(const int *)value], stream); break;
    case OPTION_SHORT: fprintf(stream, "%d", *(const int *)value); break;
    case OPTION_URL: {
        const char *text = *(const char *const *)value;
        print_url(text ? text : "-", stream);
        break;
    }
    case OPTION_HIDDEN: fputs(*(const char *const *)value ? "(given)" : "-", stream); break;
    case OPTION_INT: fprintf(stream, "%lld", (long long)*(const int64_t *)value); break;
    case OPTION_NUMBER: fprintf(stream, "%g", *(const double *)value); break;
    case OPTION_LIST: {
        const option_list *list = value;
        for (int64_t i = 0; i < list->count; i++)
            fprintf(stream, "%s%s", i ? " " : "", list->item[i]);
        if (!list->count)
            fputc('-', stream);
        break;
    }
    }
}

void options_print(const command *c, const void *settings, FILE *stream)
{
    option o;
    for (option_walk walk = {.command = c}; options_next(&walk, &o);) {
        if (!o.name)
            continue;
        fprintf(stream, "  %-24s ", o.name);
        print_value(&o, (const char *)settings + o.offset, stream);
        fputc('\n', stream);
    }
}

/* One option at argv[*at]; moves *at past it and its argument. */
static bool parse_option(const command *c, void *settings, int argc, char **argv, int *at)
{
    const char *name = argv[*at] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    option o;
    bool found = find(c, name, length, &o), negated = false;
    if (!found && !equals && !strncmp(name, "no-", 3)) {
        negated = find(c, name + 3, length - 3, &o) && o.kind == OPTION_FLAG;
        found = negated;
    }
    if (!found) {
        report_unknown(c, name);
        return false;
    }
    ++*at;
    if (o.kind == OPTION_FLAG) {
        if (equals)
            fprintf(stderr, "gad %s: --%s takes no argument; --no-%s is its opposite\n", c->name, o.name, o.name);
        *(bool *)field(settings, &o) = !negated;
        return !equals;
    }
    if (!equals && *at >= argc) {
        fprintf(stderr, "gad %s: --%s wants %s\n", c->name, o.name, o.argument);
        return false;
    }
    return set_value(c, &o, settings, equals ? equals + 1 : argv[(*at)++]);
}

static int parse(const command *c, void *settings, int argc, char **argv)
{
    option_list *arguments = (option_list *)(void *)((char *)settings + c->arguments_offset);
    int64_t positional = 0;
    bool options_ended = false;
    for (int i = 0; i < argc;) {
        if (!options_ended && !strcmp(argv[i], "--")) {
            options_ended = true;
            i++;
        } else if (!options_ended && !strncmp(argv[i], "--", 2)) {
            if (!parse_option(c, settings, argc, argv, &i))
                return EXIT_USAGE;
        } else if (c->max_arguments >= 0 && positional >= c->max_arguments) {
            fprintf(stderr, "gad %s: unexpected argument \"%s\"\nTry: gad %s --help\n", c->name, argv[i], c->name);
            return EXIT_USAGE;
        } else {
            positional++;
            if (!list_add(arguments, argv[i++]))
                return EXIT_FAILED;
        }
    }
    if (positional < c->min_arguments) {
        fprintf(stderr, "gad %s: something is missing\nUsage: gad %s %s\nTry: gad %s --help\n", c->name, c->name,
                c->synopsis, c->name);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

bool options_default(const command *c, void *settings)
{
    option o;
    if (c->defaults)
        c->defaults(settings);
    for (option_walk walk = {.command = c}; options_next(&walk, &o);)
        if (o.name && o.fallback && !set_value(c, &o, settings, o.fallback))
            return false;
    return true;
}

int command_main(const command *c, int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            print_help(c);
            return EXIT_DONE;
        }
    void *settings = calloc(1, c->settings_bytes);
    if (!settings) {
        fputs("gad: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    int exit_code = options_default(c, settings) ? EXIT_DONE : EXIT_USAGE;
    if (!exit_code)
        exit_code = parse(c, settings, argc, argv);
    if (!exit_code)
        exit_code = c->run(settings);
    free_lists(c, settings);
    free(settings);
    return exit_code;
}
