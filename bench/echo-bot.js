// The echo bot of `servers.js` as a module, for a process of its own.
export default async function bot({ websocket }, session) {
  websocket.on('message', (data, isBinary) => websocket.send(data, { binary: isBinary }));
  session.ready();
  await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
}
