/* Exchanges: see exchange.h. Life, ID, texts of one, and the queue of a connection's. */
#include "conn/conn.h"
#include "conn/held.h"
#include "conn/llm.h"
#include "conn/process.h"
#include "conn/rules_request.h"
#include "conn/slab.h"
#include "base/clock.h"
#include "base/lone.h"

#include <string.h>

static struct octo_slab exchanges = {.object_size = (sizeof(struct octo_exchange) + 63) / 64 * 64};

void octo_exchange_prepare(void)
{
    octo_slab_prepare(&exchanges);
}

enum { AFTER_OVER = offsetof(struct octo_exchange, over) + sizeof(uint32_t) };

struct octo_exchange *octo_exchange_new(void)
{
    uint32_t handle;
    struct octo_exchange *x = octo_slab_take(&exchanges, &handle);

    if (!x)
        return NULL;
    atomic_store_explicit(&x->number, 0, memory_order_relaxed);
    atomic_store_explicit(&x->over, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release); /* who still looks at the one before sees that it is over */
    memset((char *)x + AFTER_OVER, 0,
           offsetof(struct octo_exchange, line) - AFTER_OVER); /* the text has its lengths beside it */
    x->record.valid = 0;
    if (x->handle != handle)
        x->handle = handle;
    return x;
}

struct octo_exchange *octo_exchange_at(uint32_t handle)
{
    return octo_slab_has(&exchanges, handle) ? octo_slab_object(&exchanges, handle) : NULL;
}

void octo_exchange_free(struct octo_exchange *x)
{
    if (octo_rules_on_requests())
        octo_rules_forget(x);
    if (__builtin_expect(x->llm != NULL, 0))
        octo_llm_forget(x);
    if (__builtin_expect(x->held != NULL, 0))
        octo_held_forget(x);
    octo_slab_give(&exchanges, x->handle);
}

void octo_exchange_half_over(struct octo_exchange *x, enum octo_exchange_over half)
{
    uint32_t both = OCTO_REQUEST_OVER | OCTO_RESPONSE_OVER;

    if ((octo_lone_or(&x->over, half) & both) == both - (unsigned)half)
        octo_exchange_free(x);
}

/* ── the queue ────────────────────────────────────────────── */

bool octo_conn_queue_is_full(const struct octo_conn *conn)
{
    return conn->queue_tail - conn->queue_head >= OCTO_QUEUE_MAX;
}

void octo_conn_queue(struct octo_conn *conn, struct octo_exchange *x)
{
    uint32_t tail = atomic_load_explicit(&conn->queue_tail, memory_order_relaxed);

    atomic_store_explicit(&conn->queue[tail % OCTO_QUEUE_MAX], x->handle, memory_order_relaxed);
    atomic_store_explicit(&conn->queue_tail, tail + 1, memory_order_release);
}

struct octo_exchange *octo_conn_due(struct octo_conn *conn)
{
    uint32_t head = atomic_load_explicit(&conn->queue_head, memory_order_relaxed);

    if (head == atomic_load_explicit(&conn->queue_tail, memory_order_acquire))
        return NULL;
    return octo_slab_object(&exchanges,
                            atomic_load_explicit(&conn->queue[head % OCTO_QUEUE_MAX], memory_order_relaxed));
}

struct octo_cause octo_conn_due_cause(struct octo_conn *conn)
{
    uint32_t head = atomic_load_explicit(&conn->queue_head, memory_order_relaxed), handle;

    if (head == atomic_load_explicit(&conn->queue_tail, memory_order_acquire))
        return (struct octo_cause){0};
    handle = atomic_load_explicit(&conn->queue[head % OCTO_QUEUE_MAX], memory_order_relaxed);
    return (struct octo_cause){
        atomic_load_explicit(&((struct octo_exchange *)octo_slab_object(&exchanges, handle))->number,
                             memory_order_acquire),
        handle, true};
}

void octo_conn_unqueue(struct octo_conn *conn)
{
    atomic_store_explicit(&conn->queue_head, conn->queue_head + 1, memory_order_release);
}

/* ── the ID ────────────────────────────────────────────────────────────────────────────────────────── */

void octo_exchange_set_id(struct octo_exchange *x, const char *id, size_t len)
{
    x->id_len = (uint8_t)len;
    x->line_len = (uint8_t)octo_id_line(x->line, id, len);
}

void octo_exchange_decide_id(struct octo_exchange *x, const struct octo_framer *f)
{
    struct octo_process *process;

    if (f->id_state == OCTO_ID_USABLE) {
        octo_exchange_set_id(x, x->text.id, f->id_len);
        return;
    }
    process = octo_process();
    x->id_len = OCTO_ID_MADE_LEN;
    x->line_len =
        (uint8_t)octo_id_line_make(x->line, process ? octo_random_next(&process->random) : octo_clock_mono_ns());
}

/* FNV-1a of the ID: spread evenly whatever the clients send. */
static bool is_sampled(const struct octo_exchange *x)
{
    uint32_t sample = octo_service.settings.sample;
    uint64_t hash = x->id_len ? 0xcbf29ce484222325u : x->number;
    const char *id = octo_exchange_id(x);

    if (sample >= 1u << 24)
        return true;
    for (unsigned i = 0; i < x->id_len; i++)
        hash = (hash ^ (uint8_t)id[i]) * 0x100000001b3u;
    hash ^= hash >> 32;
    return (hash * 0x9e3779b97f4a7c15u) >> 40 < sample;
}

/* The texts move to the front of where the framer kept them, which needs them no more. */
static void pack(struct octo_exchange *x)
{
    const char *query = memchr(x->text.target, '?', x->target_len);
    char method[sizeof(x->text.method)];
    char *at = x->words;

    if (query)
        x->target_len = (uint16_t)(query - x->text.target);
    memcpy(method, x->text.method, sizeof(method));
    memcpy(at, octo_exchange_id(x), x->id_len);
    at += x->id_len;
    memcpy(at, method, sizeof(method)); /* up to the host at most */
    at += x->method_len;
    memmove(at, x->text.host, x->host_len);
    at += x->host_len;
    memmove(at, x->text.target, x->target_len);
    x->words_len = (uint16_t)(at + x->target_len - x->words);
}

void octo_exchange_head_over(struct octo_exchange *x, const struct octo_framer *f)
{
    struct octo_process *process = octo_process();

    x->method = f->method;
    x->minor = f->minor;
    x->method_len = f->method_len;
    x->host_len = f->host_len;
    x->target_len = f->target_len;
    x->target_cut = f->target_len == OCTO_TARGET_MAX;
    pack(x);
    x->number = process ? octo_lone_add(&process->requests, 1) + 1 : 0;
    x->sampled = is_sampled(x);
}
