/* ahead: see ahead.h. A ring of items between two threads; the maker sleeps while it is full. Where no thread can be had,
 * items are made when they are taken. */
#include "base/ahead.h"

#include "base/error.h"
#include "base/memory.h"

#include <omp.h>
#include <pthread.h>
#include <string.h>

typedef struct made {
    gad_status status;
    gad_error err;
} made;

struct gad_ahead {
    gad_ahead_sequence sequence;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    made *how;    /* [capacity] */
    char *item;   /* [capacity][item_bytes] */
    int first;    /* place of the oldest item */
    int count;    /* items that wait */
    int64_t head; /* number of the item that comes next to the caller */
    int64_t next; /* to be made; end: nothing */
    bool making, stops, ends;
};

static char *item_at(const gad_ahead *a, int i)
{
    return a->item + (size_t)((a->first + i) % a->sequence.capacity) * a->sequence.item_bytes;
}

static bool can_make(const gad_ahead *a)
{
    return !a->stops && a->next < a->sequence.end && a->count < a->sequence.capacity;
}

/* With the lock held, which is left while the item is made. Nobody moves `first` in between but by one item taken from the
 * front, so the place is kept by its address. */
static void make_next(gad_ahead *a)
{
    const gad_ahead_sequence *s = &a->sequence;
    const int at = (a->first + a->count) % s->capacity;
    const int64_t n = a->next;
    char *item = a->item + (size_t)at * s->item_bytes;
    a->making = true;
    pthread_mutex_unlock(&a->lock);
    made how = {0};
    memset(item, 0, s->item_bytes);
    how.status = s->make(s->user, n, item, &how.err);
    pthread_mutex_lock(&a->lock);
    a->how[at] = how;
    a->count++;
    a->next = n > s->end - s->stride ? s->end : n + s->stride;
    a->making = false;
    pthread_cond_broadcast(&a->changed);
}

static void *work(void *self)
{
    gad_ahead *a = self;
    omp_set_num_threads(1); /* the others are the caller's */
    pthread_mutex_lock(&a->lock);
    while (!a->ends) {
        if (can_make(a))
            make_next(a);
        else
            pthread_cond_wait(&a->changed, &a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

gad_status gad_ahead_open(const gad_ahead_sequence *sequence, gad_ahead **ahead, gad_error *err)
{
    gad_ahead *a = gad_memory_zero(1, sizeof *a);
    size_t capacity = (size_t)sequence->capacity;
    if (a) {
        a->how = gad_memory_zero(capacity, sizeof *a->how);
        a->item = gad_memory_zero(capacity, sequence->item_bytes);
    }
    if (!a || !a->how || !a->item) {
        if (a) {
            gad_memory_free(a->how);
            gad_memory_free(a->item);
        }
        gad_memory_free(a);
        return gad_error_memory(err, "read ahead", capacity * sequence->item_bytes);
    }
    a->sequence = *sequence;
    a->next = sequence->end;
    a->head = -1;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->has_thread = pthread_create(&a->thread, NULL, work, a) == 0;
    *ahead = a;
    return GAD_OK;
}

/* Forget what waits; with the lock held. */
static void drop_all(gad_ahead *a)
{
    a->stops = true;
    while (a->making)
        pthread_cond_wait(&a->changed, &a->lock);
    a->stops = false;
    for (int i = 0; i < a->count; i++)
        if (!a->how[(a->first + i) % a->sequence.capacity].status)
            a->sequence.drop(item_at(a, i));
    a->first = a->count = 0;
    a->next = a->sequence.end;
}

gad_status gad_ahead_take(gad_ahead *a, int64_t n, void *item, gad_error *err)
{
    const gad_ahead_sequence *s = &a->sequence;
    if (!a->has_thread)
        return s->make(s->user, n, memset(item, 0, s->item_bytes), err);
    pthread_mutex_lock(&a->lock);
    if (a->head != n) {
        drop_all(a);
        a->head = n;
        a->next = n < s->end ? n : s->end;
        pthread_cond_broadcast(&a->changed);
    }
    if (n >= s->end) { /* beyond the sequence: the thread has nothing to do */
        a->head = -1;
        pthread_mutex_unlock(&a->lock);
        return s->make(s->user, n, memset(item, 0, s->item_bytes), err);
    }
    while (!a->count)
        pthread_cond_wait(&a->changed, &a->lock);
    made how = a->how[a->first];
    memcpy(item, item_at(a, 0), s->item_bytes);
    a->first = (a->first + 1) % s->capacity;
    a->count--;
    a->head += s->stride;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    if (how.status && err)
        *err = how.err;
    return how.status;
}

void gad_ahead_free(gad_ahead *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->ends = true;
    drop_all(a);
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    if (a->has_thread)
        pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    gad_memory_free(a->how);
    gad_memory_free(a->item);
    gad_memory_free(a);
}
