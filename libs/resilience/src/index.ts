export { type AttemptEvent, type ResilienceEvent, ResilienceEvents } from './events/resilience.events.js';
export { createHttpClient, HttpClient } from './http/http-client.js';
export { HttpClientModule, type HttpClientModuleOptions } from './http/http-client.module.js';
export { type HttpClientOptions, httpClientEnv, httpClientOptions } from './http/http-client.options.js';
