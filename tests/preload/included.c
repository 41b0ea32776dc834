// A program that OCTOSHIM_INCLUDE names is served. (H49)
// env: OCTOSHIM_INCLUDE=nginx,incl*
// events: request.started=3 request.completed=3
#include "serve_three.h"
