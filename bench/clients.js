import { HttpClient } from '@app/resilience';
import axios from 'axios';
import axiosRetry from 'axios-retry';
import { policies } from './policies.js';

const path = '/payments/42';

/** Who is compared by `pnpm bench outbound`: how each makes one call to an upstream. The first is what the others are compared with, in the quick form only those that are `quick`. */
export const clients = [
  { name: 'axios', title: 'bare axios', create: (baseURL) => bareAxios(baseURL) },
  { name: 'control', title: 'the same once more: A/A control', quick: true, create: (baseURL) => bareAxios(baseURL) },
  { name: 'ours', title: 'our typed client, everything on', quick: true, create: ours },
  { name: 'axios-retry', title: 'axios + axios-retry', create: (baseURL) => withRetry(baseURL) },
  {
    name: 'opossum',
    title: 'axios + axios-retry + opossum',
    create: (baseURL) => wrapped('opossum', withRetry(baseURL)),
  },
  {
    name: 'cockatiel',
    title: 'axios + cockatiel, everything wrapped',
    create: (baseURL) => wrapped('cockatiel', bareAxios(baseURL)),
  },
];

function bareAxios(baseURL) {
  const http = axios.create({ baseURL });
  return async () => (await http.get(path)).data;
}

function withRetry(baseURL) {
  const http = axios.create({ baseURL });
  axiosRetry(http, { retries: 2 });
  return async () => (await http.get(path)).data;
}

function wrapped(name, work) {
  return policies.find((policy) => policy.name === name).create(work).call;
}

function ours(baseUrl) {
  let events = 0;
  const http = new HttpClient('bench', { baseUrl }, { emit: () => (events += 1) });
  return async () => (await http.get(path)).data;
}
