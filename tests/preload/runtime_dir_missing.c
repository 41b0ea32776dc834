// A runtime directory that does not exist: events still come, the service does not notice. (law 6)
// env: OCTOSHIM_RUNTIME_DIR=$TMP/no/such/directory
// stderr: any
// events: request.started=3 request.completed=3
#include "serve_three.h"
