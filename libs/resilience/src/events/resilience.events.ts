/** One HTTP request that left the process, whatever came of it. */
export interface AttemptEvent {
  type: 'attempt';
  /** Name of the client, such as `payments`. */
  client: string;
  method: string;
  /** Host and port of the client's base address. */
  serverAddress: string;
  serverPort: number;
  durationMs: number;
  /** Status of the answer, when there was one. */
  statusCode?: number;
  /** Code of the failure, such as `ECONNREFUSED`, when there was no answer. */
  errorType?: string;
}

export type ResilienceEvent = AttemptEvent;

/** The one port through which policies and clients tell what happened. Provide it under this token; without one nobody listens. */
export abstract class ResilienceEvents {
  abstract emit(event: ResilienceEvent): void;
}
