// OCTOSHIM_INJECT=request: the request has the ID, the response has not. (contract, "Settings")
// env: OCTOSHIM_INJECT=request
// events: request.started=3 request.completed=3
#include "serve_three.h"
