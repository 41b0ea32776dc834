/*
 * CPython: a context variable of ours says which request a task is on. It is set where the head is read, which asyncio does in the
 * context of the connection, of which the tasks that handle it get copies; and is asked where a request is sent.
 *
 * uvloop reads outside of any context, and then calls the connection's protocol. So there the variable is set where that makes a
 * task: by a task factory, if the loop has none, which is told what has been read last, looks whether the call stems from the
 * protocol of that very connection, and makes the same task as the loop would have made.
 *
 * aiohttp's server makes a connection's task before there is a request, and its client writes to uvloop's transports, which send
 * later, outside of any context. Both are asked where they are in Python: see host_python_code.h.
 *
 * That needs the interpreter's lock, which the socket module has let go of for its system call and takes again right after it. So we
 * wait for it in its stead, there and in uvloop alone: who else reads and writes (an extension) may hold other locks. Only
 * connections that never make their reader wait are so told of; for others the thread is enough (context.h).
 */
#include "conn/host.h"

#include "conn/host_python_code.h"
#include "conn/link.h"
#include "base/sys.h"
#include "conn/process.h"
#include "conn/slab.h"

#include <fcntl.h>
#include <string.h>

/* Of Python.h, which is not needed to build us. */
typedef struct object object;
struct method {
    const char *name;
    object *(*call)(object *self, object *arguments);
    int flags;
    const char *documentation;
};
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
WEAK object *PyDict_New(void);
WEAK int PyDict_SetItemString(object *dictionary, const char *key, object *value);
WEAK object *PyDict_GetItemString(object *dictionary, const char *key); /* borrowed */
WEAK object *PyRun_String(const char *code, int start, object *globals, object *locals);
WEAK object *PyObject_CallFunction(object *callable, const char *format, ...);
WEAK int _Py_IsFinalizing(void);
WEAK int PyArg_ParseTuple(object *arguments, const char *format, ...);
WEAK void PyErr_Clear(void);
WEAK object *PyCFunction_NewEx(const struct method *method, object *self, object *module);

enum {
    HANDLE_BITS = 24,
    CALLERS = 16,
    LOOKS = 1000,     /* requests after whose reading it is looked what has been imported meanwhile */
    FILE_INPUT = 257, /* Py_file_input */
    METH_VARARGS = 1,
};
_Static_assert((uint64_t)OCTO_SLAB_CHUNK *OCTO_SLAB_CHUNKS < UINT64_C(1) << HANDLE_BITS, "a handle fits");

static object *variable, *note, *look; /* guarded by the interpreter's lock */

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

/* Whose code it is. */
enum caller { NOBODY, PYTHON, UVLOOP };

/* A line of /proc/self/maps: is the address in it, and the file python, its library or its socket module; or uvloop? */
static enum caller caller_of_line(const char *line, size_t len, uint64_t address)
{
    const char *p, *name;
    uint64_t from = hex(line, &p), to = *p == '-' ? hex(p + 1, &p) : 0;

    if (address < from || address >= to || (name = memrchr(line, '/', len)) == NULL)
        return NOBODY;
    if (memmem(line, len, "/uvloop/", 8) != NULL || strncmp(name, "/libuv.so", 9) == 0)
        return UVLOOP; /* its own libuv, or the system's */
    return strncmp(name, "/python", 7) == 0 || strncmp(name, "/libpython", 10) == 0 ||
                   strncmp(name, "/_socket.", 9) == 0
               ? PYTHON
               : NOBODY;
}

static enum caller look_up(uint64_t address)
{
    char buffer[4096 + 1];
    size_t kept = 0;
    enum caller found = NOBODY;
    long fd = octo_sys(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC), got;

