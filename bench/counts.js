/**
 * What is wrong with what a contestant left behind: it must have answered everything well, and logged and traced what it claims to.
 * Requests under way when a burst is cut off may be in the counts or not, and who is sampled is drawn by lot.
 */
export function wrongCounts({ title, answered, failed, logLines, spans, expected, bursts }, connections) {
  const cutOff = connections * bursts;
  const { logged, sampled, spansPerTrace } = expected;
  const wrong = (what, count, share, each = 1) => {
    const low = answered * share - 6 * deviation(answered, share);
    const high = (answered + cutOff) * share + 6 * deviation(answered + cutOff, share);
    return count < Math.floor(low * each) || count > Math.ceil(high * each)
      ? [`${title}: ${count} ${what} of ${answered} requests, instead of ${Math.round(answered * share * each)}`]
      : [];
  };
  return [
    ...(answered === 0 ? [`${title}: nothing was answered`] : []),
    ...(failed > 0 ? [`${title}: ${failed} of ${answered + failed} requests failed`] : []),
    ...wrong('log lines', logLines, logged),
    ...wrong('spans', spans, sampled, spansPerTrace),
  ];
}

/** What is wrong with what a client did: every call must have brought its answer. */
export function wrongCalls({ title, calls, failed }) {
  if (calls === 0) return [`${title}: no call was made`];
  return failed > 0 ? [`${title}: ${failed} of ${calls} calls failed`] : [];
}

/** Whoever promises events must have told them. */
export function unheard({ name, title, events }) {
  return name === 'bare' || events > 0 ? [] : [`${title}: no event was told`];
}

/** Standard deviation of how many of `n` a lottery picks. */
function deviation(n, share) {
  return Math.sqrt(n * share * (1 - share));
}
