"""The agents' configurations, as far as they can be judged without the agents: syntax, the names of settings, that what
refers to something finds it, which files are read, what becomes a label, where the time comes from.

Each check takes the file's text and adds what is wrong, a line each. The names are those of the agents' reference
pages: Fluent Bit 5.1, Vector 0.57, Alloy 1.18, Promtail 3.6; only those that the configurations may want are listed.
"""
import fnmatch
import re

import yaml
from strict_yaml import load

LIVE = ["/var/log/octollm/orders.log", "/var/log/octollm/a.b.log"]
RENAMED = ["/var/log/octollm/orders.log.2025-11-10", "/var/log/octollm/orders.log.2025-11-10T07",
           "/var/log/octollm/orders.log.2025-11-10T073015.1"]
LABELS = {"job", "service", "environment", "level"}
METADATA = {"request_id", "trace_id"}
FIELDS = LABELS - {"job"}


class Wrong(list):
    def names(self, where, found, allowed):
        for name in sorted(set(found) - set(allowed)):
            self.append(f"{where}: no such setting: {name}")

    def same(self, what, found, wanted):
        if found != wanted:
            self.append(f"{what}: {found!r}, not {wanted!r}")

    def files(self, patterns, renamed):
        for path in LIVE + RENAMED:
            read = any(fnmatch.fnmatchcase(path, p) for p in patterns)
            if read != (renamed or path in LIVE):
                self.append(f"{path} is {'read' if read else 'not read'}")


def pairs(text):
    return dict(p.strip().split("=", 1) for p in text.split(","))


def fluent_bit(wrong, text):
    c = load(text)
    wrong.names("the file", c, ["env", "includes", "service", "parsers", "multiline_parsers", "pipeline", "plugins"])
    wrong.names("service", c["service"], ["flush", "log_level", "grace", "http_server", "http_listen", "http_port",
                                          "storage.path", "storage.sync", "storage.checksum", "storage.max_chunks_up",
                                          "storage.backlog.mem_limit", "storage.metrics"])
    wrong.names("pipeline", c["pipeline"], ["inputs", "filters", "outputs"])
    parsers = {p["name"]: p for p in c["parsers"]}
    for name, p in parsers.items():
        wrong.names(f"parser {name}", p, ["name", "format", "time_key", "time_format", "time_keep", "time_strict",
                                          "time_offset", "types", "skip_empty_values"])
        wrong.same("time", [p.get(k) for k in ("format", "time_key", "time_format", "time_keep")],
                   ["json", "timestamp", "%Y-%m-%dT%H:%M:%S.%LZ", True])
    (tail,), (copies,), (loki,) = (c["pipeline"][k] for k in ("inputs", "filters", "outputs"))
    wrong.same("plugins", [tail["name"], copies["name"], loki["name"]], ["tail", "modify", "loki"])
    wrong.names("tail", tail, [
        "name", "tag", "path", "exclude_path", "parser", "read_from_head", "refresh_interval", "rotate_wait", "db",
        "db.sync", "db.locking", "buffer_chunk_size", "buffer_max_size", "mem_buf_limit", "storage.type",
        "skip_long_lines", "ignore_older", "path_key"])
    wrong.names("modify", copies, ["name", "match", "copy"])
    wrong.names("loki", loki, ["name", "match", "host", "port", "uri", "labels", "label_keys", "structured_metadata",
                               "line_format", "remove_keys", "tenant_id", "http_user", "http_passwd", "bearer_token",
                               "tls", "tls.verify", "compress", "retry_limit", "storage.total_limit_size", "workers"])
    wrong.files([p.strip() for p in tail["path"].split(",")], renamed=False)
    if tail["parser"] not in parsers:
        wrong.append(f"no parser {tail['parser']}")
    for m in (copies["match"], loki["match"]):
        if not fnmatch.fnmatchcase(tail["tag"], m):
            wrong.append(f"nothing has the tag {m}")
    if "db" not in tail or tail.get("read_from_head") is not True:
        wrong.append("lines are lost or doubled over a restart")
    # The output removes from the line what it uses, so these must be copies.
    copied = {to: of for of, to in (c.split() for c in copies["copy"])}
    labels, metadata = pairs(loki["labels"]), pairs(loki["structured_metadata"])
    wrong.same("labels", {k: copied.get(v.lstrip("$"), v) for k, v in labels.items()},
               {"job": "octollm", **{f: f for f in FIELDS}})
    wrong.same("metadata", {k: copied.get(v.lstrip("$"), v) for k, v in metadata.items()}, {f: f for f in METADATA})


