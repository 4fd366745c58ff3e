/* program: runs the built gad as a user would. */
#ifndef GAD_TESTS_E2E_PROGRAM_H
#define GAD_TESTS_E2E_PROGRAM_H
#include "support/support.h"

typedef struct program_result {
    int code;         /* exit code; -1 when a signal ended it */
    char *out, *text; /* standard output; standard error */
} program_result;

/* gad with arguments up to the first NULL. Its own files may be relative to the source tree. It is ended after two minutes.
 */
program_result program_run(const char *const *argument);
/* The same, and once it has written to standard error it gets `signal`. */
program_result program_interrupt(const char *const *argument, int signal);
void program_free(program_result *r);

#define RUN(...) program_run((const char *const[]){__VA_ARGS__, NULL})
#endif
