// A log path that is a directory. (law 6)
// env: OCTOSHIM_LOG=$TMP/run
// stderr: any
// told: $TMP/run
#include "serve_three.h"
