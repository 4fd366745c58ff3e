/* terminal: what a command shows on stderr: errors, log lines, progress; and how words of its results are coloured.
 * Results go to stdout, by the command itself. */
#ifndef GAD_CLI_TERMINAL_H
#define GAD_CLI_TERMINAL_H
#include "gad.h"

#include <stdio.h>

/* Text from outside (names of files, labels, answers, messages that hold them): control characters and what is no UTF-8
 * are shown as '?', so that nothing commands the terminal. Line ends stay where `lines`. */
void terminal_put(FILE *stream, const char *text, bool lines);
/* As printf, for text that may hold such. */
__attribute__((format(printf, 2, 3))) void terminal_printf(FILE *stream, const char *format, ...);
/* SGR numbers of foreground colours (ECMA-48, 8.3.117). */
typedef enum terminal_colour {
    TERMINAL_RED = 31,
    TERMINAL_GREEN = 32,
    TERMINAL_YELLOW = 33,
    TERMINAL_MAGENTA = 35
} terminal_colour;
/* A word, coloured where the stream is a terminal and NO_COLOR is not set. */
void terminal_put_coloured(FILE *stream, const char *text, terminal_colour colour);
/* Print the error: what failed, why, what to do. Returns EXIT_FAILED. */
int terminal_fail(const gad_error *err);
/* A log sink on stderr; debug messages only when `verbose`. */
gad_log terminal_log(bool verbose);
/* Progress on stderr: one line that is redrawn on a terminal, a line every ten seconds otherwise. Its update returns false
 * (so the call ends as cancelled) after Ctrl-C. */
gad_progress terminal_progress(void);
/* Clears a redrawn progress line, so that other output takes its place. */
void terminal_progress_end(void);
/* Make Ctrl-C and SIGTERM set a flag instead of ending the process; a second one ends it at once. */
void terminal_catch_interrupt(void);
bool terminal_interrupted(void);
#endif
