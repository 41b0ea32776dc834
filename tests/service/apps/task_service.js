// The same service of tasks on Express. It logs to standard output, one JSON object a line. argv: port.
"use strict";
const express = require("express");
const mysql = require("mysql2/promise");
const pg = require("pg");
const redis = require("redis");

const app = express();
const pool = [];
const log = (fields) => console.log(JSON.stringify(fields));
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

async function connect(kind) {
  const port = Number(process.env[kind]);
  if (kind === "POSTGRES") {
    const client = new pg.Client({ host: "127.0.0.1", port, user: "postgres" });
    await client.connect();
    return () => client.end();
  }
  if (kind === "MYSQL") {
    const connection = await mysql.createConnection({ host: "127.0.0.1", port, user: "root" });
    return () => connection.end();
  }
  const client = redis.createClient({ socket: { host: "127.0.0.1", port } });
  await client.connect();
  return () => client.quit();
}

app.use(express.json());

app.post("/tasks", (req, res) => {
  const task = req.body.task;
  if (task.arm === "none") {
    log({ level: "error", event: "task.failed", error_code: "no_arm", logger: "planner", task });
    res.status(422).json({ error: "there is no such arm" });
    return;
  }
  log({ level: "info", event: "task.created", logger: "planner", task });
  res.status(201).json({ task: { id: 17, ...task } });
});

app.post("/tasks/:number/run", async (req, res) => {
  await sleep(Number(req.query.seconds ?? 0));
  log({ level: "info", event: "task.completed", logger: "executor", number: req.params.number, task: req.body.task });
  res.json({ done: true });
});

app.post("/cache/:name/:size", (req, res) => {
  log({ level: "info", event: "cache.size", logger: "cache", cache: req.params.name, bytes: Number(req.params.size) });
  res.json({ size: Number(req.params.size) });
});

app.get("/redis", async (req, res) => {
  const client = redis.createClient({ socket: { host: "127.0.0.1", port: Number(process.env.REDIS) } });
  await client.connect();
  await client.set("fake", "# Memory\r\nused_memory:1\r\n");
  const [, info] = await Promise.all([client.get("fake"), client.info(), client.get("fake")]);
  await client.quit();
  res.json({ used: Number(/^used_memory:(\d+)/m.exec(info)[1]) });
});

app.post("/connect/:kind/:number", async (req, res) => {
  for (let i = 0; i < Number(req.params.number); i++) pool.push(await connect(req.params.kind));
  res.json({ pool: pool.length });
});

app.post("/close", async (req, res) => {
  while (pool.length) await pool.pop()();
  res.json({ pool: 0 });
});

app.listen(Number(process.argv[2]), "127.0.0.1");
