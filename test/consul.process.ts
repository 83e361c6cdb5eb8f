import { execFileSync, spawn } from 'node:child_process';
import { eventually, freePort } from '@app/testing';

/** Whether this machine has it. It is in no Debian, so nobody has to, in CI neither. */
export function hasConsul(): boolean {
  try {
    execFileSync('consul', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stdout.write('consul is not on this machine: what is tested with its API is not tested with itself\n');
    return false;
  }
}

/** A real Consul, as a server of its own that keeps nothing, where the program is on this machine. */
export async function startConsul(): Promise<{ url: string; stop(): Promise<unknown> }> {
  const [http, server, lan, wan] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const ports = [`-http-port=${http}`, `-server-port=${server}`, `-serf-lan-port=${lan}`, `-serf-wan-port=${wan}`];
  const none = ['-dns-port=-1', '-grpc-port=-1'];
  const child = spawn('consul', ['agent', '-dev', '-bind=127.0.0.1', ...ports, ...none], { stdio: 'ignore' });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${http}`;
  await eventually(
    'Consul has elected itself',
    async () => (await fetch(`${url}/v1/health/node/${await nodeOf(url)}`)).ok,
    { timeoutMs: 20_000 },
  );
  return {
    url,
    stop() {
      child.kill('SIGKILL');
      return exited;
    },
  };
}

async function nodeOf(url: string): Promise<string> {
  const self = await fetch(`${url}/v1/agent/self`);
  const { Config } = (await self.json()) as { Config: { NodeName: string } };
  return Config.NodeName;
}
