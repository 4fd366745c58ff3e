/* grid_host: see grid_host.cuh. Not part of the plugin. */
#include "op/cuda/grid.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

enum {
    MOST_THREADS = 1024,
    WARPS = MOST_THREADS / GRID_WARP,
    STACK_BYTES = 256 << 10, /* of a fibre; pages that are not touched cost nothing */
    COPIES = 512,            /* asynchronous ones of a thread that have not arrived */
    NAMES = 256,
    BEHIND = 64 /* bytes of sentinels behind dynamic shared memory */
};

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

/* ---- switching stacks ---- */

#if defined(__x86_64__)
typedef void *place;
extern "C" void grid_host_switch(place *from, place to);
/* what a call preserves is pushed, the stack pointer kept at `from` and taken from `to` */
__asm__(".text\n"
        ".globl grid_host_switch\n"
        ".type grid_host_switch,@function\n"
        "grid_host_switch:\n"
        "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
        "  ret\n"
        ".size grid_host_switch,.-grid_host_switch\n");

static void change(place *from, place *to)
{
    grid_host_switch(from, *to);
}

static void begin(place *at, char *stack, void (*run)(void))
{
    void **top = (void **)(stack + STACK_BYTES) - 2; /* a function starts 8 bytes off a multiple of 16 */
    top[0] = (void *)run;
    top[1] = NULL;
    memset(top - 6, 0, 6 * sizeof *top);
    *at = top - 6;
}
#else
typedef ucontext_t place;

static void change(place *from, place *to)
{
    swapcontext(from, to);
}

static void begin(place *at, char *stack, void (*run)(void))
{
    getcontext(at);
    at->uc_stack.ss_sp = stack;
    at->uc_stack.ss_size = STACK_BYTES;
    at->uc_link = NULL;
    makecontext(at, run, 0);
}
#endif

/* ---- the block that runs ---- */

struct copy {
    void *to;
    const void *from; /* NULL: zeros */
    int group;
};
struct fibre {
    place at;
    uint3 thread;
    int index;
    bool done;
    const int *barrier; /* waits until *barrier is no longer `turn`; NULL: it does not wait */
    int turn;
    struct copy copies[COPIES];
    int copy_count, groups; /* groups that are closed */
};
struct warp {
    int lanes, arrived, ended, turn; /* turn: exchanges so far */
    const char *kind;
    char given[2][GRID_WARP * GRID_HOST_LANE_BYTES]; /* by turn, so that a fast lane overwrites nothing that is read */
};

static struct fibre fibres[MOST_THREADS];
static struct warp warps[WARPS];
static struct fibre *self;
static place scheduler;
static char *stacks, *shared;
static int threads, ended, arrived, turn;
static const char *kernel;
static void (*kernel_body)(void *);
static void *kernel_user;
static uint64_t noise = 88172645463325252u;

static unsigned draw(unsigned below)
{
    noise ^= noise << 13; /* Marsaglia, xorshift64 */
    noise ^= noise >> 7;
    noise ^= noise << 17;
    return (unsigned)(noise % below);
}

