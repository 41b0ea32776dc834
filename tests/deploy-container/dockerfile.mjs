// Reads a Dockerfile from stdin. Prints {"complaints": [...], "instructions": [{"keyword", "text", "flags"}]}; the
// complaints are those of the linter dockerfile-utils.
//
//     node dockerfile.mjs NODE_MODULES < Dockerfile
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.argv[2], 'here.js'));
const { validate } = require('dockerfile-utils');
const { DockerfileParser } = require('dockerfile-ast');

const text = readFileSync(0, 'utf8');
const complaints = validate(text).map((d) => `line ${d.range.start.line + 1}: ${d.message}`);
const instructions = DockerfileParser.parse(text).getInstructions().map((i) => ({
  keyword: i.getKeyword(),
  text: i.getArguments().map((a) => a.getValue()).join(' '),
  flags: Object.fromEntries((i.getFlags?.() ?? []).map((f) => [f.getName(), f.getValue()])),
}));
console.log(JSON.stringify({ complaints, instructions }));
