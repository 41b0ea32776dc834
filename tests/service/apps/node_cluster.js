// The test routes on two workers of Node's cluster module, which passes connections to them. argv: port.
'use strict';
const cluster = require('cluster');

if (cluster.isPrimary) {
    for (let i = 0; i < 2; i++)
        cluster.fork();
    process.on('SIGTERM', () => {
        for (const worker of Object.values(cluster.workers))
            worker.process.kill('SIGTERM');
        process.exit(0);
    });
} else {
    require('http').createServer(require('./routes.js')).listen(Number(process.argv[2]), '127.0.0.1', 512);
}
