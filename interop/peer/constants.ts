// Prints the constants of the original, and what its functions make of samples,
// as JSON: { "WebSocketEvents.AUTHENTICATE": "authenticate", … }.
import * as helpers from '@venizia/ignis-helpers';

const all: Record<string, unknown> = {};
for (const name of ['WebSocketEvents', 'WebSocketChannels', 'WebSocketDefaults', 'WebSocketMessageTypes', 'WebSocketClientStates']) {
  const holder = (helpers as any)[name];
  for (const member of Object.getOwnPropertyNames(holder)) {
    if (['length', 'name', 'prototype'].includes(member)) continue;
    let value = holder[member];
    if (member === 'isValid') value = [...holder.SCHEME_SET, 'x', ''].map((v) => holder.isValid(v));
    else if (typeof value === 'function') value = holder[member]({ room: '<x>', clientId: '<x>', userId: '<x>' });
    all[`${name}.${member}`] = value instanceof Set ? [...value] : value;
  }
}
console.log('CONSTANTS', JSON.stringify(all));
