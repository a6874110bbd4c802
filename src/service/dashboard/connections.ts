/**
 * Bounds the connections of a server: the connection that has been idle longest makes room for a new one.
 * Guarantees: a thousand connections that say nothing keep nobody out, and one with a request under way is never cut.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { limits } from './data/limits.js';

export function boundConnections(server: Server): void {
  /** `idle`: in the order in which they became so. `busy`: how many requests are under way. */
  const idle = new Set<Socket>();
  const busy = new Map<Socket, number>();
  server.on('connection', (socket: Socket) => {
    idle.add(socket);
    socket.once('close', () => {
      idle.delete(socket);
      busy.delete(socket);
    });
    if (idle.size + busy.size <= limits.connectionsMax) return;
    const [longest] = idle;
    longest?.destroy();
  });
  server.on('request', ({ socket }, response) => {
    idle.delete(socket);
    busy.set(socket, (busy.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const left = (busy.get(socket) ?? 1) - 1;
      if (left > 0) busy.set(socket, left);
      else if (busy.delete(socket) && !socket.destroyed) idle.add(socket);
    });
  });
}
