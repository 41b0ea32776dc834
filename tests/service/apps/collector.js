/*
 * A receiver of OTLP/HTTP traces and metrics that decodes with OpenTelemetry's own classes.
 *
 *     node collector.js PORT FILE [CERTIFICATE KEY]
 *
 * Each POST becomes a line of FILE: what was asked, what was answered, `taken` (kept, so that it must not come again),
 * and the spans or (where the path ends with `metrics`) metrics. PUT /mode {…} says how the next are treated:
 *
 *     status, retry_after, delay_ms, body (raw), times (for so many requests)
 *     rejected: so many spans or points, by partialSuccess     destroy: read it all, then reset without an answer
 */
const fs = require("fs");
const path = require("path");
const zlib = require("zlib");

const [port, file, certificate, key] = process.argv.slice(2);
/* Its package exports only the encoder. */
const generated = path.join(require.resolve("@opentelemetry/otlp-transformer"), "../generated/root.js");
const { trace, metrics } = require(generated).opentelemetry.proto.collector;
const signals = {
  traces: { Request: trace.v1.ExportTraceServiceRequest, Response: trace.v1.ExportTraceServiceResponse, rejected: "rejectedSpans" },
  metrics: { Request: metrics.v1.ExportMetricsServiceRequest, Response: metrics.v1.ExportMetricsServiceResponse,
    rejected: "rejectedDataPoints" },
};

let mode = {};

const hex = (bytes) => Buffer.from(bytes ?? []).toString("hex");

/* The classes read IDs as bytes, in base64: OTLP's JSON has them in lower-case hexadecimal. */
function withBytes(value, name) {
  if (["traceId", "spanId", "parentSpanId"].includes(name)) {
    if (!(name === "traceId" ? /^[0-9a-f]{32}$/ : /^[0-9a-f]{16}$/).test(value)) throw new Error(`${name} is no lower-case hex of its length: ${value}`);
    return Buffer.from(value, "hex").toString("base64");
  }
  if (["startTimeUnixNano", "endTimeUnixNano", "timeUnixNano", "intValue", "count"].includes(name) && !/^-?\d+$/.test(value) | typeof value !== "string")
    throw new Error(`${name} is no decimal text: ${value}`);
  if (["kind", "code", "flags", "droppedAttributesCount"].includes(name) && !Number.isInteger(value)) throw new Error(`${name} is no number: ${value}`);
  if (Array.isArray(value)) return value.map((v) => withBytes(v));
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withBytes(v, k)]));
  return value;
}

/* What the classes do not know they drop: then the keys differ. */
function known(given, understood, where = "") {
  for (const name of Object.keys(given)) {
    if (!(name in understood)) throw new Error(`unknown key ${where}.${name}`);
    if (given[name] && typeof given[name] === "object") known(given[name], understood[name], `${where}.${name}`);
  }
}

function decode({ Request }, type, bytes) {
  if (type === "application/x-protobuf") return Request.decode(bytes);
  if (type !== "application/json") throw new Error(`content type ${type}`);
  const given = withBytes(JSON.parse(bytes));
  const message = Request.fromObject(given);
  known(given, Request.toObject(message, { longs: String, bytes: String }));
  return message;
}

function plain(value) {
  if (value.arrayValue) return value.arrayValue.values.map(plain);
  if (value.intValue != null) return Number(value.intValue);
  return value.stringValue ?? value.doubleValue ?? value.boolValue;
}

const attributes = (list) => Object.fromEntries((list ?? []).map((a) => [a.key, plain(a.value)]));

const span = (s) => ({
  traceId: hex(s.traceId), spanId: hex(s.spanId), parentSpanId: hex(s.parentSpanId), traceState: s.traceState ?? "",
  flags: s.flags ?? 0, name: s.name ?? "", kind: s.kind ?? 0, startTimeUnixNano: String(s.startTimeUnixNano ?? 0),
  endTimeUnixNano: String(s.endTimeUnixNano ?? 0), status: { code: s.status?.code ?? 0, message: s.status?.message ?? "" },
  attributes: attributes(s.attributes), droppedAttributesCount: s.droppedAttributesCount ?? 0,
});

const numbers = (list) => (list ?? []).map(Number);
const exemplar = (e) => ({ attributes: attributes(e.filteredAttributes), timeUnixNano: String(e.timeUnixNano), value: e.asDouble });
const point = (p) => ({
  attributes: attributes(p.attributes), startTimeUnixNano: String(p.startTimeUnixNano ?? 0), timeUnixNano: String(p.timeUnixNano),
  value: p.asDouble, count: Number(p.count ?? 0), sum: p.sum, bounds: numbers(p.explicitBounds), buckets: numbers(p.bucketCounts),
  exemplars: (p.exemplars ?? []).map(exemplar),
});
const metric = (m) => {
  const kind = m.sum ? "sum" : m.gauge ? "gauge" : "histogram", data = m[kind];

  return { name: m.name, description: m.description ?? "", unit: m.unit ?? "", kind, temporality: data.aggregationTemporality ?? 0,
    monotonic: data.isMonotonic ?? false, points: data.dataPoints.map(point) };
};

const scope = (s) => ({ name: s.scope.name, version: s.scope.version, schemaUrl: s.schemaUrl,
  spans: (s.spans ?? []).map(span), metrics: (s.metrics ?? []).map(metric) });
const resource = (r) => ({ attributes: attributes(r.resource.attributes), schemaUrl: r.schemaUrl,
  scopes: (r.scopeSpans ?? r.scopeMetrics).map(scope) });

function answerOf({ Response, rejected: name }, type, rejected) {
  const message = Response.create(rejected ? { partialSuccess: { [name]: rejected, errorMessage: "no" } } : {});
  if (type === "application/json") return JSON.stringify(Response.toObject(message, { longs: String }));
  return Response.encode(message).finish();
}

function take(request, bytes, response) {
  const now = mode, signal = /metrics$/.test(request.url) ? "metrics" : "traces", type = request.headers["content-type"], encoding = request.headers["content-encoding"] ?? "identity";
  const line = { at_ms: Date.now(), method: request.method, path: request.url, headers: request.headers, type, encoding,
    body_bytes: bytes.length, signal };

  if (mode.times && --mode.times === 0) mode = {};
  try {
    const message = decode(signals[signal], type, encoding === "gzip" ? zlib.gunzipSync(bytes) : bytes);
    line.resources = (message.resourceSpans ?? message.resourceMetrics).map(resource);
  } catch (e) {
    line.error = String(e);
  }
  line.status = line.error ? 400 : now.destroy ? 0 : now.status ?? 200;
  line.taken = line.status >= 200 && line.status < 300;
  fs.appendFileSync(file, JSON.stringify(line) + "\n");
  setTimeout(() => {
    if (now.destroy) return request.socket.destroy();
    if (now.retry_after) response.setHeader("Retry-After", now.retry_after);
    if (now.location) response.setHeader("Location", now.location);
    response.writeHead(line.status, { "Content-Type": type });
    response.end(now.body ?? (line.taken ? answerOf(signals[signal], type, now.rejected) : ""));
  }, now.delay_ms ?? 0);
}

function serve(request, response) {
  const parts = [];

  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    if (request.method === "POST") return take(request, Buffer.concat(parts), response);
    if (request.method === "PUT") mode = JSON.parse(Buffer.concat(parts));
    response.end("ok");
  });
}

const server = certificate
  ? require("https").createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) }, serve)
  : require("http").createServer(serve);
server.listen(Number(port), "127.0.0.1");
