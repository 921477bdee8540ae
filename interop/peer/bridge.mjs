// Connections of a WebSocket class that somebody else commands, by objects:
//   { n, url }   opens connection n
//   { n, text }  sends on it
// and hears of: { n, text }, and at the end { n, code, reason }.
export function bridge(WebSocket, tell) {
  const sockets = new Map();
  return ({ n, url, text }) => {
    if (!url) return sockets.get(n).send(text);
    const socket = new WebSocket(url);
    const early = [];
    sockets.set(n, { send: (more) => early.push(more) });
    socket.onopen = () => {
      sockets.set(n, socket);
      for (const more of early) socket.send(more);
    };
    socket.onmessage = (e) => tell({ n, text: String(e.data) });
    socket.onclose = (e) => tell({ n, code: e.code, reason: e.reason });
    socket.onerror = () => {}; // close follows
  };
}
