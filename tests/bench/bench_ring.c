/* What a record costs its writer (reserve, fill, commit), with 1, 2 and 8 writing threads and one draining. */
#include "event/ring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 1 << 20, TEXT = 60, RECORDS = 1 << 20 };

static struct octo_ring *ring;
static _Atomic bool done;
static const char text[TEXT + 1] = "req_0123456789abcdefGET127.0.0.1:8080/api/v1/tasks/123456789";

static bool ignore(const struct octo_record *record, void *arg)
{
    *(uint64_t *)arg += record->size;
    return true;
}

static void *drain(void *arg)
{
    uint64_t bytes = 0;

    (void)arg;
    while (!atomic_load(&done)) {
        octo_ring_drain(ring, 1 << 16,
                        &(struct octo_ring_reader){.take = ignore, .arg = &bytes, .now_ns = 1, .hole_ns = 1});
        if (!octo_ring_half_full(ring))
            usleep(50);
    }
    return NULL;
}

static void *fill(void *arg)
{
    for (unsigned i = 0, n = *(unsigned *)arg; i < n;) {
        struct octo_record *r = octo_ring_reserve(ring, TEXT, OCTO_INFO);

        if (r == NULL) {
            usleep(50); /* not counted: CPU time of this thread is what is measured */
            continue;
        }
        r->kind = OCTO_EV_REQUEST_COMPLETED;
        r->level = OCTO_INFO;
        r->mono_ns = i;
        r->target_len = TEXT;
        memcpy(r->text, text, TEXT);
        octo_ring_commit(ring, r);
        i++;
    }
    struct timespec cpu;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return (void *)((uintptr_t)cpu.tv_sec * 1000000000u + (uintptr_t)cpu.tv_nsec);
}

int main(void)
{
    const unsigned counts[] = {1, 2, 8};

    ring =
        mmap(NULL, sizeof *ring + SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    octo_ring_init(ring, SIZE);
    for (unsigned c = 0; c < 3; c++) {
        pthread_t drainer, writer[8];
        unsigned each = RECORDS / counts[c];
        uint64_t cpu = 0;

        atomic_store(&done, false);
        pthread_create(&drainer, NULL, drain, NULL);
        for (unsigned i = 0; i < counts[c]; i++)
            pthread_create(&writer[i], NULL, fill, &each);
        for (unsigned i = 0; i < counts[c]; i++) {
            void *result;

            pthread_join(writer[i], &result);
            cpu += (uintptr_t)result;
        }
        atomic_store(&done, true);
        pthread_join(drainer, NULL);
        printf("%u writing thread%-2s %6.1f ns CPU a record\n", counts[c], counts[c] > 1 ? "s" : "",
               (double)cpu / (each * (double)counts[c]));
    }
    return 0;
}
