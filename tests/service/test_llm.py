"""Calls of language models: events, metrics and spans, from what the APIs' own answers say."""
import json
import os

from harness import APPS, ROOT, check, equal, read_bytes, test, wait_until
from metrics import Metrics, listening
from otlp import CLIENT, ERROR, Collector
from servers import PYTHON

SECRET, PROMPT = "the answer is a secret", "the prompt is a secret too, \"model\": \"wrong\""


def caller(t, name, **env):
    api = t.service(f"{name}-api", [PYTHON, os.path.join(APPS, "llm_api.py"), "127.0.0.1:{port}"], shim=False)
    where, listens = listening(UPSTREAM=api.address, **env)
    service = t.service(name, [PYTHON, os.path.join(APPS, "llm_caller.py"), "127.0.0.1:{port}"], env=listens)
    service.metrics, service.api = where, api
    return service


def ask(t, service, host, path, how="whole", **body):
    """What the service was answered: (status, body)."""
    asked = json.dumps({"host": host, "path": path, "how": how, "body": {"messages": [{"content": PROMPT}], **body}}).encode()
    answer = t.raw(service, b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(asked), asked), 15)
    head, _, data = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), data


def told(service, number):
    """What the last event about a call says, with the rest of its fields checked."""
    wait_until(lambda: service.log.count("llm.call.completed") >= number, f"{number} llm.call.completed")
    return service.log.events("llm.call.completed")[-1]


# host, path, fields of the request: provider, model, the answer's, operation, streaming, tokens
CALLS = (
    ("api.openai.com", "/v1/chat/completions", {"model": "gpt-4o"}, ("openai", "gpt-4o", "gpt-4o-0613", "chat", False, 11, 7)),
    ("api.openai.com", "/v1/chat/completions", {"model": "gpt-4o", "stream": True}, ("openai", "gpt-4o", "gpt-4o-0613", "chat", True, 11, 7)),
    ("API.OpenAI.com:443", "/v1/responses", {"model": "o1"}, ("openai", "o1", None, "chat", False, 5, 3)),
    ("api.openai.com", "/v1/responses", {"model": "o1", "stream": True}, ("openai", "o1", None, "chat", True, 5, 3)),
    ("api.openai.com", "/v1/embeddings", {"model": "text-embedding-3"}, ("openai", "text-embedding-3", "text-embedding-3-0613", "embeddings", False, 11, 7)),
    ("me.openai.azure.com", "/openai/deployments/my-gpt/chat/completions?api-version=1&key=secret", {}, ("azure.ai.openai", "my-gpt", "-0613", "chat", False, 11, 7)),
    ("api.anthropic.com", "/v1/messages", {"model": "claude-3"}, ("anthropic", "claude-3", None, "chat", False, 60, 40)),
    ("api.anthropic.com", "/v1/messages", {"model": "claude-3", "stream": True}, ("anthropic", "claude-3", None, "chat", True, 60, 40)),
    ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.0-flash:generateContent?key=secret", {},
     ("gcp.gemini", "gemini-2.0-flash", None, "generate_content", False, 4, 8)),
    ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse", {},
     ("gcp.gemini", "gemini-2.0-flash", None, "generate_content", True, 4, 8)),
    ("us-central1-aiplatform.googleapis.com", "/v1/projects/p/locations/l/publishers/google/models/gemini-pro:generateContent", {},
     ("gcp.vertex_ai", "gemini-pro", None, "generate_content", False, 4, 8)),
    ("bedrock-runtime.eu-west-1.amazonaws.com", "/model/anthropic.claude-v2%3A1/converse", {}, ("aws.bedrock", "anthropic.claude-v2:1", None, "chat", False, 8, 9)),
    ("api.mistral.ai", "/v1/chat/completions", {"model": "mistral-small"}, ("mistral_ai", "mistral-small", "mistral-small-0613", "chat", False, 11, 7)),
    ("api.cohere.com", "/v2/chat", {"model": "command-r"}, ("cohere", "command-r", None, "chat", False, 12, 13)),
    ("localhost:11434", "/api/chat", {"model": "llama3:8b"}, ("ollama", "llama3:8b", None, "chat", True, 26, 298)),
    ("localhost:11434", "/api/chat", {"model": "llama3:8b", "stream": False}, ("ollama", "llama3:8b", None, "chat", False, 26, 298)),
    ("vllm:8000", "/v1/chat/completions", {"model": "meta-llama/Llama-3"}, ("openai_compatible", "meta-llama/Llama-3", "meta-llama/Llama-3-0613", "chat", False, 11, 7)),
    ("gateway:4000", "/llm/v1/completions", {"model": "x"}, ("my_gateway", "x", "x-0613", "text_completion", False, 11, 7)),
    ("api.openai.com", "/v1/chat/completions", {"model": "gzip"}, ("openai", "gzip", None, "chat", False, None, None)),
    ("api.openai.com", "/v1/chat/completions", {"model": "not a model!"}, ("openai", None, None, "chat", False, 11, 7)),
    ("api.openai.com", "/v1/chat/completions", {"more": ["x" * 300000], "model": "late"}, ("openai", "late", "late-0613", "chat", False, 11, 7)),
)
FIELDS = ("provider", "model", "answer_model", "operation", "streaming", "input_tokens", "output_tokens")


