// A Node service that traps in WebAssembly on request, and aborts. argv: port.
'use strict';
const http = require('http');

// (module (memory 1) (func (export "load") (param i32) (result i32) local.get 0 i32.load))
const code = Buffer.from('0061736d0100000001060160017f017f030201000503010001' +
    '070801046c6f616400000a0901070020002802000b', 'hex');
const load = new WebAssembly.Instance(new WebAssembly.Module(code)).exports.load;

function traps(number) {
  let trapped = 0;
  for (let i = 0; i < number; i++) {
    try {
      load(0x7fffff00 - 4096 * i);
    } catch (e) {
      trapped += e instanceof WebAssembly.RuntimeError;
    }
  }
  return trapped;
}

// Often enough beforehand that it is compiled.
function innermostOrder(fatal) {
  if (fatal)
    process.abort();
  return 1;
}
function outerOrder(depth, fatal) {
  return depth === 0 ? innermostOrder(fatal) : 1 + outerOrder(depth - 1, fatal);
}
for (let i = 0; i < 20000; i++)
  outerOrder(5, false);

http.createServer((request, response) => {
  const [path, number] = request.url.slice(1).split('/');
  if (path === 'abort')
    process.abort();
  if (path === 'deep')
    outerOrder(5, true);
  if (path === 'fault')
    process.kill(process.pid, 'SIGSEGV');
  const body = path === 'traps' ? `${traps(Number(number))}\n` : 'hello\n';
  response.writeHead(200, {'Content-Type': 'text/plain', 'Content-Length': body.length});
  response.end(body);
}).listen(Number(process.argv[2]), '127.0.0.1');
