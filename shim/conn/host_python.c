/*
 * CPython: a context variable of ours says which request a task is on. It is set where the head is read, which asyncio does in the
 * context of the connection, of which the tasks that handle it get copies; and is asked where a request is sent.
 *
 * That needs the interpreter's lock, which the socket module has let go of for its system call and takes again right after it. So we
 * wait for it in its stead, there alone: who else reads and writes (an extension) may hold other locks. Only
 * connections that never make their reader wait are so told of; for others the thread is enough (context.h).
 */
#include "conn/host.h"

#include "base/sys.h"
#include "conn/process.h"
#include "conn/slab.h"

#include <fcntl.h>
#include <string.h>

/* Of Python.h, which is not needed to build us. */
typedef struct object object;
#define WEAK extern __attribute__((weak, visibility("default")))
WEAK void *PyGILState_GetThisThreadState(void);
WEAK int PyGILState_Ensure(void);
WEAK void PyGILState_Release(int state);
WEAK object *PyContextVar_New(const char *name, object *otherwise);
WEAK int PyContextVar_Get(object *variable, object *otherwise, object **value);
WEAK object *PyContextVar_Set(object *variable, object *value);
WEAK object *PyLong_FromUnsignedLongLong(unsigned long long value);
WEAK unsigned long long PyLong_AsUnsignedLongLong(object *value);
WEAK void PyErr_Fetch(object **type, object **value, object **trace);
WEAK void PyErr_Restore(object *type, object *value, object *trace);
WEAK void Py_DecRef(object *o);
WEAK int _Py_IsFinalizing(void);

enum { HANDLE_BITS = 24, CALLERS = 16 };
_Static_assert((uint64_t)OCTO_SLAB_CHUNK *OCTO_SLAB_CHUNKS < UINT64_C(1) << HANDLE_BITS, "a handle fits");

static object *variable; /* guarded by the interpreter's lock */

/* ── who calls? ────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t hex(const char *p, const char **end)
{
    uint64_t value = 0;

    for (;; p++) {
        unsigned digit = *p >= '0' && *p <= '9'   ? (unsigned)(*p - '0')
                         : *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a' + 10)
                                                  : 16;

        if (digit == 16)
            break;
        value = value << 4 | digit;
    }
    *end = p;
    return value;
}

/* A line of /proc/self/maps: is the address in it, and the file python, its library or its socket module? */
static bool is_python_line(const char *line, size_t len, uint64_t address)
{
    const char *p, *name;
    uint64_t from = hex(line, &p), to = *p == '-' ? hex(p + 1, &p) : 0;

    if (address < from || address >= to || (name = memrchr(line, '/', len)) == NULL)
        return false;
    return strncmp(name, "/python", 7) == 0 || strncmp(name, "/libpython", 10) == 0 ||
           strncmp(name, "/_socket.", 9) == 0;
}

static bool look_up(uint64_t address)
{
    char buffer[4096 + 1];
    size_t kept = 0;
    bool found = false;
    long fd = octo_sys(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC), got;

    while (!found && fd >= 0 && (got = octo_sys(SYS_read, fd, buffer + kept, sizeof(buffer) - 1 - kept)) > 0) {
        size_t have = kept + (size_t)got;
        char *line = buffer, *end;

        buffer[have] = '\0';
        for (; !found && (end = memchr(line, '\n', have - (size_t)(line - buffer))) != NULL; line = end + 1) {
            *end = '\0';
            found = is_python_line(line, (size_t)(end - line), address);
        }
        kept = have - (size_t)(line - buffer);
        if (kept == sizeof(buffer) - 1) /* a line of that length is not python's */
            kept = 0;
        memmove(buffer, line, kept);
    }
    if (fd >= 0)
        octo_sys(SYS_close, fd);
    return found;
}

/* True if the code at that address is the interpreter's own. It has few places that read and write, so each is looked up
 * once: the address, its lowest bit for the answer (an address of no code at all serves as well). */
static bool is_python(const void *caller)
{
    static _Atomic uint64_t known[CALLERS];
    uint64_t address = (uint64_t)(uintptr_t)caller << 1, seen;
    bool answer;

    for (unsigned i = 0; i < CALLERS && (seen = atomic_load(&known[i])) != 0; i++)
        if ((seen & ~UINT64_C(1)) == address)
            return seen & 1;
    if (octo_service.sandboxed)
        return false;
    answer = look_up(address >> 1);
    for (unsigned i = 0; i < CALLERS; i++) {
        seen = 0;
        if (atomic_compare_exchange_strong(&known[i], &seen, address | answer))
            break;
    }
    return answer;
}

/* ── the variable ──────────────────────────────────────────────────────────────────────────────────── */

static bool may_ask(const void *caller)
{
    return PyGILState_Ensure && PyContextVar_Get && PyErr_Fetch && _Py_IsFinalizing && caller &&
           PyGILState_GetThisThreadState() && !_Py_IsFinalizing() && is_python(caller);
}

void octo_python_reads(struct octo_conn *conn, const struct octo_exchange *x)
{
    object *type, *error, *trace, *value, *token = NULL;
    long flags;
    int state;

    if (!may_ask(conn->in_caller) || (flags = octo_sys(SYS_fcntl, conn->fd, F_GETFL)) < 0 || !(flags & O_NONBLOCK))
        return;
    state = PyGILState_Ensure();
    PyErr_Fetch(&type, &error, &trace);
    if (!variable)
        variable = PyContextVar_New("octoshim.request", NULL);
    value = variable ? PyLong_FromUnsignedLongLong(x->number << HANDLE_BITS | x->handle) : NULL;
    if (value)
        token = PyContextVar_Set(variable, value);
    Py_DecRef(token);
    Py_DecRef(value);
    PyErr_Restore(type, error, trace); /* one of ours is forgotten with it */
    PyGILState_Release(state);
}

struct octo_cause octo_python_cause(const void *caller)
{
    object *type, *error, *trace, *value = NULL;
    uint64_t packed = 0;
    int state;

    if (!variable || !may_ask(caller))
        return (struct octo_cause){0};
    state = PyGILState_Ensure();
    PyErr_Fetch(&type, &error, &trace);
    if (PyContextVar_Get(variable, NULL, &value) == 0 && value)
        packed = PyLong_AsUnsignedLongLong(value);
    Py_DecRef(value);
    PyErr_Restore(type, error, trace);
    PyGILState_Release(state);
    return (struct octo_cause){packed >> HANDLE_BITS, packed & ((1u << HANDLE_BITS) - 1), true};
}
