/* seen: see seen.h. An open table that is never more than half full. */
#include "data/seen.h"

#include "base/memory.h"

typedef struct gad_seen_slot {
    gad_hash name, owner;
    bool used;
} slot;

static slot *find_slot(const gad_seen *t, gad_hash name)
{
    size_t i = (size_t)name.low & (t->slots - 1);
    while (t->slot[i].used && !gad_hash_equal(t->slot[i].name, name))
        i = (i + 1) & (t->slots - 1);
    return &t->slot[i];
}

static bool grow(gad_seen *t)
{
    gad_seen larger = {.slots = t->slots ? 2 * t->slots : 1024, .count = t->count};
    if (!(larger.slot = gad_memory_zero(larger.slots, sizeof *larger.slot)))
        return false;
    for (size_t i = 0; i < t->slots; i++)
        if (t->slot[i].used)
            *find_slot(&larger, t->slot[i].name) = t->slot[i];
    gad_memory_free(t->slot);
    *t = larger;
    return true;
}

const gad_hash *gad_seen_claim(gad_seen *t, gad_hash name, gad_hash owner, bool *is_new)
{
    if (2 * t->count >= t->slots && !grow(t))
        return NULL;
    slot *s = find_slot(t, name);
    *is_new = !s->used;
    if (!s->used) {
        *s = (slot){name, owner, true};
        t->count++;
    }
    return &s->owner;
}

const gad_hash *gad_seen_find(const gad_seen *t, gad_hash name)
{
    const slot *s = t->slots ? find_slot(t, name) : NULL;
    return s && s->used ? &s->owner : NULL;
}

void gad_seen_free(gad_seen *t)
{
    gad_memory_free(t->slot);
    *t = (gad_seen){0};
}
