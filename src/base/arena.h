/* arena: memory for one request or one step: many takes, one reset. Addresses stay valid until the reset. */
#ifndef GAD_BASE_ARENA_H
#define GAD_BASE_ARENA_H
#include <stddef.h>

typedef struct gad_arena_block gad_arena_block;

typedef struct gad_arena {
    gad_arena_block *first, *current;
    size_t used_bytes; /* taken since the last reset */
    size_t peak_bytes; /* the largest used_bytes so far */
} gad_arena;

/* size_bytes at a multiple of 64, uninitialised; NULL without memory. */
void *gad_arena_take(gad_arena *arena, size_t count, size_t size_bytes);
/* A copy of the text; NULL without memory. */
char *gad_arena_copy(gad_arena *arena, const char *text);
/* Where the arena stands, to come back to: what was taken after the mark is given back by gad_arena_rewind. */
typedef struct gad_arena_mark {
    gad_arena_block *block;
    size_t block_used_bytes, used_bytes;
} gad_arena_mark;
gad_arena_mark gad_arena_here(const gad_arena *arena);
void gad_arena_rewind(gad_arena *arena, gad_arena_mark mark);
/* Keep the blocks, forget their content. */
void gad_arena_reset(gad_arena *arena);
void gad_arena_free(gad_arena *arena);
#endif
