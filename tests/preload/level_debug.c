// LOG_LEVEL=DEBUG adds the connections. (contract)
// env: LOG_LEVEL=debug
// events: request.started=3 request.completed=3 connection.opened=1 connection.closed=1
// event: connection.opened peer protocol
// event: connection.closed duration_ms>0
#include "serve_three.h"
