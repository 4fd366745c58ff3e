/* counting: see counting.h. Not atomic: these tests use one thread. */
#include "api/counting.h"

#include <jansson.h>
#include <stdlib.h>

#include "gad.h"

counting counting_own, counting_json;

static bool refuses(counting *c, size_t size_bytes)
{
    c->bytes += size_bytes;
    return ++c->calls == c->fail_at;
}

static void *allocate(void *user, size_t size_bytes)
{
    counting *c = user;
    void *memory = refuses(c, size_bytes) ? NULL : malloc(size_bytes);
    c->live += memory != NULL;
    return memory;
}

static void *resize(void *user, void *old, size_t size_bytes)
{
    counting *c = user;
    if (refuses(c, size_bytes))
        return NULL;
    void *memory = realloc(old, size_bytes);
    c->live += memory && !old;
    return memory;
}

static void release(void *user, void *old)
{
    ((counting *)user)->live--;
    free(old);
}

static void *allocate_json(size_t size_bytes)
{
    return allocate(&counting_json, size_bytes);
}

static void release_json(void *old)
{
    if (old)
        release(&counting_json, old);
}

void counting_install(void)
{
    const gad_allocator own = {allocate, resize, release, &counting_own};
    gad_use_allocator(&own);
    json_set_alloc_funcs(allocate_json, release_json);
}

void counting_start(counting *c, size_t fail_at)
{
    c->calls = c->bytes = 0;
    c->fail_at = fail_at;
}
