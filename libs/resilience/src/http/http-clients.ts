import type { HttpClient } from './http-client.js';

/** The clients of a service, by name: what operators look at. Provide it for the whole service; {@link HttpClientModule} adds to it. */
export class HttpClients extends Map<string, HttpClient> {}