static void shuffle(unsigned *order, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        order[i] = i;
    for (unsigned i = n; i > 1; i--) {
        const unsigned other = draw(i), kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

static void die(const char *what)
{
    fprintf(stderr, "grid: %s: block (%u,%u,%u), thread (%u,%u,%u): %s\n", kernel, blockIdx.x, blockIdx.y, blockIdx.z,
            threadIdx.x, threadIdx.y, threadIdx.z, what);
    abort();
}

static void wait_for(const int *barrier)
{
    self->barrier = barrier;
    self->turn = *barrier;
    change(&self->at, &scheduler);
}

static void pass_block(void)
{
    if (arrived && arrived + ended == threads) {
        arrived = 0;
        turn++;
    }
}

static void pass_warp(struct warp *w)
{
    if (w->arrived && w->arrived + w->ended == w->lanes) {
        w->arrived = 0;
        w->turn++;
        memset(w->given[w->turn & 1], 0xFF, sizeof w->given[0]); /* of who gives nothing next time */
    }
}

static void run_fibre(void)
{
    kernel_body(kernel_user);
    struct warp *w = &warps[self->index / GRID_WARP];
    self->done = true;
    ended++;
    w->ended++;
    pass_warp(w);
    pass_block();
    place nowhere;
    change(&nowhere, &scheduler);
}

static bool ready(const struct fibre *f)
{
    return !f->done && (!f->barrier || *f->barrier != f->turn);
}

static int begun; /* threads of the block that have called grid_begin */

static void run_block(const unsigned *order)
{
    extern char __start_gad_grid_shared[] __attribute__((weak)), __stop_gad_grid_shared[] __attribute__((weak));
    if (__start_gad_grid_shared)
        memset(__start_gad_grid_shared, 0xFF, (size_t)(__stop_gad_grid_shared - __start_gad_grid_shared));
    ended = arrived = begun = 0;
#ifdef __SANITIZE_ADDRESS__ /* the last frame of a fibre that ended never returned */
    __asan_unpoison_memory_region(stacks, (size_t)threads * STACK_BYTES);
#endif
    for (int i = 0; i < threads; i++) {
        struct fibre *f = &fibres[i];
        f->index = i;
        f->thread.x = (unsigned)i % blockDim.x;
        f->thread.y = (unsigned)i / blockDim.x % blockDim.y;
        f->thread.z = (unsigned)i / (blockDim.x * blockDim.y);
        f->done = false;
        f->barrier = NULL;
        f->copy_count = f->groups = 0;
        begin(&f->at, stacks + (size_t)i * STACK_BYTES, run_fibre);
    }
    for (int i = 0; i * GRID_WARP < threads; i++) {
        warps[i].lanes = min((int)GRID_WARP, threads - i * GRID_WARP);
        warps[i].arrived = warps[i].ended = 0;
        memset(warps[i].given, 0xFF, sizeof warps[i].given);
    }
    while (ended < threads) {
        int ran = 0;
        for (int i = 0; i < threads; i++) {
            struct fibre *f = &fibres[order[i]];
            if (!ready(f))
                continue;
            f->barrier = NULL;
            self = f;
            threadIdx = f->thread;
            change(&scheduler, &f->at);
            ran++;
        }
        if (!ran)
            die("waits for threads that have gone another way");
    }
}

static void count_launch(const char *name);

void grid_host_run(const char *name, dim3 grid, dim3 block, size_t shared_bytes, void (*body)(void *user), void *user)
{
    static unsigned order[MOST_THREADS];
    threads = (int)(block.x * block.y * block.z);
    kernel = name;
    count_launch(name);
    if (threads < 1 || threads > MOST_THREADS || shared_bytes > 227 << 10 || grid.y > 65535 || grid.z > 65535)
        die("a launch that the device refuses");
    if (!stacks)
        stacks = (char *)mmap(NULL, (size_t)MOST_THREADS * STACK_BYTES, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    shared = (char *)aligned_alloc(1024, (shared_bytes + BEHIND + 1023) / 1024 * 1024);
    if (stacks == MAP_FAILED || !shared)
        die("no memory");
    const unsigned blocks = grid.x * grid.y * grid.z, step = draw(blocks);
    kernel_body = body;
    kernel_user = user;
    blockDim = block;
    gridDim = grid;
    shuffle(order, (unsigned)threads);
    for (unsigned i = 0; i < blocks; i++) {
        const unsigned at = (blocks - 1 - i + step) % blocks; /* backwards from anywhere */
        blockIdx.x = at % grid.x;
        blockIdx.y = at / grid.x % grid.y;
        blockIdx.z = at / (grid.x * grid.y);
        memset(shared, 0xFF, shared_bytes + BEHIND);
        run_block(order);
        if (begun != threads)
            die("a thread that does not begin with grid_begin");
        for (int j = 0; j < BEHIND; j++)
            if (shared[shared_bytes + (size_t)j] != (char)0xFF)
                die("wrote behind its shared memory");
    }
    free(shared);
}

void grid_begin(void)
{
    begun++;
}

char *grid_shared(void)
{
    return shared;
}

void __syncthreads(void)
{
    const int before = turn;
    arrived++;
    pass_block();
    if (turn == before)
        wait_for(&turn);
}

int grid_host_lane(void)
{
    return (int)((unsigned)self->index % GRID_WARP);
}

const char *grid_host_exchange(const char *kind, unsigned mask, const void *give, size_t size_bytes)
{
    struct warp *w = &warps[self->index / GRID_WARP];
    char *given = w->given[w->turn & 1];
    const int before = w->turn;
    if (mask != 0xFFFFFFFFu || size_bytes > GRID_HOST_LANE_BYTES)
        die("an exchange of part of a warp, or too large");
    if (w->arrived && strcmp(w->kind, kind))
        die("lanes of a warp meet in different exchanges");
    w->kind = kind;
    if (size_bytes)
        memcpy(given + grid_host_lane() * GRID_HOST_LANE_BYTES, give, size_bytes);
    w->arrived++;
    pass_warp(w);
    if (w->turn == before)
        wait_for(&w->turn);
    return given;
}

/* ---- matrices of a warp ---- */

static float half_of(uint32_t pair, int which)
{
    return grid_float(bf16{(uint16_t)(pair >> 16 * which)});
}

/* PTX, "Matrix fragments for mma.m16n8k16": lane 4 g + j holds rows g and g + 8 of a, columns 2 j, 2 j + 1 and those plus
 * 8; of b the same rows of column g; of d columns 2 j and 2 j + 1 of rows g and g + 8. */
void grid_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2])
{
    uint32_t mine[6] = {a[0], a[1], a[2], a[3], b[0], b[1]}, from[6], to[6];
    const char *all = grid_host_exchange("mma", 0xFFFFFFFFu, mine, sizeof mine);
    const int g = grid_host_lane() / 4, j = grid_host_lane() % 4;
    for (int i = 0; i < 4; i++) {
        const int row = g + 8 * (i / 2), col = 2 * j + i % 2;
        float sum = 0;
        for (int k = 0; k < 16; k++) {
            memcpy(from, all + (row % 8 * 4 + k % 8 / 2) * GRID_HOST_LANE_BYTES, sizeof from);
            memcpy(to, all + (col * 4 + k % 8 / 2) * GRID_HOST_LANE_BYTES, sizeof to);
            sum += half_of(from[row / 8 + 2 * (k / 8)], k % 2) * half_of(to[4 + k / 8], k % 2);
        }
        d[i] += sum;
    }
}

/* "Matrix fragments for mma.m16n8k32": as above with four bytes where there were two numbers. */
void grid_mma_bytes(int d[4], const uint32_t a[4], const uint32_t b[2])
{
    uint32_t mine[6] = {a[0], a[1], a[2], a[3], b[0], b[1]}, from[6], to[6];
    const char *all = grid_host_exchange("mma of bytes", 0xFFFFFFFFu, mine, sizeof mine);
    const int g = grid_host_lane() / 4, j = grid_host_lane() % 4;
    for (int i = 0; i < 4; i++) {
        const int row = g + 8 * (i / 2), col = 2 * j + i % 2;
        for (int k = 0; k < 32; k++) {
            memcpy(from, all + (row % 8 * 4 + k % 16 / 4) * GRID_HOST_LANE_BYTES, sizeof from);
            memcpy(to, all + (col * 4 + k % 16 / 4) * GRID_HOST_LANE_BYTES, sizeof to);
            d[i] +=
                (int)(uint8_t)(from[row / 8 + 2 * (k / 16)] >> 8 * (k % 4)) * (int)(int8_t)(to[4 + k / 16] >> 8 * (k % 4));
        }
    }
}

void grid_host_matrix(uint32_t *r, const void *row, int count, bool turned)
{
    const char *all = grid_host_exchange(turned ? "ldmatrix.trans" : "ldmatrix", 0xFFFFFFFFu, &row, sizeof row);
    const int lane = grid_host_lane();
    for (int i = 0; i < count; i++) {
        uint16_t pair[2];
        for (int n = 0; n < 2; n++) {
            const int y = turned ? 2 * (lane % 4) + n : lane / 4, x = turned ? lane / 4 : 2 * (lane % 4) + n;
            const char *from;
            memcpy(&from, all + (8 * i + y) * GRID_HOST_LANE_BYTES, sizeof from);
            if ((uintptr_t)from % 16)
                die("ldmatrix of a row that is not at a multiple of 16 bytes");
            memcpy(&pair[n], from + 2 * x, sizeof pair[n]);
        }
        r[i] = pair[0] | (uint32_t)pair[1] << 16;
    }
}

/* ---- copies behind the thread's back ---- */

void grid_copy_16(void *to, const void *from, bool there)
{
    if (self->copy_count == COPIES)
        die("too many copies that nobody waits for");
    if ((uintptr_t)to % 16 || (there && (uintptr_t)from % 16))
        die("an asynchronous copy that is not at a multiple of 16 bytes");
    self->copies[self->copy_count++] = copy{to, there ? from : NULL, self->groups};
    memset(to, 0xFF, 16);
}

void grid_copy_close(void)
{
    self->groups++;
}

void grid_host_copy_wait(int groups)
{
    int left = 0;
    for (int i = 0; i < self->copy_count; i++) {
        const struct copy *c = &self->copies[i];
        if (c->group >= self->groups - groups)
            self->copies[left++] = *c;
        else if (c->from)
            memcpy(c->to, c->from, 16);
        else
            memset(c->to, 0, 16);
    }
    self->copy_count = left;
}

/* ---- which kernels ran ---- */

static const char *names[NAMES];
static size_t name_bytes[NAMES];
static int launches[NAMES], name_count;

/* "(f<bf16, 4>)" is counted as "f". */
static void count_launch(const char *name)
{
    name += *name == '(';
    const size_t size = strcspn(name, "<)");
    int i = 0;
    while (i < name_count && (name_bytes[i] != size || memcmp(names[i], name, size) != 0))
        i++;
    if (i == NAMES)
        return;
    if (i == name_count) {
        names[i] = name;
        name_bytes[i] = size;
        name_count++;
    }
    launches[i]++;
}

extern "C" int grid_host_launched(const char *name)
{
    for (int i = 0; i < name_count; i++)
        if (strlen(name) == name_bytes[i] && !memcmp(names[i], name, name_bytes[i]))
            return launches[i];
    return 0;
}