def vector(wrong, text):
    c = load(text)
    wrong.names("the file", c, ["data_dir", "sources", "transforms", "sinks", "api", "log_schema", "acknowledgements"])
    (source_name, source), = c["sources"].items()
    (transform_name, transform), = c["transforms"].items()
    (_, sink), = c["sinks"].items()
    wrong.same("types", [source["type"], transform["type"], sink["type"]], ["file", "remap", "loki"])
    wrong.names("file", source, ["type", "include", "exclude", "ignore_older_secs", "read_from", "fingerprint",
                                 "glob_minimum_cooldown_ms", "max_line_bytes", "oldest_first", "rotate_wait_secs",
                                 "file_key", "host_key", "data_dir", "ignore_checkpoints"])
    wrong.names("remap", transform, ["type", "inputs", "source", "drop_on_error", "drop_on_abort", "reroute_dropped"])
    wrong.names("loki", sink, [
        "type", "inputs", "endpoint", "path", "encoding", "labels", "structured_metadata", "buffer", "batch",
        "compression", "out_of_order_action", "tenant_id", "auth", "tls", "request", "remove_timestamp",
        "remove_label_fields", "healthcheck", "acknowledgements", "dangerously_allow_unconfined_template_resolution"])
    wrong.names("buffer", sink["buffer"], ["type", "max_size", "max_events", "when_full"])
    wrong.same("inputs", [transform["inputs"], sink["inputs"]], [[source_name], [transform_name]])
    wrong.files(source["include"], renamed=True)
    wrong.same("encoding", sink["encoding"], {"codec": "text"})
    wrong.same("labels", sink["labels"], {"job": "octollm", "*": "{{ stream }}"})
    wrong.same("metadata", sink["structured_metadata"], {"*": "{{ meta }}"})
    if not sink.get("dangerously_allow_unconfined_template_resolution"):
        wrong.append("Vector does not start: a label's template has no fixed text at its beginning")
    program = transform["source"]
    first = re.search(r"^\.stream = \{(.*)\}$", program, re.M)
    made = set(re.findall(r'"(\w+)":', first.group(1)) if first else ()) | set(re.findall(r"\.stream\.(\w+)", program))
    wrong.same("the object of the labels", made, FIELDS)
    wrong.same("the object of the metadata", set(re.findall(r"\.meta\.(\w+)", program)), METADATA)
    if not re.search(r'^ *\.timestamp = parse_timestamp\(event\.timestamp, format: "%\+"\)', program, re.M):
        wrong.append("the time is not the event's")
    for opening, closing in ("{}", "()", "[]"):
        if program.count(opening) != program.count(closing):
            wrong.append(f"the program has {opening} and {closing} in different numbers")


def promtail(wrong, text):
    c = load(text)
    wrong.names("the file", c, ["server", "clients", "positions", "scrape_configs", "target_config", "limits_config"])
    wrong.names("server", c["server"], ["disable", "http_listen_address", "http_listen_port", "grpc_listen_port"])
    wrong.names("target_config", c["target_config"], ["sync_period"])
    wrong.names("positions", c["positions"], ["filename", "sync_period", "ignore_invalid_yaml"])
    wrong.names("clients", c["clients"][0], ["url", "tenant_id", "basic_auth", "batchwait", "batchsize",
                                             "backoff_config"])
    (job,) = c["scrape_configs"]
    wrong.names("scrape_configs", job, ["job_name", "static_configs", "pipeline_stages"])
    (target,) = job["static_configs"]
    wrong.names("static_configs", target, ["targets", "labels"])
    labels = dict(target["labels"])
    wrong.files([labels.pop("__path__")], renamed=False)
    stages = {}
    for stage in job["pipeline_stages"]:
        ((name, body),) = stage.items()
        stages[name] = body
    wrong.names("pipeline_stages", stages, ["json", "timestamp", "labels", "structured_metadata", "labeldrop"])
    order = list(stages)
    if order[0] != "json":
        wrong.append("the JSON is not parsed first")
    wrong.names("json", stages["json"], ["expressions", "source", "drop_malformed"])
    wrong.names("timestamp", stages["timestamp"], ["source", "format", "fallback_formats", "location",
                                                   "action_on_failure"])
    common_stages(wrong, labels, stages["json"]["expressions"], stages["timestamp"], stages["labels"],
                         stages["structured_metadata"], stages["labeldrop"])


def common_stages(wrong, labels, expressions, timestamp, label_values, metadata, dropped):
    wrong.same("labels that are always there", labels, {"job": "octollm"})
    wrong.same("parsed", {k: v or k for k, v in expressions.items()}, {f: f for f in FIELDS | METADATA | {"timestamp"}})
    wrong.same("time", timestamp, {"source": "timestamp", "format": "RFC3339Nano", "action_on_failure": "skip"})
    wrong.same("labels", {k: v or k for k, v in label_values.items()}, {f: f for f in FIELDS})
    wrong.same("metadata", {k: v or k for k, v in metadata.items()}, {f: f for f in METADATA})
    wrong.same("labels dropped", dropped, ["filename"])


