/* arena: see arena.h. Blocks form a list; `current` is the one that is being filled, the ones behind it are empty. */
#include "base/arena.h"

#include "base/memory.h"

#include <string.h>

enum { MIN_BLOCK_BYTES = 1 << 20 };

struct gad_arena_block {
    gad_arena_block *next;
    size_t size_bytes, used_bytes;
    char *data;
};

static gad_arena_block *new_block(size_t size_bytes)
{
    gad_arena_block *block = gad_memory_alloc(1, sizeof *block);
    char *data = gad_memory_alloc_aligned(size_bytes, 1);
    if (!block || !data) {
        gad_memory_free(block);
        gad_memory_free_aligned(data);
        return NULL;
    }
    *block = (gad_arena_block){.size_bytes = size_bytes, .data = data};
    return block;
}

void *gad_arena_take(gad_arena *arena, size_t count, size_t size_bytes)
{
    size_t total;
    if (!gad_memory_product(count, size_bytes, &total) || total > (size_t)-1 - 64)
        return NULL;
    total = (total + 63) & ~(size_t)63;
    gad_arena_block *block = arena->current;
    while (block && block->size_bytes - block->used_bytes < total) {
        block = block->next;
        if (block)
            block->used_bytes = 0;
    }
    if (!block) {
        block = new_block(total > MIN_BLOCK_BYTES ? total : MIN_BLOCK_BYTES);
        if (!block)
            return NULL;
        if (arena->current) { /* behind the current block, in front of blocks that were too small */
            block->next = arena->current->next;
            arena->current->next = block;
        } else {
            arena->first = block;
        }
    }
    arena->current = block;
    void *taken = block->data + block->used_bytes;
    block->used_bytes += total;
    arena->used_bytes += total;
    if (arena->used_bytes > arena->peak_bytes)
        arena->peak_bytes = arena->used_bytes;
    return taken;
}

char *gad_arena_copy(gad_arena *arena, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = gad_arena_take(arena, n, 1);
    return copy ? memcpy(copy, text, n) : NULL;
}

gad_arena_mark gad_arena_here(const gad_arena *arena)
{
    return (gad_arena_mark){arena->current, arena->current ? arena->current->used_bytes : 0, arena->used_bytes};
}

void gad_arena_rewind(gad_arena *arena, gad_arena_mark mark)
{
    arena->current = mark.block ? mark.block : arena->first;
    if (arena->current)
        arena->current->used_bytes = mark.block_used_bytes;
    arena->used_bytes = mark.used_bytes;
}

void gad_arena_reset(gad_arena *arena)
{
    gad_arena_rewind(arena, (gad_arena_mark){0});
}

void gad_arena_free(gad_arena *arena)
{
    for (gad_arena_block *block = arena->first, *next; block; block = next) {
        next = block->next;
        gad_memory_free_aligned(block->data);
        gad_memory_free(block);
    }
    *arena = (gad_arena){0};
}
