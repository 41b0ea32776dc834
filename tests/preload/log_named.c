// %s in the log's path is the service's name, which comes from SERVICE_NAME; the other constants are in every
// event. (contract, "Settings")
// env: OCTOSHIM_LOG=$TMP/events.log.%s SERVICE_NAME=orders ENVIRONMENT=staging APP_VERSION=1.2.3
// events: request.completed=3
// event: request.started service=orders environment=staging version=1.2.3 path=/three method=PUT host=test
// event: service.started service=orders shim_version argv0
#include "serve_three.h"