    while (!found && fd >= 0 && (got = octo_sys(SYS_read, fd, buffer + kept, sizeof(buffer) - 1 - kept)) > 0) {
        size_t have = kept + (size_t)got;
        char *line = buffer, *end;

        buffer[have] = '\0';
        for (; !found && (end = memchr(line, '\n', have - (size_t)(line - buffer))) != NULL; line = end + 1) {
            *end = '\0';
            found = caller_of_line(line, (size_t)(end - line), address);
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

/* Python and uvloop have few places that read and write, so each is looked up once: the address, and the answer in the lowest bits. */
static enum caller who(const void *caller)
{
    static _Atomic uint64_t known[CALLERS];
    uint64_t address = (uint64_t)(uintptr_t)caller << 2, seen;
    enum caller answer;

    for (unsigned i = 0; i < CALLERS && (seen = atomic_load(&known[i])) != 0; i++)
        if ((seen & ~UINT64_C(3)) == address)
            return seen & 3;
    if (octo_service.sandboxed)
        return NOBODY;
    answer = look_up(address >> 2);
    for (unsigned i = 0; i < CALLERS; i++) {
        seen = 0;
        if (atomic_compare_exchange_strong(&known[i], &seen, address | answer))
            break;
    }
    return answer;
}

/* ── the variable ──────────────────────────────────────────────────────────────────────────────────── */

static enum caller may_ask(const void *caller)
{
    if (!PyGILState_Ensure || !PyContextVar_Get || !PyErr_Fetch || !_Py_IsFinalizing || !PyRun_String ||
        !PyCFunction_NewEx || !caller || !PyGILState_GetThisThreadState() || _Py_IsFinalizing())
        return NOBODY;
    return who(caller);
}

static struct octo_cause unpack(uint64_t packed)
{
    return (struct octo_cause){packed >> HANDLE_BITS, packed & ((1u << HANDLE_BITS) - 1), packed != 0};
}

/* tell(fd, number): what will be sent on fd next is for that request. 0: for none. */
static object *tell(object *self, object *arguments)
{
    unsigned long long packed = 0;
    struct octo_conn *conn;
    int fd;

    (void)self;
    if (!PyArg_ParseTuple(arguments, "iK", &fd, &packed))
        PyErr_Clear();
    else if ((conn = octo_conn_enter(fd, OCTO_OUT)) != NULL) {
        if (conn->link)
            conn->link->told = unpack(packed);
        octo_conn_leave(conn, OCTO_OUT);
    }
    return PyLong_FromUnsignedLongLong(0);
}

/* due(fd): the request on fd that has to be answered next; 0: none is known. */
static object *due(object *self, object *arguments)
{
    const struct octo_exchange *x = NULL;
    struct octo_conn *conn;
    uint64_t packed = 0;
    int fd;

    (void)self;
    if (!PyArg_ParseTuple(arguments, "i", &fd))
        PyErr_Clear();
    else if ((conn = octo_conn_enter(fd, OCTO_OUT)) != NULL) {
        if (!conn->link && (x = octo_conn_due(conn)) != NULL)
            packed = x->number << HANDLE_BITS | x->handle;
        octo_conn_leave(conn, OCTO_OUT);
    }
    return PyLong_FromUnsignedLongLong(packed);
}

/* Makes `note` and `look` once. New references stay. */
static bool make_functions(void)
{
    static const struct method methods[] = {{"tell", tell, METH_VARARGS, NULL}, {"due", due, METH_VARARGS, NULL}};
    object *globals, *done = NULL, *functions[] = {NULL, NULL};
    bool complete;

    if (note && look)
        return true;
    globals = PyDict_New();
    complete = globals && PyDict_SetItemString(globals, "variable", variable) == 0;
    for (unsigned i = 0; complete && i < 2; i++) {
        functions[i] = PyCFunction_NewEx(&methods[i], NULL, NULL);
        complete = functions[i] && PyDict_SetItemString(globals, methods[i].name, functions[i]) == 0;
        Py_DecRef(functions[i]);
    }
    if (complete)
        done = PyRun_String(octo_python_code, FILE_INPUT, globals, globals);
    if (done) {
        note = PyDict_GetItemString(globals, "note"); /* they hold their globals, and these them */
        look = PyDict_GetItemString(globals, "look");
    }
    Py_DecRef(done);
    return note && look;
}

void octo_python_reads(struct octo_conn *conn, const struct octo_exchange *x)
{
    enum caller caller = may_ask(conn->in_caller);
    object *type, *error, *trace, *value = NULL, *result = NULL;
    unsigned long long packed = x->number << HANDLE_BITS | x->handle;
    static unsigned looks;
    int state, fd = conn->fd;
    long flags;

    if (caller == NOBODY || (flags = octo_sys(SYS_fcntl, fd, F_GETFL)) < 0 || !(flags & O_NONBLOCK))
        return;
    state = PyGILState_Ensure();
    PyErr_Fetch(&type, &error, &trace);
    if (!variable)
        variable = PyContextVar_New("octoshim.request", NULL);
    if (variable && make_functions()) {
        if (looks++ < LOOKS)
            Py_DecRef(PyObject_CallFunction(look, NULL));
        if (caller == UVLOOP)
            result = PyObject_CallFunction(note, "Ki", packed, fd);
    }
    if (variable && caller == PYTHON && (value = PyLong_FromUnsignedLongLong(packed)) != NULL)
        result = PyContextVar_Set(variable, value);
    Py_DecRef(result);
    Py_DecRef(value);
    PyErr_Restore(type, error, trace); /* one of ours is forgotten with it */
    PyGILState_Release(state);
}

struct octo_cause octo_python_cause(const void *caller)
{
    object *type, *error, *trace, *value = NULL;
    uint64_t packed = 0;
    int state;

    if (!variable || may_ask(caller) == NOBODY)
        return (struct octo_cause){0};
    state = PyGILState_Ensure();
    PyErr_Fetch(&type, &error, &trace);
    if (PyContextVar_Get(variable, NULL, &value) == 0 && value)
        packed = PyLong_AsUnsignedLongLong(value);
    Py_DecRef(value);
    PyErr_Restore(type, error, trace);
    PyGILState_Release(state);
    return unpack(packed);
}
