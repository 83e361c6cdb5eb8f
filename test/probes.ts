export interface Probe {
  httpStatus: number;
  status: string;
  details: Record<string, { status: string; reason?: string }>;
}

/** Asks a service how it is, as an orchestrator does. */
export async function probe(service: { admin: string }, path: 'livez' | 'readyz' | 'healthz'): Promise<Probe> {
  const response = await fetch(`${service.admin}/${path}`, { signal: AbortSignal.timeout(5_000) });
  return { httpStatus: response.status, ...((await response.json()) as Omit<Probe, 'httpStatus'>) };
}
