// Judges Kubernetes objects by the schemas that the package kubernetes-models makes of Kubernetes' own OpenAPI
// document.
//
//     node kubernetes.mjs NODE_MODULES < [objects]       prints a list of complaints
//
// Values are judged by its validators. Those let unknown fields pass, as an API server without strict validation does;
// so names are looked for in its type declarations.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = process.argv[2];
const complaints = [];

// The members of an interface and the files of the types that it names.
const known = new Map();
function declaration(file) {
  if (!known.has(file)) {
    const text = readFileSync(file, 'utf8');
    const body = /^export interface [^{]+{\n(.*?)^}/ms.exec(text)?.[1];
    const fields = new Map();
    for (const [, name, type] of body?.matchAll(/^ {4}"([^"]+)"\??: (.+?);?$/gm) ?? []) fields.set(name, type);
    const files = new Map();
    for (const [, names, from] of text.matchAll(/^import {([^}]+)} from "([^"]+)";$/gm)) {
      const plain = from.replace(/\.js$/, '');
      const path = `${from.startsWith('.') ? join(dirname(file), plain) : join(modules, plain)}.d.ts`;
      for (const name of names.split(',')) files.set(name.trim(), path);
    }
    known.set(file, body === undefined ? null : { fields, files });
  }
  return known.get(file);
}

function names(value, type, files, where) {
  const list = /^Array<(.+)>$/.exec(type)?.[1];
  if (list && Array.isArray(value)) {
    value.forEach((v, i) => names(v, list, files, `${where}[${i}]`));
    return;
  }
  const file = files.get(type);
  if (!file || value === null || typeof value !== 'object') return;
  const declared = declaration(file);
  if (!declared) return; // a name for a string or a number
  for (const [key, v] of Object.entries(value)) {
    if (declared.fields.has(key)) names(v, declared.fields.get(key), declared.files, `${where}.${key}`);
    else complaints.push(`${where}: no such field: ${key}`);
  }
}

for (const object of JSON.parse(readFileSync(0, 'utf8'))) {
  const { apiVersion, kind, metadata } = object;
  const where = `${kind} ${metadata?.name}`;
  const file = join(modules, 'kubernetes-models', apiVersion ?? '', `${kind}.js`);
  let validate;
  try {
    const schema = /_schemas\/(\w+)\.js|_schemas\/(\w+)"/.exec(readFileSync(file, 'utf8')).slice(1).find(Boolean);
    ({ validate } = await import(pathToFileURL(join(modules, 'kubernetes-models/_schemas', `${schema}.js`))));
  } catch (e) {
    complaints.push(`${where}: no schema for ${apiVersion} ${kind}: ${e.message}`);
    continue;
  }
  if (!validate(object)) {
    for (const e of validate.errors) {
      complaints.push(`${where}: ${e.instancePath || '/'} ${e.keyword}: ${e.message ?? JSON.stringify(e.params)}`);
    }
  }
  const type = file.replace(/\.js$/, '.d.ts');
  names(object, 'it', new Map([['it', type]]), where);
}
console.log(JSON.stringify(complaints));
