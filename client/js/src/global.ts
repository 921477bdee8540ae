import { CloseCode, Hearth, HearthError } from "./index.js";

/** For a script tag: `new Hearth(url)`, with the rest of the module on the class. */
Object.assign(globalThis, { Hearth: Object.assign(Hearth, { CloseCode, HearthError }) });
