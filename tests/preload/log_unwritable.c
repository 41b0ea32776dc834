// A log path in a directory that does not exist: the service serves, and one message names the path. (law 6)
// env: OCTOSHIM_LOG=$TMP/no/such/directory/service.log
// stderr: any
// told: no/such/directory
#include "serve_three.h"
