import { randomUUID } from 'node:crypto';
import { eventually, OtlpReceiver } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RepositoryCopy, type StartedCopy } from './repository.copy.js';

describe('the generator, in a copy of this repository', () => {
  let copy: RepositoryCopy;

  beforeAll(async () => {
    copy = await RepositoryCopy.make();
  }, 120_000);

  afterAll(() => copy?.remove());

  it('writes nothing in a dry run', async () => {
    expect(await copy.succeed('nest', 'g', 'app', 'prices', '--dry-run')).toContain('apps/prices/src/main.ts');
    expect(await copy.changes()).toBe('');
  });

  it.each([
    [['app', 'cache'], 'it is that of libs/cache'],
    [['app'], 'A service needs a name'],
    [['client', 'prices'], '--project'],
    [['client', 'prices', '--project', 'nobody'], 'There is no service "nobody"'],
  ])('says in one line, and to scripts, why it refuses: %j', async (arguments_, reason) => {
    const { code, output } = await copy.run('nest', 'g', ...arguments_);
    expect([code, output.trim().split('\n')]).toEqual([1, [expect.stringContaining(reason)]]);
    expect(await copy.changes()).toBe('');
  });

  it('makes services that are formatted, built, tested and known to all that lists them', async () => {
    await copy.succeed('nest', 'g', 'app', 'prices');
    await copy.succeed('schematics', '@app/schematics:app', '--name=billing', '--database', '--calls=prices');
    await copy.succeed(
      'biome',
      'ci',
      '--error-on-warnings',
      'apps',
      'prometheus',
      'nest-cli.json',
      'docker-compose.yml',
    );
    // Nest's own generators, too.
    await copy.succeed('nest', 'g', 'resource', 'notes', '--type', 'rest', '--crud', 'true', '--project', 'prices');
    await copy.succeed('tsc', '-b', 'apps/prices/tsconfig.build.json', 'apps/billing/tsconfig.build.json');
    await copy.jest('apps/prices', 'apps/billing', 'test/compose', 'test/arrows', 'test/app-lists', 'test/env-example');
    await copy.jest('test/kubernetes', '-t', 'objects|runs nothing|selects|sets only|lets');
    const text = await copy.read('prometheus/prometheus.yml');
    for (const name of ['prices', 'billing']) expect(text).toContain(`          - ${name}\n`);
    expect(await copy.run('nest', 'g', 'app', 'billing')).toMatchObject({ code: 1 });
  }, 180_000);

  describe('started beside the others', () => {
    let otlp: OtlpReceiver;
    let services: StartedCopy;

    beforeAll(async () => {
      otlp = await OtlpReceiver.start();
      services = await copy.start(otlp.env);
    }, 180_000);

    afterAll(async () => {
      await services?.stop();
      await otlp?.stop();
    });

    it('lets a new service be called, and shows it in health, metrics and a trace that crosses it', async () => {
      const { url, admin } = services.addressOf('billing');
      const [id, traceId] = [randomUUID(), randomUUID().replaceAll('-', '')];
      const answer = await fetch(`${url}/billing/prices/${id}`, {
        headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
      });
      expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ id })]);

      const prices = services.addressOf('prices').url;
      expect(await (await fetch(`${prices}/notes`)).text()).toBe('This action returns all notes');

      const health = await (await fetch(`${admin}/healthz`)).json();
      expect(health).toMatchObject({ status: 'ok' });
      expect(await (await fetch(`${admin}/metrics`)).text()).toMatch(/http_server_request.*"\/billing\/prices\/:id"/);
      await eventually('both services are in one trace', () =>
        ['billing', 'prices'].every((name) =>
          otlp.trace(traceId).some(({ service, kind }) => service === name && kind === 2),
        ),
      );
    });
  });

  it('is undone by git, whatever folders stay behind', async () => {
    await copy.succeed('git', 'checkout', '--quiet', '.');
    await copy.succeed('git', 'clean', '--force', '-d', '--quiet');
    await copy.jest('test/app-lists', 'test/env-example', 'prometheus/src/generated');
    expect(await copy.changes()).toBe('');
  }, 60_000);
});
