/*
 * The process context. See process_context.h.
 *
 * Source: OTEP 4719, "Publication Protocol"; OTEP 4947, "Process Context: Thread-Local Reference Data"; the
 * messages of include/opentelemetry/proto/, common and resource; protobuf.dev, "Encoding".
 */
#include "export/process_context.h"

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"
#include "export/put.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#ifndef OCTO_VERSION
#define OCTO_VERSION "unknown"
#endif

#define NAME "OTEL_CTX"

enum {
    FORMAT = 2,
    PAGE_BYTES = 4096, /* where pages are larger, the kernel rounds up */
    HEADER_BYTES = 32,
    PAYLOAD_BYTES = PAGE_BYTES - HEADER_BYTES,
    TEXT_BYTES = 127,
    ATTRIBUTES = 9,
    OVERHEAD_BYTES = 64, /* more than an attribute's name and the heads around it take */
    BLOCK_BYTES = 4096,
    FOREIGN = 0xfffd, /* what octo_put_decode() makes of what is not UTF-8 */
};

struct page {
    char signature[8];
    uint32_t version;
    uint32_t payload_size;
    _Atomic uint64_t published_ns; /* CLOCK_BOOTTIME; 0: not to be read yet */
    uint64_t payload;              /* its address */
    uint8_t bytes[PAYLOAD_BYTES];
};

_Static_assert(offsetof(struct page, published_ns) == 16 && offsetof(struct page, bytes) == HEADER_BYTES &&
                   sizeof(struct page) == PAGE_BYTES,
               "the places that readers know");
_Static_assert((TEXT_BYTES + OVERHEAD_BYTES) * ATTRIBUTES <= PAYLOAD_BYTES, "all of it fits in");

static bool published;

/* Of the fields of the payload. */
enum {
    CONTEXT_RESOURCE = 1, /* ProcessContext */
    CONTEXT_ATTRIBUTES = 2,
    RESOURCE_ATTRIBUTES = 1, /* Resource */
    PAIR_KEY = 1,            /* KeyValue */
    PAIR_VALUE = 2,
    VALUE_STRING = 1, /* AnyValue */
    VALUE_ARRAY = 5,
    ARRAY_VALUES = 1, /* ArrayValue */
};

/* Written from its end to its beginning: a message's length is known when its head's turn comes. */
struct wire {
    uint8_t *at; /* the first byte that is written */
    bool cut;    /* something did not fit */
    uint8_t bytes[PAYLOAD_BYTES];
};

static void put(struct wire *w, const void *bytes, size_t n)
{
    if (n > (size_t)(w->at - w->bytes)) {
        w->cut = true;
        return;
    }
    w->at -= n;
    memcpy(w->at, bytes, n);
}

/* Before what was written since end: field << 3 | 2, for what has a length (texts, messages), and the length in
 * groups of seven bits, the lowest first, each but the last with bit 7 set. */
static void put_head(struct wire *w, unsigned field, const uint8_t *end)
{
    enum { WITH_LENGTH = 2, MORE = 0x80 };
    size_t n = (size_t)(end - w->at);
    const uint8_t head[3] = {(uint8_t)(field << 3 | WITH_LENGTH), (uint8_t)(n < MORE ? n : n | MORE),
                             (uint8_t)(n >> 7)};

    _Static_assert(PAYLOAD_BYTES < 1 << 14, "two groups suffice");
    put(w, head, n < MORE ? 2 : 3);
}

static void put_text(struct wire *w, unsigned field, const char *text)
{
    const uint8_t *end = w->at;
    size_t n = strlen(text);

    w->cut |= n > TEXT_BYTES;
    put(w, text, n);
    put_head(w, field, end);
}

/* One that has U+FFFD passes for foreign, too: something was lost on its way to us. */
static bool is_utf8(const char *text)
{
    for (size_t n = strlen(text), taken; n > 0; text += taken, n -= taken) {
        uint32_t code = (uint8_t)*text;

        taken = code < 0x80 ? 1 : octo_put_decode((const uint8_t *)text, n, &code);
        if (code == FOREIGN)
            return false;
    }
    return true;
}

/* Readers refuse the whole of a message with a text that is not UTF-8. */
static void put_attribute(struct wire *w, unsigned field, const char *key, const char *value)
{
    const uint8_t *end = w->at;

    if (*value == '\0' || !is_utf8(value))
        return;
    put_text(w, VALUE_STRING, value);
    put_head(w, PAIR_VALUE, end);
    put_text(w, PAIR_KEY, key);
    put_head(w, field, end);
}

/* The names of what the threads' records hold: a list of one. */
static void put_names(struct wire *w)
{
    const uint8_t *end = w->at;

    put_text(w, VALUE_STRING, OCTO_THREAD_CONTEXT_KEY);
    put_head(w, ARRAY_VALUES, end);
    put_head(w, VALUE_ARRAY, end);
    put_head(w, PAIR_VALUE, end);
    put_text(w, PAIR_KEY, "threadlocal.attribute_key_map");
    put_head(w, CONTEXT_ATTRIBUTES, end);
}

