"""Answers as the APIs of language models do, each in its own form. argv: host:port. What a request's model is called decides what goes
wrong: fail-STATUS, cut (the answer ends early), none (no answer), gzip, slow (a stream with pauses)."""
import gzip
import http.server
import json
import sys
import time

SECRET = "the answer is a secret"


def openai(body, model):
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    if not body.get("stream"):
        return {"id": "x", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": SECRET}}], "model": f"{model}-0613", "usage": usage}
    chunk = {"id": "x", "object": "chat.completion.chunk", "model": f"{model}-0613", "usage": None}
    return [{**chunk, "choices": [{"index": 0, "delta": {"content": word}}]} for word in SECRET.split()] + [
        {**chunk, "choices": [], "usage": usage}] + ["[DONE]"]


def responses(body, model):
    usage = {"input_tokens": 5, "output_tokens": 3}
    if not body.get("stream"):
        return {"id": "x", "model": model, "output": [{"content": SECRET}], "usage": usage}
    return [{"type": "response.created", "response": {"model": model, "usage": None}}, {"type": "response.output_text.delta", "delta": SECRET},
            {"type": "response.completed", "response": {"model": model, "usage": usage}}]


def anthropic(body, model):
    usage = {"input_tokens": 10, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 30, "output_tokens": 40}
    if not body.get("stream"):
        return {"type": "message", "model": model, "content": [{"type": "text", "text": SECRET}], "usage": usage}
    return [{"type": "message_start", "message": {"model": model, "usage": {**usage, "output_tokens": 1}}}, {"type": "ping"},
            {"type": "content_block_delta", "delta": {"text": SECRET}}, {"type": "message_delta", "usage": {"output_tokens": 40}},
            {"type": "message_stop"}]


def gemini(body, _):
    answer = {"candidates": [{"content": {"parts": [{"text": SECRET}]}}], "usageMetadata": {
        "promptTokenCount": 4, "candidatesTokenCount": 2, "thoughtsTokenCount": 6}, "modelVersion": "gemini"}
    return [answer, answer] if body.get("as_stream") else answer


def ollama(body, model):
    last = {"model": model, "done": True, "prompt_eval_count": 26, "eval_count": 298}
    if body.get("stream") is False:
        return {**last, "message": {"content": SECRET}}
    return [{"model": model, "message": {"content": word}, "done": False} for word in SECRET.split()] + [last]


def bedrock(body, _):
    return {"output": {"message": {"content": [{"text": SECRET}]}}, "usage": {"inputTokens": 8, "outputTokens": 9}}


def cohere(body, _):
    return {"message": {"content": SECRET}, "usage": {"billed_units": {"input_tokens": 12, "output_tokens": 13}, "tokens": {"input_tokens": 99}}}


FORMS = (("/responses", responses), ("/messages", anthropic), ("Content", gemini), ("/api/chat", ollama), ("/converse", bedrock),
         ("/v2/chat", cohere), ("", openai))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def read(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, status, data, more=()):
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in more:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        body = json.loads(self.read() or b"{}")
        model = str(body.get("model", ""))
        path = self.path.partition("?")[0]
        if "streamGenerate" in path:
            body["as_stream"] = True
        form = next(f for end, f in FORMS if end in path)
        answer = form(body, model)
        if model.startswith("fail-"):
            self.answer(int(model[5:]), json.dumps({"error": {"message": SECRET, "type": "api_error"}}).encode())
        elif model == "none":
            self.close_connection = True
        elif isinstance(answer, dict):
            data = json.dumps(answer).encode()
            if model == "cut":
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data) + 10))
                self.end_headers()
                self.wfile.write(data)
                self.close_connection = True
            elif model == "gzip":
                self.answer(200, gzip.compress(data), [("Content-Encoding", "gzip")])
            else:
                self.answer(200, data)
        else:
            self.stream(answer, form is ollama, model, b"" if form is openai else b"event: x\r\n")

    def stream(self, documents, lines, model, before):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson" if lines else "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if model == "slow":
            time.sleep(0.3)
        for number, document in enumerate(documents):
            text = document if isinstance(document, str) else json.dumps(document, indent=None if lines or number % 2 else 1)
            if lines:
                data = text.encode() + b"\n"
            else:
                data = before + b"".join(b"data: " + line.encode() + b"\n" for line in text.split("\n")) + b"\n"
            if model == "cut" and number == 1:
                self.close_connection = True
                self.chunk(data[:9])
                return
            for at in range(0, len(data), 7):  # cut anywhere
                self.chunk(data[at:at + 7])
            if model == "slow":
                time.sleep(0.1)
        self.chunk(b"")

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    where, _, number = sys.argv[1].rpartition(":")
    http.server.ThreadingHTTPServer.request_queue_size = 512
    http.server.ThreadingHTTPServer((where, int(number)), Handler).serve_forever()
