// The demo's Node service: answers /stock/N and says which request ID it saw.
//
//     stock.js PORT
'use strict';

const http = require('http');

http.createServer((request, response) => {
    const body = JSON.stringify({ left: 7, seen_by_node: request.headers['x-request-id'] });

    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
}).listen(Number(process.argv[2]), '127.0.0.1');
