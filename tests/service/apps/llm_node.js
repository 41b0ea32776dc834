/* GET /whole, /stream: asks the model at UPSTREAM by the openai client, and answers with its text; ?fetch by Node's own fetch. argv: port. */
const http = require("http");
const OpenAI = require("openai");

const options = { baseURL: `http://${process.env.UPSTREAM}/v1`, apiKey: "secret", maxRetries: 0 };
const byHttp = new OpenAI(options);
const byFetch = new OpenAI({ ...options, fetch: globalThis.fetch });

async function text(url) {
  const client = url.searchParams.has("fetch") ? byFetch : byHttp;
  const stream = url.pathname === "/stream";
  const asked = { model: "gpt-4o", messages: [{ role: "user", content: "the prompt is a secret" }], stream };
  const answer = await client.chat.completions.create(stream ? { ...asked, stream_options: { include_usage: true } } : asked);
  if (!stream) return answer.choices[0].message.content;
  const words = [];
  for await (const chunk of answer) if (chunk.choices.length) words.push(chunk.choices[0].delta.content);
  return words.join(" ");
}

http.createServer((request, response) => {
  text(new URL(request.url, "http://x")).then(
    (found) => response.end(found),
    (error) => { response.statusCode = 500; response.end(String(error)); });
}).listen(Number(process.argv[2]), "127.0.0.1");
