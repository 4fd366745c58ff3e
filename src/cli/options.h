/* options: one table per command feeds the parser, the help text and the printed settings. In: argv. Out: the command's
 * settings struct, filled. Knows nothing of what a command does. */
#ifndef GAD_CLI_OPTIONS_H
#define GAD_CLI_OPTIONS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum option_kind {
    OPTION_FLAG,   /* bool; --name sets it, --no-name clears it */
    OPTION_STRING, /* const char * */
    OPTION_URL,    /* const char *; printed without user, password and query */
    OPTION_HIDDEN, /* const char *; may hold a key: printed as given or not */
    OPTION_CHOICE, /* const char *, one of `choices` */
    OPTION_ENUM,   /* an enum: the place of the word in `choices`, which its header has as GAD_..._WORDS */
    OPTION_SHORT,  /* int, at least `minimum`, at most `maximum` */
    OPTION_INT,    /* int64_t or uint64_t, at least `minimum`, at most `maximum` */
    OPTION_NUMBER, /* double, at least `minimum` */
    OPTION_LIST    /* option_list: may be given many times */
} option_kind;

typedef struct option_list {
    const char **item; /* the strings belong to argv */
    int64_t count;
} option_list;

typedef struct option option;

/* Options that commands share; none of them includes a table. */
typedef struct option_table {
    const option *entry;
    size_t count;
} option_table;

/* One entry of a table. With `name` it is an option. Otherwise: with `table`, the options of that table stand here; with
 * `changes`, the included option of that name gets this entry's `help` and `fallback` where they are given; with `help`
 * alone, a group of the help text starts, of that title. */
struct option {
    const char *name;     /* "max-tokens" */
    const char *argument; /* "FILE"; NULL for flags */
    option_kind kind;
    size_t offset; /* of the value in the settings struct; with `table`: what its offsets count from */
    const char *help;
    const char *fallback;       /* default, parsed like an argument; NULL: false, NULL, 0 */
    const char *const *choices; /* ends with NULL: CHOICES */
    double minimum, maximum;    /* maximum 0: none */
    const char *aliases; /* "max-new-tokens,max_completion_length": other spellings, separated by commas; NULL if none */
    const option_table *table;
    const char *changes;
};

typedef struct command {
    const char *name;     /* "inspect", "data import" */
    const char *synopsis; /* "[options] --ref GOOD PART..." */
    const char *summary;  /* one line */
    const char *details;  /* paragraphs under the synopsis; may be NULL */
    const option *options;
    size_t option_count;
    int64_t min_arguments, max_arguments; /* positional ones; most < 0: any number */
    size_t arguments_offset;              /* of the option_list that gets them; unused when most is 0 */
    size_t settings_bytes;
    void (*defaults)(void *settings); /* the library's, before those of the table; NULL: zeros */
    int (*run)(void *settings);       /* returns the exit code */
} command;

#define CHOICES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define OPTIONS_COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Where a walk over the options of a command is; starts as {.command = c}. */
typedef struct option_walk {
    const command *command;
    size_t entry, included; /* next entry of the command's table; of the table that this one includes */
} option_walk;

/* The next option or group title, as it acts in this command: included ones in their place, changed where the command
 * changes them, offsets counted from the start of its settings. False at the end. */
bool options_next(option_walk *walk, option *o);

/* "a|b|c" of words that end with NULL. */
void options_list(const char *const *words, const char *between, char *text, size_t text_bytes);

/* Exit codes of every command. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_ANOMALY = 3 };

/* The settings of a command without any option. False, and a message, where the table holds what is none. */
bool options_default(const command *c, void *settings);
/* Parse the arguments after the command's name and run it. Handles --help; a usage error prints one message with the
 * nearest option name and returns EXIT_USAGE. */
int command_main(const command *c, int argc, char **argv);
/* The resolved settings as "name value" lines on `stream`: what every long command prints first. */
void options_print(const command *c, const void *settings, FILE *stream);
#endif
