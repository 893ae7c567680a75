// Calls methods of the official Node client: one request for each line of standard input,
// {"method", "args"}, one answer for each on standard output. Bytes are {"base64"} both ways.
// Reads the base URL and the key from the environment.

const readline = require('node:readline');
const axios = require('axios');
const { NotifyClient } = require('notifications-node-client');

const client = new NotifyClient(process.env.NOTIFY_API_URL, process.env.KEY);

// What the client sent, and what it was answered, as it passes by.
let exchange = null;
const recording = axios.create();
recording.interceptors.response.use(
  (response) => {
    exchange = response;
    return response;
  },
  (error) => {
    exchange = error.response ?? null;
    return Promise.reject(error);
  },
);
client.setClient(recording);

const packed = (value) => (Buffer.isBuffer(value) ? { base64: value.toString('base64') } : value);
const unpacked = (value) => (value?.base64 === undefined ? value : Buffer.from(value.base64, 'base64'));

async function answer({ method, args }) {
  if (method === undefined) return { value: Object.keys(NotifyClient.prototype) };
  exchange = null;
  const said = {};
  try {
    const value = await client[method](...args.map(unpacked));
    // The client gives the whole answer, or only what it holds.
    said.value = packed(value === exchange ? value?.data : value);
  } catch (error) {
    said.error = error.response?.data ?? { thrown: String(error) };
  }
  if (exchange !== null) {
    said.status = exchange.status;
    said.headers = { ...exchange.headers };
    said.agent = exchange.config.headers['User-Agent'];
  }
  return said;
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n');
});