class Alloy:
    """Enough of Alloy's syntax for this file: blocks, attributes, strings, lists, objects, references."""

    TOKEN = re.compile(r'\s+|//[^\n]*|(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<word>[A-Za-z_][\w.]*)|(?P<number>\d+)'
                       r"|(?P<sign>[{}\[\]=,])")

    def __init__(self, text):
        self.tokens, at = [], 0
        while at < len(text):
            m = self.TOKEN.match(text, at)
            if not m:
                raise ValueError(f"line {text.count(chr(10), 0, at) + 1}: {text[at:at + 20]!r}")
            if m.lastgroup:
                self.tokens.append((m.lastgroup, m.group(), text.count("\n", 0, at) + 1))
            at = m.end()
        self.tokens.append(("end", "", 0))
        self.at = 0
        self.blocks = self.body("end", "")

    def next(self, *wanted):
        kind, text, line = self.tokens[self.at]
        if wanted and kind not in wanted and text not in wanted:
            raise ValueError(f"line {line}: {text!r}, not {' or '.join(wanted)}")
        self.at += 1
        return text

    def peek(self, *wanted):
        return self.tokens[self.at][0] in wanted or self.tokens[self.at][1] in wanted

    def body(self, *closing):
        """A dictionary of attributes, and of blocks under (name, label)."""
        found = {}
        while not self.peek(*closing):
            name = self.next("word")
            if self.peek("="):
                self.next()
                key, value = name, self.value()
            else:
                label = self.next()[1:-1] if self.peek("string") else None
                self.next("{")
                key, value = (name, label), self.body("}")
                self.next("}")
            if key in found:
                raise ValueError(f"{key} twice")
            found[key] = value
        return found

    def value(self):
        if self.peek("["):
            return list(self.items("[", "]", self.value))
        if self.peek("{"):
            return dict(self.items("{", "}", self.pair))
        text = self.next("string", "word", "number")
        return text[1:-1] if text[0] == '"' else int(text) if text.isdigit() else Reference(text)

    def items(self, opening, closing, item):
        self.next(opening)
        while not self.peek(closing):
            yield item()
            if not self.peek(closing):
                self.next(",")
        self.next(closing)

    def pair(self):
        key = self.next("string", "word").strip('"')
        self.next("=")
        return key, self.value()


class Reference(str):
    pass


def alloy(wrong, text):
    c = Alloy(text).blocks
    exports = {"local.file_match": "targets", "loki.source.file": "", "loki.process": "receiver",
               "loki.write": "receiver"}
    known = {f"{name}.{label}.{exports.get(name, '')}" for name, label in c}
    allowed = {
        "local.file_match": ["path_targets", "sync_period", "ignore_older_than"],
        "loki.source.file": ["targets", "forward_to", "encoding", "tail_from_end", "on_positions_file_error",
                             "file_watch"],
        "loki.process": ["forward_to", "stage.json", "stage.timestamp", "stage.labels", "stage.structured_metadata",
                         "stage.label_drop"],
        "loki.write": ["external_labels", "max_streams", "endpoint", "wal"],
        "stage.json": ["expressions", "regex", "drop_malformed", "source"],
        "stage.timestamp": ["source", "format", "fallback_formats", "location", "action_on_failure",
                            "action_on_duplicate_timestamp"],
        "stage.labels": ["values"], "stage.structured_metadata": ["values"], "stage.label_drop": ["values"],
        "endpoint": ["url", "tenant_id", "basic_auth", "batch_size", "batch_wait", "max_backoff_retries",
                     "min_backoff_period", "max_backoff_period", "remote_timeout", "tls_config", "bearer_token_file"],
    }

    def walk(value, where):
        if isinstance(value, Reference) and value not in known:
            wrong.append(f"{where}: nothing is called {value}")
        for inner in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
            walk(inner, where)

    def block(name, body):
        wrong.names(name, [k if isinstance(k, str) else k[0] for k in body], allowed.get(name, ()))
        for key, value in body.items():
            if isinstance(key, tuple):
                block(key[0], value)
            else:
                walk(value, name)

    for (name, label), body in c.items():
        if name not in exports or label is None:
            wrong.append(f"no such component: {name} {label}")
        block(name, body)
    (match,), (source,), (process,) = ([b for (n, _), b in c.items() if n == wanted]
                                       for wanted in ("local.file_match", "loki.source.file", "loki.process"))
    (target,) = match["path_targets"]
    labels = dict(target)
    wrong.files([labels.pop("__path__")], renamed=False)
    wrong.same("what is read", source["targets"], "local.file_match.octoshim.targets")
    order = [k[0] for k in process if isinstance(k, tuple)]
    if order[0] != "stage.json":
        wrong.append("the JSON is not parsed first")
    stage = {k[0]: v for k, v in process.items() if isinstance(k, tuple)}
    common_stages(wrong, labels, stage["stage.json"]["expressions"], stage["stage.timestamp"],
                         stage["stage.labels"]["values"], stage["stage.structured_metadata"]["values"],
                         stage["stage.label_drop"]["values"])


CHECKS = {"fluent-bit.yaml": fluent_bit, "vector.yaml": vector, "promtail.yaml": promtail, "config.alloy": alloy}


def complaints(name, text):
    """What is wrong with the text of the file of that name."""
    wrong = Wrong()
    try:
        CHECKS[name](wrong, text)
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError, IndexError) as e:
        wrong.append(f"{type(e).__name__}: {e}")
    return wrong
