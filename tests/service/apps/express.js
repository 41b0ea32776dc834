// The test routes as an Express application. argv: port.
'use strict';
const express = require('express');

const app = express();
app.get('/small', (req, res) => res.type('text').send('hello\n'));
app.get('/id', (req, res) => res.type('text').send((req.get('X-Request-ID') || 'none') + '\n'));
app.get('/error', (req, res) => res.status(500).type('text').send('broken\n'));
app.get('/slow', (req, res) => setTimeout(() => res.type('text').send('late\n'), 300));
app.get('/big', (req, res) => res.sendFile(process.env.BIG_FILE));
app.get('/chunked', (req, res) => {
    res.type('text');
    for (let i = 0; i < 20; i++)
        res.write(`piece ${i} `.repeat(40));
    res.end();
});
app.post('/echo', express.raw({ type: () => true, limit: '20mb' }), (req, res) =>
    res.type('application/octet-stream').send(Buffer.isBuffer(req.body) ? req.body : ''));
app.listen(Number(process.argv[2]), '127.0.0.1', 512);
