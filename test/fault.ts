const headers = { 'content-type': 'application/json' };

/** Asks a service to fail on purpose. */
export async function injectFault(service: { admin: string }, fault: object): Promise<void> {
  const response = await fetch(`${service.admin}/faults`, { method: 'POST', headers, body: JSON.stringify(fault) });
  if (!response.ok) throw new Error(await response.text());
}

export async function clearFaults(service: { admin: string }): Promise<void> {
  await fetch(`${service.admin}/faults`, { method: 'DELETE', headers, body: '{}' });
}
