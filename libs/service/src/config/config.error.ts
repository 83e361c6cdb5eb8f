/** A configuration that a service cannot start with. The message names every problem. */
export class ConfigError extends Error {
  constructor(
    readonly service: string,
    readonly problems: readonly string[],
  ) {
    super(
      [
        `${service} cannot start: its configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}.`,
        ...problems.map((problem) => `  - ${problem}`),
        'Every variable is described in .env.example.',
      ].join('\n'),
    );
    this.name = 'ConfigError';
  }
}