@test
def providers(t):
    """Each API's form, plain and streamed; whatever the service sends its request in; nothing of prompts and answers is kept."""
    collector = Collector(t)
    service = caller(t, "app", **collector.environment(OCTOSHIM_LLM="gateway:4000/llm/v1/completions=my_gateway", OCTOSHIM_LOG_LEVEL="info"))
    number = 0
    for host, path, body, wanted in CALLS:
        for how in ("whole", "parts", "chunked"):
            number += 1
            status, data = ask(t, service, host, path, how, **body)
            equal(status, 200, f"{host}{path} {how}: {data[:200]}")
            event = told(service, number)
            equal(tuple(event.get(field) for field in FIELDS), wanted, f"{host}{path} {body.get('model')} {how}: {event}")
            equal((event["status_code"], event["level"], event["method"], event["path"]), (200, "info", "POST", path.partition("?")[0]), f"{event}")
            check("time_to_first_token_ms" not in event or event["streaming"], event)
            check(not event["streaming"] or 0 < event["time_to_first_token_ms"] <= event["duration_ms"], event)
            made = service.log.events("client.request.completed")[-1]
            equal({k: made[k] for k in ("request_id", "span_id", "duration_ms", "bytes_in", "bytes_out")},
                  {k: event[k] for k in ("request_id", "span_id", "duration_ms", "bytes_in", "bytes_out")}, "the call and its request")
    service.log.wait("llm.call.completed", number)
    t.validate(service.log)
    metrics = Metrics(service.metrics)
    equal(metrics.sum("llm_api_latency_seconds_count"), number, "calls in the metrics")
    for wanted in {w[:2] for *_, w in CALLS}:
        count = metrics.sum("llm_api_latency_seconds_count", provider=wanted[0], model=wanted[1] or "unknown")
        equal(count, 3 * len([1 for *_, w in CALLS if w[:2] == wanted]), f"calls of {wanted}")
    equal(metrics.values("llm_api_latency_seconds_bucket", "le"), {"0.1", "0.5", "1.0", "2.0", "5.0", "10.0", "30.0", "+Inf"}, "buckets")
    spans = {s["spanId"]: s for s in collector.wait(2 * number) if s["kind"] == CLIENT}
    for event in service.log.events("llm.call.completed"):
        span = spans[event["span_id"]]
        attributes = span["attributes"]
        equal((span["name"], attributes["gen_ai.operation.name"], attributes["gen_ai.provider.name"], attributes.get("gen_ai.request.model"),
               attributes.get("gen_ai.response.model"), attributes.get("gen_ai.usage.input_tokens"), attributes.get("gen_ai.usage.output_tokens"),
               attributes["http.request.method"], attributes["http.response.status_code"]),
              (f"{event['operation']} {event['model']}" if "model" in event else event["operation"], event["operation"], event["provider"],
               event.get("model"), event.get("answer_model"), event.get("input_tokens"), event.get("output_tokens"), "POST", 200), f"{span}")
    kept = [path for path in (*service.log.files(), collector.file) if b"secret" in read_bytes(path)]
    equal(kept, [], "files in which a prompt, an answer or a key stands")


@test
def failures(t):
    """Refusals, answers that are cut short, and none at all."""
    collector = Collector(t)
    service = caller(t, "bad", **collector.environment())
    asked = (("fail-429", {}, 429, "the answer's status is 429"), ("fail-500", {"stream": True}, 500, "the answer's status is 500"),
             ("none", {}, None, "closed by the peer before the response was complete"),
             ("cut", {}, 200, "closed by the peer before the response was complete"),
             ("cut", {"stream": True}, 200, "closed by the peer before the response was complete"))
    for number, (model, body, status, error) in enumerate(asked, 1):
        ask(t, service, "api.openai.com", "/v1/chat/completions", model=model, **body)
        service.log.wait("llm.call.failed", number)
        event = service.log.events("llm.call.failed")[-1]
        equal((event["error_code"], event["error"], event.get("status_code"), event["model"], event["level"], event["streaming"]),
              ("LLM_API_ERROR", error, status, model, "error", bool(body)), f"{model}: {event}")
    t.validate(service.log)
    metrics = Metrics(service.metrics)
    equal(metrics.sum("errors_total", error_type="LLM_API_ERROR", component="llm"), len(asked), "errors")
    equal(metrics.sum("llm_api_latency_seconds_count"), len(asked), "calls")
    spans = [s for s in collector.wait(2 * len(asked)) if s["kind"] == CLIENT]
    equal([s["status"]["code"] for s in spans], [ERROR] * len(asked), "status of the spans")
    equal(sorted(s["attributes"]["error.type"] for s in spans), ["429", "500", "ECONNRESET", "ECONNRESET", "ECONNRESET"], "error.type")


