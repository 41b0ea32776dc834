// The default: events on standard error. (contract, "Settings")
// env: OCTOSHIM_LOG=stderr
// events: request.started=3 request.completed=3 service.started=1 service.stopped=1
// event: service.stopped exit_code=0
#include "serve_three.h"
