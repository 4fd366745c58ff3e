/* faults: makes the n-th allocation, read, write or removal of a call fail. Stands before the C library's functions in the
 * test program, so that the library needs no seam; SQLite's files go through it as well. For one thread. */
#ifndef GAD_TESTS_API_FAULTS_H
#define GAD_TESTS_API_FAULTS_H
#include <stdbool.h>
#include <stddef.h>

#include "gad.h"

typedef enum faults_kind { FAULTS_MEMORY, FAULTS_READ, FAULTS_WRITE, FAULTS_UNLINK, FAULTS_KINDS } faults_kind;
extern const char *const faults_names[FAULTS_KINDS];

/* Takes over gad's allocator; before anything is allocated. */
void faults_install(void);
/* From now on call `n` (from 1) of this kind fails, once. */
void faults_start(faults_kind kind, size_t n);
/* No call fails any more. Returns whether one has. */
bool faults_stop(void);

/* One call, and what must hold whatever fails in it. */
typedef struct faults_scene {
    const char *name;
    gad_status (*call)(gad_error *err);
    void (*before)(void);          /* each try; NULL: nothing */
    void (*after)(bool succeeded); /* what must hold then */
    size_t step[FAULTS_KINDS];     /* 0 and 1: every one; n: every n-th */
} faults_scene;
extern faults_kind faults_failing; /* what fails in this sweep */
/* Lets each allocation, read, write and removal of the call fail in turn; an error names itself. */
void faults_sweep(const faults_scene *scene);
#endif
