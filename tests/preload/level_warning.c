// LOG_LEVEL: what is below it is not written. (contract)
// env: LOG_LEVEL=WARNING
// events: request.started=0 request.completed=1 service.started=0
// event: request.completed status_code=503 level=error path=/three
#include "serve_three.h"
