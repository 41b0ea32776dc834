// The test routes on Node's http server. argv: port.
'use strict';
require('http').createServer(require('./routes.js')).listen(Number(process.argv[2]), '127.0.0.1', 512);
