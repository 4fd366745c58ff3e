/* counting: allocators that count, and that fail at a given call: gad's own and jansson's. */
#ifndef GAD_TESTS_API_COUNTING_H
#define GAD_TESTS_API_COUNTING_H
#include <stddef.h>

typedef struct counting {
    size_t calls;   /* since the last start */
    size_t fail_at; /* this call gives no memory; 0: none */
    size_t live;    /* pieces that were given and not taken back */
    size_t bytes;   /* asked for, since the last start */
} counting;

extern counting counting_own, counting_json;

/* Takes over both allocators; before anything is allocated. */
void counting_install(void);
/* Counts anew and lets call `fail_at` fail. */
void counting_start(counting *c, size_t fail_at);
#endif
