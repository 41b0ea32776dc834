// A settings file that does not exist: one line on standard error names it. (law 6)
// env: OCTOSHIM_CONFIG=$TMP/nowhere.json
// stderr: 1
// told: nowhere.json
// events: request.started=3 request.completed=3
#include "serve_three.h"
