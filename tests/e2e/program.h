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
/* The same in surroundings of its own (mounts, limits, user): `prepare` runs in the new process before gad does. The code
 * is PROGRAM_UNPREPARED when it returned false. */
enum { PROGRAM_UNPREPARED = 125 };
program_result program_run_prepared(const char *const *argument, bool (*prepare)(void));
/* The same, and once it has written to standard error it gets `signal`. */
program_result program_interrupt(const char *const *argument, int signal);
void program_free(program_result *r);

#define RUN(...) program_run((const char *const[]){__VA_ARGS__, NULL})
#endif
