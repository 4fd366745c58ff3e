/* runtime: the calls of the CUDA runtime that the filling makes, and, with GAD_CUDA_HOST, the same on the processor, where
 * everything is done when the call returns. A call gives 0 or an error number of the runtime. Knows no op. */
#ifndef GAD_OP_CUDA_RUNTIME_CUH
#define GAD_OP_CUDA_RUNTIME_CUH
#include <stddef.h>
#include <stdint.h>

typedef struct gad_runtime_card {
    char name[64];
    int multiprocessors, generation; /* generation: 90 for sm_90 */
    size_t free_bytes;
} gad_runtime_card;

/* Cards of this machine, and use of one by this thread. */
int gad_runtime_count(int *count);
int gad_runtime_open(int index, gad_runtime_card *card);
/* The runtime's words for an error, and whether it is a lack of memory. Forgets the error where it can be forgotten. */
const char *gad_runtime_text(int error);
bool gad_runtime_lacks_memory(int error);
/* An error of a launch, which returns nothing itself. */
int gad_runtime_launched(void);

/* Device memory, uninitialised; host memory that copies read and write behind the processor's back. */
int gad_runtime_take(void **memory, size_t size_bytes);
void gad_runtime_give(void *memory);
int gad_runtime_take_pinned(void **memory, size_t size_bytes);
void gad_runtime_give_pinned(void *memory);

/* A stream's work is done in order, later than it is asked for. */
int gad_runtime_stream(void **stream);
void gad_runtime_stream_free(void *stream);
int gad_runtime_wait(void *stream);
int gad_runtime_copy(void *to, const void *from, size_t size_bytes, void *stream);
int gad_runtime_set(void *to, int byte, size_t size_bytes, void *stream);
/* rows of `bytes` bytes, `stride` bytes apart */
int gad_runtime_set_rows(void *to, size_t stride, int byte, size_t bytes, size_t rows, void *stream);
/* A mark in a stream that can be waited for. */
int gad_runtime_event(void **event);
void gad_runtime_event_free(void *event);
int gad_runtime_event_put(void *event, void *stream);
int gad_runtime_event_wait(void *event);

/* What the stream is asked for from `record` on is gathered, nothing may wait for it; `play` does it, by a graph that *kept
 * holds from one time to the next: it is only adjusted where the work is of the same kind. */
int gad_runtime_record(void *stream);
int gad_runtime_play(void *stream, void **kept);
void gad_runtime_kept_free(void *kept);

#ifdef GAD_CUDA_HOST
/* How often there was something to play. */
extern "C" int gad_runtime_played(void);
/* Device memory that may be in use at once: for tests of the lack of it. */
void gad_runtime_limit(size_t size_bytes);
#endif
#endif
