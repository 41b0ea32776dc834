// OCTOSHIM_INJECT=response: the response has the ID, the request has not. (contract, "Settings")
// env: OCTOSHIM_INJECT=response
// events: request.started=3 request.completed=3
#include "serve_three.h"
