/*
 * Node: what the module scripts/octoshim.js asks of us. Node's callbacks turn from one request to another out of everybody's sight; its
 * own AsyncLocalStorage follows them, in JavaScript. So octoshim-run has Node load that module, which loads this library as an
 * addon (it is there already, so it is the same) and gets three functions:
 *
 *      request(fd)    which request has been read from the client's connection fd? A number; 0: it is not sure
 *      enter(number)  from here on this thread does something for that request; 0: for none
 *      leave()        until here
 *
 * Nothing is linked with Node: Node-API's functions are weak names. Context: JavaScript threads.
 * Source: Node-API (ABI version 8), https://nodejs.org/api/n-api.html
 */
#include "conn/context.h"

/* Of node_api.h, which is not needed to build us. */
typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env env, napi_callback_info info);
#define WEAK extern __attribute__((weak, visibility("default")))
WEAK int napi_create_function(napi_env env, const char *name, size_t len, napi_callback callback, void *data,
                              napi_value *result);
WEAK int napi_set_named_property(napi_env env, napi_value object, const char *name, napi_value value);
WEAK int napi_get_cb_info(napi_env env, napi_callback_info info, size_t *argc, napi_value *argv, napi_value *self,
                          void **data);
WEAK int napi_get_value_double(napi_env env, napi_value value, double *result);
WEAK int napi_create_double(napi_env env, double value, napi_value *result);

/* A JavaScript number holds 53 bits: this many are the exchange's handle. */
enum { HANDLE_BITS = 20, NUMBER_BITS = 53 };

/* The first argument, a whole number; 0 if it is none. */
static uint64_t argument(napi_env env, napi_callback_info info)
{
    size_t argc = 1;
    napi_value argv[1];
    double value;

    if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != 0 || argc < 1 ||
        napi_get_value_double(env, argv[0], &value) != 0 || !(value >= 0 && value < (double)(UINT64_C(1) << 53)))
        return 0;
    return (uint64_t)value;
}

static napi_value request(napi_env env, napi_callback_info info)
{
    struct octo_cause cause = octo_context_sole((int)argument(env, info));
    napi_value result = NULL;
    double packed = 0;

    if (cause.number >> (NUMBER_BITS - HANDLE_BITS) == 0 && cause.handle >> HANDLE_BITS == 0)
        packed = (double)(cause.number << HANDLE_BITS | cause.handle);
    napi_create_double(env, packed, &result);
    return result;
}

static napi_value enter(napi_env env, napi_callback_info info)
{
    uint64_t packed = argument(env, info);

    octo_context_enter((struct octo_cause){packed >> HANDLE_BITS, packed & ((1u << HANDLE_BITS) - 1), true});
    return NULL;
}

static napi_value leave(napi_env env, napi_callback_info info)
{
    (void)env, (void)info;
    octo_context_leave();
    return NULL;
}

/* Node looks this name up in what it loads as an addon. */
__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports);

napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
    static const struct {
        const char *name;
        napi_callback callback;
    } functions[] = {{"request", request}, {"enter", enter}, {"leave", leave}};

    for (unsigned i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        napi_value function;

        if (napi_create_function(env, functions[i].name, SIZE_MAX, functions[i].callback, NULL, &function) == 0)
            napi_set_named_property(env, exports, functions[i].name, function);
    }
    return exports;
}
