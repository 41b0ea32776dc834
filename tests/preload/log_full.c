// A log on a full device: every write fails with ENOSPC, the service does not notice. (issue point 5)
// env: OCTOSHIM_LOG=/dev/full
// stderr: any
#include "serve_three.h"
