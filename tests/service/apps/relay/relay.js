// GET /http/N, /fetch/N, /undici/N ask the upstream twice and answer with what came, a line each: on Node's http server, or
// (argv[3] express) Express. Connections are pooled. Something of its own asks all the time, for nobody. argv: port.
'use strict';
const http = require('http');
const undici = require('undici');

const upstream = `http://${process.env.UPSTREAM}`;
const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
const pool = new undici.Pool(upstream, { connections: 16 });

const ask = {
  http: (path) => new Promise((resolve, reject) => {
    http.get(upstream + path, { agent }, (response) => {
      let body = '';
      response.on('data', (part) => { body += part; });
      response.on('end', () => resolve(body));
    }).on('error', reject);
  }),
  fetch: async (path) => (await fetch(upstream + path)).text(),
  undici: async (path) => (await pool.request({ path, method: 'GET' })).body.text(),
};

async function relay(url) {
  const [, how, n] = url.split('/');
  const by = ask[how] || ask.http;
  const a = await by(`/relay/${n}/a`);
  return process.env.ONCE ? a : a + await by(`/relay/${n}/b`);
}

function handle(request, response) {
  relay(request.url).then((body) => response.end(body), (error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
}

if (!process.env.ONCE) setInterval(() => ask.http('/background').catch(() => {}), 1);
const server = process.argv[3] === 'express' ? http.createServer(require('express')().use(handle)) : http.createServer(handle);
server.listen(Number(process.argv[2]), '127.0.0.1', 512);
