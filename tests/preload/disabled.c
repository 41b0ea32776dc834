// OCTOSHIM_DISABLE=1: nothing differs, no event, no thread. (H49)
// env: OCTOSHIM_DISABLE=1
// events: request.started=0 service.started=0
#include "serve_three.h"
