// The test routes as a plain request listener of Node's http module, for node_http.js and node_cluster.js.
'use strict';
const fs = require('fs');

function text(res, status, body) {
    res.writeHead(status, { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(body) });
    res.end(body);
}

module.exports = function routes(req, res) {
    const path = req.url.split('?')[0];
    if (req.method === 'POST' && path === '/echo') {
        const parts = [];
        req.on('data', (part) => parts.push(part));
        req.on('end', () => {
            const body = Buffer.concat(parts);
            res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': body.length });
            res.end(body);
        });
        return;
    }
    switch (path) {
    case '/small': return text(res, 200, 'hello\n');
    case '/id': return text(res, 200, (req.headers['x-request-id'] || 'none') + '\n');
    case '/error': return text(res, 500, 'broken\n');
    case '/slow': return void setTimeout(() => text(res, 200, 'late\n'), 300);
    case '/chunked':
        res.writeHead(200, { 'Content-Type': 'text/plain' });
        for (let i = 0; i < 20; i++)
            res.write(`piece ${i} `.repeat(40));
        return res.end();
    case '/big':
        res.writeHead(200, { 'Content-Length': fs.statSync(process.env.BIG_FILE).size });
        return fs.createReadStream(process.env.BIG_FILE).pipe(res);
    default: return text(res, 404, 'not here\n');
    }
};
