/** What something failed with, in a word: a status, or the code or class of an error. */
export function failureReason(error: unknown): string {
  const { status, code, name } = (error ?? {}) as Record<string, unknown>;
  return String(status ?? code ?? name ?? 'unknown');
}
