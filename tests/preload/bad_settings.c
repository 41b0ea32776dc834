// Setting values that do not parse: one line each names the setting, the default is used. (contract,
// "Settings")
// env: LOG_LEVEL=LOUD JSON_LOGS=perhaps OCTOSHIM_SLOW_MS=soon OCTOSHIM_SAMPLE=2 OCTOSHIM_LOG_ROTATE=weekly
// stderr: 5
// told: LOG_LEVEL
// told: JSON_LOGS
// told: OCTOSHIM_SLOW_MS
// told: OCTOSHIM_SAMPLE
// told: OCTOSHIM_LOG_ROTATE
// told: weekly
// events: request.started=3 request.completed=3
#include "serve_three.h"