static void put_instance(struct wire *w, const uint64_t numbers[2])
{
    char uuid[37];
    struct octo_text t;

    octo_text_begin(&t, uuid, sizeof uuid);
    octo_text_uuid(&t, numbers);
    put_attribute(w, RESOURCE_ATTRIBUTES, "service.instance.id", uuid);
}

static bool failed(long result)
{
    return result < 0 && result > -4096;
}

/* Of a line of /proc/self/maps: what its name begins with. Before the name are numbers and blanks only. */
struct line {
    unsigned length;
    char name[24];
};

/* Takes the next byte. True: that completes a context's name. */
static bool take(struct line *l, char c)
{
    static const char names[][24] = {"/memfd:" NAME, "[anon_shmem:" NAME "]", "[anon:" NAME "]"};

    if (c == '\n') {
        l->length = 0;
        return false;
    }
    if ((l->length == 0 && c != '/' && c != '[') || l->length == sizeof l->name)
        return false;
    l->name[l->length++] = c;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (l->length == strlen(names[i]) && memcmp(l->name, names[i], l->length) == 0)
            return true;
    return false;
}

/* 0: this process has no context; -EEXIST: it has. */
static int look(void)
{
    struct line line = {0};
    char block[BLOCK_BYTES];
    long fd = octo_sys(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC), n;
    int found = 0;

    if (fd < 0)
        return (int)fd;
    while (found == 0 && (n = octo_sys(SYS_read, fd, block, sizeof block)) != 0) {
        if (n < 0)
            found = (int)n;
        for (long i = 0; i < n && found == 0; i++)
            if (take(&line, block[i]))
                found = -EEXIST;
    }
    octo_sys(SYS_close, fd);
    return found;
}

/* Its address, or -errno. *named: it has its name already, by its file. */
static long map(bool *named)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    long fd = octo_sys(SYS_memfd_create, NAME, flags | MFD_NOEXEC_SEAL), at;

    if (fd == -EINVAL) /* before Linux 6.3 */
        fd = octo_sys(SYS_memfd_create, NAME, flags);
    *named = fd >= 0;
    if (fd < 0)
        return octo_sys(SYS_mmap, 0, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    at = octo_sys(SYS_ftruncate, fd, PAGE_BYTES);
    if (at == 0)
        at = octo_sys(SYS_mmap, 0, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    octo_sys(SYS_close, fd);
    return at;
}

/* The time last: with it the page counts. */
static int fill(struct page *page, const struct wire *w)
{
    size_t n = (size_t)(w->bytes + sizeof w->bytes - w->at);
    struct timespec now;
    long err = octo_sys(SYS_clock_gettime, CLOCK_BOOTTIME, &now);

    if (err != 0)
        return (int)err;
    memcpy(page->bytes, w->at, n);
    memcpy(page->signature, NAME, sizeof page->signature);
    page->version = FORMAT;
    page->payload_size = (uint32_t)n;
    page->payload = (uintptr_t)page->bytes;
    /* After all else. */
    atomic_store_explicit(&page->published_ns, (uint64_t)now.tv_sec * OCTO_NS_PER_S + (uint64_t)now.tv_nsec,
                          memory_order_release);
    return 0;
}

static int publish(const struct wire *w)
{
    bool named;
    long at = map(&named), err;

    if (failed(at))
        return (int)at;
    err = octo_sys(SYS_madvise, at, PAGE_BYTES, MADV_DONTFORK);
    if (err == 0)
        err = fill((struct page *)at, w);
    if (err == 0) {
        /* In any case: kernels without names for memory fail, but those who wait for a context watch this call. */
        err = octo_sys(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, PAGE_BYTES, NAME);
        if (named)
            err = 0;
    }
    if (err != 0)
        octo_sys(SYS_munmap, at, PAGE_BYTES);
    published = err == 0;
    return (int)err;
}

int octo_process_context_publish(const char *service, const char *environment, const char *version,
                                 const uint64_t instance[2])
{
    struct wire w;
    const uint8_t *end;
    int err;

    if (published)
        return -EEXIST;
    w.cut = false;
    w.at = w.bytes + sizeof w.bytes;
    put_names(&w);
    put_attribute(&w, CONTEXT_ATTRIBUTES, "threadlocal.schema_version", "tlsdesc_v1_dev");
    end = w.at;
    put_attribute(&w, RESOURCE_ATTRIBUTES, "telemetry.sdk.version", OCTO_VERSION);
    put_attribute(&w, RESOURCE_ATTRIBUTES, "telemetry.sdk.language", "c");
    put_attribute(&w, RESOURCE_ATTRIBUTES, "telemetry.sdk.name", "octoshim");
    put_instance(&w, instance);
    put_attribute(&w, RESOURCE_ATTRIBUTES, "deployment.environment.name", environment);
    put_attribute(&w, RESOURCE_ATTRIBUTES, "service.version", strcmp(version, "unknown") != 0 ? version : "");
    put_attribute(&w, RESOURCE_ATTRIBUTES, "service.name", service);
    put_head(&w, CONTEXT_RESOURCE, end);
    if (w.cut)
        return -E2BIG;
    err = look();
    return err != 0 ? err : publish(&w);
}

void octo_process_context_forked(void)
{
    published = false;
}
