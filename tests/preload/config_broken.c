// A settings file with a syntax error: one line on standard error names it, the defaults are used. (law 6)
// file: config.json {"service_name": "orders", oops
// env: OCTOSHIM_CONFIG=$TMP/config.json
// stderr: 1
// told: config.json
// events: request.started=3 request.completed=3
// event: request.started service=config_broken
#include "serve_three.h"
