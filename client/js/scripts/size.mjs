// The core, minified and compressed as a server would send it, must fit its budget.
import { readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";

const budget = 5000; // bytes
const size = brotliCompressSync(readFileSync("dist/hearth.global.js")).length;
console.log(`dist/hearth.global.js: ${size} of ${budget} bytes, brotli`);
if (size > budget) process.exit(1);