@test
def first_token(t):
    """The time to the first event of a stream, not to its head."""
    service = caller(t, "slow")
    ask(t, service, "api.openai.com", "/v1/chat/completions", model="slow", stream=True)
    event = told(service, 1)
    check(250 < event["time_to_first_token_ms"] < 700 and event["ttfb_ms"] < 150, f"{event}")
    check(event["duration_ms"] > event["time_to_first_token_ms"] + 400, f"{event}")


@test
def nothing_inserted(t):
    """With OCTOSHIM_INJECT=off too."""
    service = caller(t, "off", OCTOSHIM_INJECT="off")
    for number, how in enumerate(("parts", "whole", "chunked"), 1):
        equal(ask(t, service, "api.openai.com", "/v1/chat/completions", how, model="gpt-4o")[0], 200, how)
        event = told(service, number)
        equal((event["provider"], event["model"], event["input_tokens"], event["output_tokens"]), ("openai", "gpt-4o", 11, 7), f"{how}: {event}")


@test
def no_calls(t):
    """What is none: other paths, other methods, other hosts; and nothing with OCTOSHIM_LLM=off. Rows that are wrong are named."""
    service = caller(t, "other", OCTOSHIM_LLM="a b=c d,/x*y/{model=z,=,ok.local=fine")
    for host, path in (("api.openai.com", "/v1/files"), ("shop.local", "/v1/messages"), ("api.openai.com.evil", "/v1/embeddings"),
                       ("api.openai.com", "/v1/chat/completions/x")):
        ask(t, service, host, path, model="gpt-4o")
    ask(t, service, "ok.local", "/embeddings", model="m")
    equal(told(service, 1)["provider"], "fine", "the row that is right")
    service.log.wait("client.request.completed", 5)
    for row in ('"a b=c d"', '"/x*y/{model=z"', '"="'):
        equal(service.said().count(f"octoshim: OCTOSHIM_LLM: {row}"), 1, f"complaints about {row}: {service.said()}")
    off = caller(t, "off", OCTOSHIM_LLM="off")
    ask(t, off, "api.openai.com", "/v1/chat/completions", model="gpt-4o")
    off.log.wait("client.request.completed", 1)
    equal(off.log.count("llm.call.completed"), 0, "calls")


@test
def openai_client(t):
    """OpenAI's own client in Node, by http and by fetch: its texts are what they are, and the call belongs to its request."""
    api = t.service("api", [PYTHON, os.path.join(APPS, "llm_api.py"), "127.0.0.1:{port}"], shim=False)
    service = t.service("node", [os.path.join(ROOT, "scripts", "octoshim-run"), "/usr/bin/node", os.path.join(APPS, "llm_node.js"), "{port}"],
                        env={"UPSTREAM": api.address}, preload_variable="OCTOSHIM_LIB")
    for number, path in enumerate(("/whole", "/stream", "/whole?fetch", "/stream?fetch"), 1):
        status, _, body = t.get(service, path, f"X-Request-ID: call-{number}\r\n")
        equal((status, body.decode()), (200, SECRET), f"the answer to {path}")
        event = told(service, number)
        equal(tuple(event.get(field) for field in FIELDS),
              ("openai_compatible", "gpt-4o", "gpt-4o-0613", "chat", path.startswith("/stream"), 11, 7), f"{path}: {event}")
        equal((event["request_id"], event["context"]), (f"call-{number}", "certain"), f"{path}: {event}")
    t.validate(service.log)
    equal([f for f in service.log.files() if b"secret" in read_bytes(f)], [], "files with a prompt, an answer or a key")


@test
def python_clients(t):
    """httpx and aiohttp in FastAPI, many at once: each call is told of, with its own request's ID."""
    api = t.service("api", [PYTHON, os.path.join(APPS, "llm_api.py"), "127.0.0.1:{port}"], shim=False)
    service = t.service("tasks", ["/usr/bin/uvicorn", "--app-dir", APPS, "--port", "{port}", "--log-level", "warning", "llm_tasks:app"],
                        env={"UPSTREAM": api.address})
    for path in ("/httpx", "/aiohttp"):
        report = t.load(service, path, 100, 16)
        equal(report["served"], 100, path)
    service.log.wait("llm.call.completed", 200)
    events = service.log.events("llm.call.completed")
    equal({tuple(e.get(field) for field in FIELDS) for e in events},
          {("openai_compatible", "gpt-4o", "gpt-4o-0613", "chat", True, 11, 7)}, "the calls")
    served = {e["request_id"]: e["trace_id"] for e in service.log.events("request.completed")}
    certain = {e["request_id"]: e["trace_id"] for e in events if e.get("context") == "certain"}
    wrong = {i for i in certain if certain[i] != served.get(i)}
    equal((len(certain), len(wrong)), (200, 0), "calls whose request is certain, and those in another trace")
    t.validate(service.log)
