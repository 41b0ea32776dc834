// Parses LogQL queries by Grafana's grammar and says which lines they select.
//
//     node logql.mjs NODE_MODULES < {"queries": [...], "entries": [{"labels": {...}, "line": "..."}]}
//
// Prints a list, for each query {"error": "..."} or {"selected": [indices of entries]}. It knows selectors, line
// filters, `| json` and label filters, as Loki evaluates them; anything else is an error.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { parser } = await import(pathToFileURL(join(process.argv[2], '@grafana/lezer-logql/index.es.js')));

class Query {
  constructor(text) {
    this.text = text;
    this.tree = parser.parse(text).topNode;
    this.tree.cursor().iterate((node) => {
      if (node.type.isError) throw new Error(`syntax error at ${node.from}: ${text.slice(node.from, node.from + 20)}`);
    });
  }

  of(node) {
    return this.text.slice(node.from, node.to);
  }

  string(node) {
    return JSON.parse(this.of(node));
  }

  // In the order of the text, without what is inside of another one.
  all(node, ...names) {
    const found = [];
    node.cursor().iterate((at) => {
      if (at.from === node.from && at.to === node.to && at.name === node.name) return true;
      if (!names.includes(at.name)) return true;
      found.push(at.node);
      return false;
    });
    return found;
  }

  matcher(node, fields) {
    const [name, operator, value] = [node.firstChild, node.firstChild.nextSibling, node.lastChild];
    const have = fields[this.of(name)] ?? '';
    const whole = () => new RegExp(`^(?:${this.string(value)})$`, 's').test(have);
    switch (operator.name) {
      case 'Eq': return have === this.string(value);
      case 'Neq': return have !== this.string(value);
      case 'Re': return whole();
      case 'Nre': return !whole();
      default: throw new Error(`operator ${operator.name}`);
    }
  }

  number(node, fields) {
    const have = fields[this.of(node.firstChild)];
    const wanted = Number(this.of(node.lastChild));
    if (have === undefined) return false;
    switch (node.firstChild.nextSibling.name) {
      case 'Gtr': return Number(have) > wanted;
      case 'Gte': return Number(have) >= wanted;
      case 'Lss': return Number(have) < wanted;
      case 'Lte': return Number(have) <= wanted;
      case 'Eql': return Number(have) === wanted;
      default: throw new Error(`comparison ${node.firstChild.nextSibling.name}`);
    }
  }

  filter(node, fields) {
    const parts = node.getChildren('LabelFilter');
    if (node.getChild('Or')) return parts.some((p) => this.filter(p, fields));
    if (node.getChild('And')) return parts.every((p) => this.filter(p, fields));
    if (parts.length === 1) return this.filter(parts[0], fields);
    const leaf = node.firstChild;
    if (leaf.name === 'Matcher') return this.matcher(leaf, fields);
    if (leaf.name === 'NumberFilter') return this.number(leaf, fields);
    throw new Error(`filter ${leaf.name}`);
  }

  selects({ labels, line }) {
    const [selector] = this.all(this.tree, 'Selector');
    if (!this.all(selector, 'Matcher').every((m) => this.matcher(m, labels))) return false;
    const fields = { ...labels };
    for (const stage of this.all(this.tree, 'PipelineStage')) {
      const part = stage.lastChild;
      if (part.name === 'LineFilters') {
        const filter = part.getChild('LineFilter');
        if (!filter.getChild('Filter').getChild('PipeExact')) throw new Error('line filter');
        if (!line.includes(this.string(filter.lastChild))) return false;
      } else if (part.name === 'LabelParser' && part.getChild('Json')) {
        for (const [name, value] of Object.entries(JSON.parse(line))) {
          if (!(name in labels)) fields[name] = String(value); // a label is not overwritten
        }
      } else if (part.name === 'LabelFilter') {
        if (!this.filter(part, fields)) return false;
      } else {
        throw new Error(`stage ${part.name}`);
      }
    }
    return true;
  }
}

const { queries, entries } = JSON.parse(readFileSync(0, 'utf8'));
const answers = queries.map((text) => {
  try {
    const query = new Query(text);
    return { selected: [...entries.keys()].filter((i) => query.selects(entries[i])) };
  } catch (e) {
    return { error: e.message };
  }
});
console.log(JSON.stringify(answers));
