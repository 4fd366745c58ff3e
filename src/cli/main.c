/* main: picks the command from the table and hands the rest of the arguments over. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "gad.h"

static void print_usage(FILE *stream)
{
    fprintf(stream,
            "gad %s - general anomaly detection with a reasoning multimodal model\n\nUsage: gad COMMAND [options]\n\n",
            GAD_VERSION);
    for (size_t i = 0; commands[i]; i++)
        fprintf(stream, "  %-16s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(stream, "\ngad help COMMAND, or gad COMMAND --help, explains a command.\n");
}

/* Words of the command's name that argv starts with; 0 when it is another command. */
static int matches(const char *name, int argc, char **argv)
{
    int words = 0;
    while (*name) {
        size_t n = strcspn(name, " ");
        if (words >= argc || strlen(argv[words]) != n || strncmp(argv[words], name, n) != 0)
            return 0;
        words++;
        name += n + (name[n] == ' ');
    }
    return words;
}

static bool print_subcommands(const char *word, FILE *stream)
{
    size_t n = strlen(word);
    bool any = false;
    for (size_t i = 0; commands[i]; i++)
        if (!strncmp(commands[i]->name, word, n) && commands[i]->name[n] == ' ') {
            fprintf(stream, "  gad %-16s %s\n", commands[i]->name, commands[i]->summary);
            any = true;
        }
    return any;
}

static int unknown_command(int argc, char **argv)
{
    bool second = argc > 2 && argv[2][0] != '-';
    bool help = argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"));
    if (help && print_subcommands(argv[1], stdout))
        return EXIT_DONE;
    fprintf(stderr, "gad: unknown command \"%s%s%s\"\n", argv[1], second ? " " : "", second ? argv[2] : "");
    print_subcommands(argv[1], stderr);
    fprintf(stderr, "Try: gad --help\n");
    return EXIT_USAGE;
}

/* How OpenMP's threads wait for each other is settled before a program starts. Where other work wants the processors, those
 * that spin take five to ten times as long as those that sleep; on an idle machine it is the other way round, since waking
 * costs more than what a small model computes meanwhile (docs/speed.md). Who has set the way they wait keeps it. */
static void choose_how_threads_wait(char **argv)
{
    double load = 0;
    const bool idle = getloadavg(&load, 1) == 1 && load < 0.5 * (double)sysconf(_SC_NPROCESSORS_ONLN);
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    if (!(idle ? setenv("GOMP_SPINCOUNT", "10000", 0) : setenv("OMP_WAIT_POLICY", "passive", 0)))
        execv("/proc/self/exe", argv); /* on failure this process goes on as it is */
}

/* Results that could not be written are a failure, whatever the command says. */
static int finish(int code)
{
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) || failed) {
        fprintf(stderr, "gad: cannot write to standard output: %s\n", strerror(errno));
        return code ? code : EXIT_FAILED;
    }
    return code;
}

static int run(int argc, char **argv);

/* gad help COMMAND is gad COMMAND --help, of a command of one word or two. */
static int help(int argc, char **argv)
{
    char *asked[] = {argv[0], argv[2], argc > 3 ? argv[3] : "--help", "--help", NULL};
    return run(argc > 3 ? 4 : 3, asked);
}

static int run(int argc, char **argv)
{
    if (argc > 2 && !strcmp(argv[1], "help"))
        return help(argc, argv);
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : EXIT_DONE;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        printf("gad %s\n", GAD_VERSION);
        return EXIT_DONE;
    }
    for (size_t i = 0; commands[i]; i++) {
        int words = matches(commands[i]->name, argc - 1, argv + 1);
        if (words)
            return command_main(commands[i], argc - 1 - words, argv + 1 + words);
    }
    return unknown_command(argc, argv);
}

int main(int argc, char **argv)
{
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* whole lines, so that the processes of a job do not write into each other's */
    choose_how_threads_wait(argv);
    return finish(run(argc, argv));
}
