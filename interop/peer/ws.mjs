// Clients of the npm package ws, on Node: commands are lines of its input, what
// they hear is lines of its output; see bridge.mjs.
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { bridge } from './bridge.mjs';

const command = bridge(WebSocket, (heard) => console.log(JSON.stringify(heard)));
createInterface({ input: process.stdin })
  .on('line', (line) => command(JSON.parse(line)))
  .on('close', () => process.exit(0));
