// A program named by OCTOSHIM_EXCLUDE is left alone, also when it is included. (H49)
// env: OCTOSHIM_EXCLUDE=bash,exclu* OCTOSHIM_INCLUDE=excluded
// events: request.started=0 service.started=0
#define INERT
#include "serve_three.h"
