// The settings file is used, and the environment goes before it. (contract, "Settings")
// file: config.json {"SERVICE_NAME": "fromfile", "environment": "filed", "LOG_LEVEL": "ERROR"}
// env: OCTOSHIM_CONFIG=$TMP/config.json SERVICE_NAME=fromenv
// events: request.started=0 request.completed=1
// event: request.completed service=fromenv environment=filed level=error status_code=503
#include "serve_three.h"
