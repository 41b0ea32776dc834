// A program that OCTOSHIM_INCLUDE does not name is left alone. (H49)
// env: OCTOSHIM_INCLUDE=nginx,gunicorn
// events: request.started=0 service.started=0
#define INERT
#include "serve_three.h"
