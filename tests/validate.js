#!/usr/bin/env node
// Validates event lines against include/octoshim/event.schema.json.
//
//   node tests/validate.js [FILE…]       lines of the files, or of stdin
//   node tests/validate.js --events …    ignores lines that do not begin with {"event" (a shared stderr)
//
// Exit 0: all are valid; prints how many. Exit 1: names the first that is not, and why. Also checked, since a
// schema cannot: ASCII only, at most 8192 bytes a line, structlog's separators, key order, a whole last line.
'use strict';

const fs = require('fs');
const path = require('path');

// Debian's node-ajv, also for a node that is not Debian's.
process.env.NODE_PATH = [process.env.NODE_PATH, '/usr/share/nodejs'].filter(Boolean).join(':');
require('module').Module._initPaths();
const Ajv = require('ajv');

const FIRST = '{"event": "';
const ORDER = ['event', 'timestamp', 'level', 'logger', 'service', 'environment', 'version', 'pid'];
const LINE_MAX = 8192;

const schema = JSON.parse(fs.readFileSync(path.join(__dirname, '../include/octoshim/event.schema.json'), 'utf8'));
const ajv = new (Ajv.default || Ajv)({ allErrors: true });
const validate = ajv.compile(schema);

function complaint(line) {
  if (line.length + 1 > LINE_MAX) return `${line.length + 1} bytes`;
  if (/[^\x20-\x7e]/.test(line)) return 'a byte that is not printable ASCII';
  if (!line.startsWith(FIRST)) return `does not begin with ${FIRST}`;
  let event;
  try {
    event = JSON.parse(line);
  } catch (error) {
    return error.message;
  }
  if (Object.keys(event).slice(0, ORDER.length).join() !== ORDER.join()) return 'keys out of order';
  if (!validate(event)) {
    // Of the alternatives, only the complaints of the one for this event say anything.
    const all = validate.errors.map((e) => `${e.schemaPath} ${e.message} ${JSON.stringify(e.params)}`);
    const kind = schema.oneOf.findIndex((s) => {
      const e = s.properties.event;
      return e.const === event.event || (e.enum || []).includes(event.event);
    });
    const own = all.filter((e) => e.startsWith(`#/oneOf/${kind}/`) || e.startsWith('#/definitions'));
    return (own.length ? own : all).join('; ');
  }
  return null;
}

const args = process.argv.slice(2);
const onlyEvents = args[0] === '--events';
if (onlyEvents) args.shift();
let count = 0;
for (const file of args.length ? args : ['/dev/stdin']) {
  const text = fs.readFileSync(file === '/dev/stdin' ? 0 : file, 'latin1');
  const lines = text.split('\n');
  const rest = lines.pop();
  if (rest !== '' && !(onlyEvents && !rest.startsWith(FIRST))) {
    console.error(`${file}: the last line is not finished: ${rest.slice(0, 200)}`);
    process.exit(1);
  }
  lines.forEach((line, i) => {
    if (onlyEvents && !line.startsWith(FIRST)) return;
    const why = complaint(line);
    if (why !== null) {
      console.error(`${file}:${i + 1}: ${why}\n  ${line.slice(0, 1000)}`);
      process.exit(1);
    }
    count++;
  });
}
console.log(`${count} valid events`);
