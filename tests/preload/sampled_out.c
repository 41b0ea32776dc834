// OCTOSHIM_SAMPLE=0: only errors are kept. (contract)
// env: OCTOSHIM_SAMPLE=0
// events: request.started=0 request.completed=1
// event: request.completed status_code=503
#include "serve_three.h"
