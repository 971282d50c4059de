/** The suite cannot leave the machine: not from a test, not from a child process, not by name, not by UDP. 192.0.2.1 is TEST-NET-1 (RFC 5737). */
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns";
import { lookup as lookupPromise } from "node:dns/promises";
import { type AddressInfo, connect, createServer } from "node:net";

function connectError(host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 9 });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    socket.on("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
  });
}

test.each(["192.0.2.1", "10.0.0.1", "example.com", "2001:db8::1"])("TCP to %s is refused", async (host) => {
  expect(await connectError(host)).toBe("ERR_LOOPBACK_ONLY");
});

test("fetch is refused", async () => {
  const error = await fetch("http://192.0.2.1:8081/").catch((cause: Error) => cause);
  expect((error as Error).cause).toMatchObject({ code: "ERR_LOOPBACK_ONLY" });
});

test("names are not looked up", async () => {
  await expect(lookupPromise("example.com")).rejects.toMatchObject({ code: "ERR_LOOPBACK_ONLY" });
  const code = await new Promise((resolve) => lookup("example.com", (error) => resolve(error?.code)));
  expect(code).toBe("ERR_LOOPBACK_ONLY");
});

test("UDP is refused", () => {
  const socket = createSocket("udp4");
  expect(() => socket.send("x", 9, "192.0.2.1")).toThrow(/loopback addresses only/);
  socket.close();
});

test("a child process is held to the same", () => {
  const script = `require("net").connect(9, "192.0.2.1").on("error", (error) => { console.log(error.code); process.exit(0); })`;
  const child = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", timeout: 20_000 });
  expect(child.stdout.trim()).toBe("ERR_LOOPBACK_ONLY");
});

test("loopback works", async () => {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const reached = await new Promise((resolve) =>
    connect(port, "127.0.0.1", () => resolve(true))
      .on("error", resolve)
      .on("data", () => {}),
  );
  expect(reached).toBe(true);
  await new Promise((resolve) => server.close(resolve));
});
