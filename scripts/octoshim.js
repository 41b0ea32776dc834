// What octoshim-run has Node load, by NODE_OPTIONS: tells liboctoshim.so for which request something is written.
//
// Node turns from one request to another within a thread; AsyncLocalStorage follows that, and the library cannot see it. So the
// request that a client's connection has brought is kept in one, and named to the library around each write to a
// connection that the process has made itself. If anything is not as it should be here, nothing is told and nothing else
// happens: the service does not notice.
'use strict';

try {
  const library = (process.env.LD_PRELOAD || '').split(/[: ]/).find((path) => /(^|\/)liboctoshim\.so$/.test(path));
  if (library) {
    const shim = { exports: {} };
    process.dlopen(shim, library);
    follow(shim.exports);
  }
} catch { /* as if it were not there */ }

function follow({ request, enter, leave }) {
  const { AsyncLocalStorage, AsyncResource } = require('async_hooks');
  const channels = require('diagnostics_channel');
  const http = require('http');
  const net = require('net');

  const current = new AsyncLocalStorage();
  const cause = Symbol('octoshim'); // on requests and connections: what they are for

  // A request has been read, and its handler is called next.
  channels.subscribe('http.server.request.start', ({ socket }) => {
    current.enterWith(request(socket?._handle?.fd ?? -1));
  });

  // Requests wait for a connection in an agent, or in undici's pool, and are written in somebody else's turn.
  const { addRequest } = http.Agent.prototype;
  http.Agent.prototype.addRequest = function octoshimAddRequest(req, ...more) {
    req[cause] = current.getStore();
    return addRequest.call(this, req, ...more);
  };
  const waiting = new WeakMap();
  channels.subscribe('undici:request:create', ({ request: made }) => waiting.set(made, causeOf(made)));
  channels.subscribe('undici:client:sendHeaders', ({ request: made, socket }) => {
    socket[cause] = waiting.get(made);
  });

  // A full pool makes requests later, in somebody else's turn. Most handlers are AsyncResources, which know the turn that they were
  // made in; fetch's are not, so of those that had to wait nothing is known.
  function causeOf(made) {
    const key = Object.getOwnPropertySymbols(made).find((symbol) => symbol.description === 'handler');
    const handler = key && made[key];
    if (handler instanceof AsyncResource) return handler.runInAsyncScope(() => current.getStore());
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 30;
    const { stack } = new Error();
    Error.stackTraceLimit = stackTraceLimit;
    return /\bonDrain\b/.test(stack) ? undefined : current.getStore();
  }

  const { _writeGeneric: write } = net.Socket.prototype;
  net.Socket.prototype._writeGeneric = function octoshimWrite(...args) {
    if (this.server) return write.apply(this, args); // a client's
    const message = this._httpMessage;
    enter((message ? message[cause] : cause in this ? this[cause] : current.getStore()) || 0);
    try {
      return write.apply(this, args);
    } finally {
      leave();
    }
  };
}
