/* program: see program.h. Output goes to files, so that no pipe can fill up. */
#include "e2e/program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 48, TIME_LIMIT_S = 120 };
static const char out_path[] = GAD_TEST_TMP "/stdout.txt", text_path[] = GAD_TEST_TMP "/stderr.txt";

static void redirect(const char *path, int to)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || dup2(fd, to) < 0)
        _exit(126);
    close(fd);
}

static pid_t start(const char *const *argument, bool (*prepare)(void))
{
    char *list[MAX_ARGUMENTS] = {(char[]){GAD_BINARY_DIR "/gad"}};
    int count = 1;
    for (; argument[count - 1]; count++) {
        assert_true(count + 1 < MAX_ARGUMENTS);
        list[count] = (char *)(uintptr_t)argument[count - 1];
    }
    unlink(text_path);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child)
        return child;
    redirect(out_path, STDOUT_FILENO);
    redirect(text_path, STDERR_FILENO);
    alarm(TIME_LIMIT_S);
    if (prepare && !prepare())
        _exit(PROGRAM_UNPREPARED);
    execv(list[0], list);
    _exit(127);
}

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = 0, capacity = 1 << 16;
    char *text = malloc(capacity);
    for (size_t n; (n = fread(text + size, 1, capacity - 1 - size, file)) > 0;) {
        size += n;
        if (capacity - 1 == size)
            text = realloc(text, capacity *= 2);
    }
    text[size] = 0;
    fclose(file);
    return text;
}

static program_result finish(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return (program_result){
        .code = WIFEXITED(status) ? WEXITSTATUS(status) : -1, .out = read_all(out_path), .text = read_all(text_path)};
}

program_result program_run(const char *const *argument)
{
    return finish(start(argument, NULL));
}

program_result program_run_prepared(const char *const *argument, bool (*prepare)(void))
{
    return finish(start(argument, prepare));
}

program_result program_interrupt(const char *const *argument, int signal)
{
    pid_t child = start(argument, NULL);
    struct stat info;
    const struct timespec moment = {0, 2000000};
    for (int i = 0; i < TIME_LIMIT_S * 500 && (stat(text_path, &info) || !info.st_size); i++)
        nanosleep(&moment, NULL);
    kill(child, signal);
    return finish(child);
}

void program_free(program_result *r)
{
    free(r->out);
    free(r->text);
    *r = (program_result){0};
}
