/* Counts the heap allocations of a process from outside: preloaded, it stands before malloc and its kin and adds up
 * calls in the file that TOLLGATE_TEST_ALLOCATION_COUNTER names (8 bytes, in the machine's order), mapped into memory, so that
 * whoever wants to know reads the file. A realloc counts as one; free is not counted.
 *
 *     cc -shared -fPIC -O2 -o allocations.so allocations.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t uncounted;
static _Atomic uint64_t *counter = &uncounted;

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);
static int (*real_posix_memalign)(void **, size_t, size_t);
static void *(*real_aligned_alloc)(size_t, size_t);
static void *(*real_memalign)(size_t, size_t);

/* dlsym may allocate before it has told us who really allocates. What it gets then comes from here and is never
 * freed. */
static _Alignas(16) char early[16384];
static size_t early_used;

static void *early_allocate(size_t size) {
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded > sizeof early - early_used) abort();
    void *memory = early + early_used;
    early_used += rounded;
    return memory;
}

static int is_early(const void *memory) {
    return (const char *)memory >= early && (const char *)memory < early + sizeof early;
}

/* Before any other thread is there: the loader itself allocates before it runs the program. */
static void find_real(void) {
    static int is_finding;
    if (is_finding) return;
    is_finding = 1;
    real_free = dlsym(RTLD_NEXT, "free");
    real_realloc = dlsym(RTLD_NEXT, "realloc");
    real_posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    real_aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    real_memalign = dlsym(RTLD_NEXT, "memalign");
    real_calloc = dlsym(RTLD_NEXT, "calloc");
    real_malloc = dlsym(RTLD_NEXT, "malloc");
    is_finding = 0;
}

__attribute__((constructor)) static void map_counter(void) {
    if (!real_malloc) find_real();
    const char *path = getenv("TOLLGATE_TEST_ALLOCATION_COUNTER");
    if (!path) return;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    if (ftruncate(file, sizeof(uint64_t)) == 0) {
        void *memory = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (memory != MAP_FAILED) counter = memory;
    }
    close(file);
}

static void count(void) { atomic_fetch_add_explicit(counter, 1, memory_order_relaxed); }

void *malloc(size_t size) {
    if (!real_malloc) find_real();
    if (!real_malloc) return early_allocate(size);
    count();
    return real_malloc(size);
}

void *calloc(size_t number, size_t size) {
    if (!real_calloc) find_real();
    if (!real_calloc) return early_allocate(number * size); /* which is zero: nothing of it is used twice */
    count();
    return real_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    if (!real_realloc) find_real();
    if (is_early(memory) || !real_realloc) {
        void *moved = malloc(size);
        if (!moved || !memory) return moved;
        /* How long the old block was is not known; it cannot reach past the end of where it lies. */
        size_t most = early + sizeof early - (char *)memory;
        return memcpy(moved, memory, size < most ? size : most);
    }
    count();
    return real_realloc(memory, size);
}

void free(void *memory) {
    if (!memory || is_early(memory)) return;
    if (!real_free) find_real();
    if (real_free) real_free(memory);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (!real_posix_memalign) find_real();
    if (!real_posix_memalign) return ENOMEM;
    count();
    return real_posix_memalign(memory, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    if (!real_aligned_alloc) find_real();
    if (!real_aligned_alloc) return NULL;
    count();
    return real_aligned_alloc(alignment, size);
}

void *memalign(size_t alignment, size_t size) {
    if (!real_memalign) find_real();
    if (!real_memalign) return NULL;
    count();
    return real_memalign(alignment, size);
}
