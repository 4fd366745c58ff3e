/* terminal: see terminal.h */
#include "cli/terminal.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"

static volatile sig_atomic_t interrupted;
static bool line_is_open;

/* Whether the descriptor (1 stdout, 2 stderr) is a terminal that can redraw and colour. */
static bool is_interactive(int descriptor)
{
    const char *term = getenv("TERM");
    return isatty(descriptor) && term && strcmp(term, "dumb") != 0;
}

/* Bytes of the UTF-8 character at `text`, as far as they are continued; 0: none begins here. */
static int sequence(const unsigned char *text)
{
    int n = text[0] < 0x80                      ? 1
            : text[0] >= 0xC2 && text[0] < 0xE0 ? 2
            : (text[0] & 0xF0) == 0xE0          ? 3
            : (text[0] & 0xF8) == 0xF0          ? 4
                                                : 0;
    for (int i = 1; i < n; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

void terminal_put(FILE *stream, const char *text, bool lines)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        int n = sequence(at);
        bool control = (n == 1 && (at[0] < 0x20 || at[0] == 0x7F)) || (n == 2 && at[0] == 0xC2 && at[1] < 0xA0);
        if (n == 1 && lines && (at[0] == '\n' || at[0] == '\t'))
            control = false;
        if (!n || control)
            fputc('?', stream);
        else
            fwrite(at, 1, (size_t)n, stream);
        at += n ? n : 1;
    }
}

void terminal_printf(FILE *stream, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) >= 0)
        terminal_put(stream, text, true);
    va_end(args);
    free(text);
}

void terminal_put_coloured(FILE *stream, const char *text, terminal_colour colour)
{
    const char *refused = getenv("NO_COLOR"); /* no-color.org: set and not empty */
    bool coloured = is_interactive(fileno(stream)) && !(refused && *refused);
    if (coloured)
        fprintf(stream, "\033[%dm", (int)colour);
    terminal_put(stream, text, false);
    if (coloured)
        fputs("\033[0m", stream);
}

int terminal_fail(const gad_error *err)
{
    terminal_progress_end();
    fprintf(stderr, "gad: cannot %s: ", err->operation);
    terminal_put(stderr, err->cause, false);
    fputc('\n', stderr);
    if (err->hint[0]) {
        fputs("     ", stderr);
        terminal_put(stderr, err->hint, true);
        fputc('\n', stderr);
    }
    return EXIT_FAILED;
}

static void write_log(void *user, gad_log_level level, const char *message)
{
    if (level == GAD_LOG_DEBUG && !user)
        return;
    terminal_progress_end();
    fputs(level == GAD_LOG_WARNING ? "warning: " : "", stderr);
    terminal_put(stderr, message, true);
    fputc('\n', stderr);
}

gad_log terminal_log(bool verbose)
{
    static bool yes = true;
    return (gad_log){write_log, verbose ? &yes : NULL};
}

static void format_seconds(double seconds, char *text, size_t size)
{
    if (seconds < 100)
        snprintf(text, size, "%.0f s", seconds);
    else if (seconds < 6000)
        snprintf(text, size, "%.0f min", seconds / 60);
    else
        snprintf(text, size, "%.1f h", seconds / 3600);
}

static void draw_progress(const gad_progress_state *state, bool redraw, bool last)
{
    char left[32];
    fprintf(stderr, "%s%s %lld", redraw ? "\r\033[K" : "", state->what, (long long)state->done);
    if (state->total > 0)
        fprintf(stderr, "/%lld", (long long)state->total);
    if (state->elapsed_s > 0)
        fprintf(stderr, ", %.3g/s", (double)state->done / state->elapsed_s);
    if (state->left_s >= 0 && !last) {
        format_seconds(state->left_s, left, sizeof left);
        fprintf(stderr, ", %s left", left);
    }
    if (!redraw || last)
        fputc('\n', stderr);
    fflush(stderr);
    line_is_open = redraw && !last;
}

static bool show_progress(void *user, const gad_progress_state *state)
{
    (void)user;
    static double shown_s;
    static const char *shown_what;
    bool redraw = is_interactive(STDERR_FILENO);
    bool last = state->total > 0 && state->done >= state->total;
    if (shown_what != state->what || state->elapsed_s < shown_s) {
        shown_what = state->what;
        shown_s = 0;
    }
    if (last || state->elapsed_s - shown_s >= (redraw ? 0.1 : 10)) {
        draw_progress(state, redraw, last);
        shown_s = state->elapsed_s;
    }
    return !interrupted;
}

gad_progress terminal_progress(void)
{
    return (gad_progress){show_progress, NULL};
}

void terminal_progress_end(void)
{
    if (line_is_open) {
        fputs("\r\033[K", stderr);
        fflush(stderr); /* before what goes to standard output */
    }
    line_is_open = false;
}

static void on_signal(int number)
{
    if (interrupted) {
        signal(number, SIG_DFL);
        raise(number);
    }
    interrupted = 1;
}

void terminal_catch_interrupt(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool terminal_interrupted(void)
{
    return interrupted != 0;
}
