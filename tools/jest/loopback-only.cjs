/**
 * Refuses every connection that leaves the machine: TCP, UDP and name look-ups. The test environment loads it, and NODE_OPTIONS hands it
 * on to the child processes that tests start.
 */
"use strict";
const dgram = require("node:dgram");
const dns = require("node:dns");
const net = require("node:net");

const installed = Symbol.for("codex.loopbackOnly");

function isLoopback(host) {
  if (host === undefined || host === null || host === "") return true;
  const name = String(host)
    .replace(/^\[|\]$/g, "")
    .toLowerCase();
  if (name === "localhost" || name === "::1") return true;
  const mapped = name.startsWith("::ffff:") ? name.slice(7) : name;
  return net.isIPv4(mapped) && mapped.startsWith("127.");
}

function refusal(host) {
  return Object.assign(new Error(`tests may open loopback addresses only, not ${host}`), { code: "ERR_LOOPBACK_ONLY" });
}

if (!globalThis[installed]) {
  globalThis[installed] = true;

  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...args) {
    const first = Array.isArray(args[0]) ? args[0][0] : args[0];
    const isPath =
      typeof first === "object" ? first?.path !== undefined : typeof first === "string" && Number.isNaN(Number(first));
    const host = typeof first === "object" ? first?.host : typeof args[1] === "string" ? args[1] : undefined;
    if (!isPath && !isLoopback(host)) {
      process.nextTick(() => this.destroy(refusal(host)));
      return this;
    }
    return connect.apply(this, args);
  };

  const send = dgram.Socket.prototype.send;
  dgram.Socket.prototype.send = function (...args) {
    const host = args.find((argument, index) => index > 0 && typeof argument === "string");
    if (!isLoopback(host)) throw refusal(host);
    return send.apply(this, args);
  };

  for (const [api, promised] of [
    [dns, false],
    [dns.promises, true],
  ]) {
    for (const name of ["lookup", "resolve", "resolve4", "resolve6", "resolveAny"]) {
      const original = api[name];
      api[name] = function (host, ...rest) {
        if (isLoopback(host)) return original.call(this, host, ...rest);
        if (promised) return Promise.reject(refusal(host));
        process.nextTick(() => rest.at(-1)(refusal(host)));
      };
    }
  }
}

const flag = `--require ${JSON.stringify(__filename)}`;
if (!(process.env.NODE_OPTIONS ?? "").includes(flag)) {
  process.env.NODE_OPTIONS = [process.env.NODE_OPTIONS, flag].filter(Boolean).join(" ");
}
