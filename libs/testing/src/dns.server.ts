import { createSocket, type Socket } from 'node:dgram';
import { decode, encode, type Packet, type SrvAnswer, type StringAnswer } from 'dns-packet';

export type DnsRecord = StringAnswer | SrvAnswer;

/** A DNS server for names of our own, by UDP. @see https://www.rfc-editor.org/rfc/rfc1035 */
export class DnsServer {
  records: DnsRecord[] = [];
  /** What it does with questions: answers, says that it cannot (SERVFAIL), or is silent. */
  mood: 'well' | 'failing' | 'silent' = 'well';
  questions = 0;

  private constructor(private readonly socket: Socket) {
    socket.on('message', (message, { port, address }) => {
      this.questions += 1;
      if (this.mood !== 'silent') socket.send(encode(this.answer(decode(message))), port, address);
    });
  }

  static async start(port = 0): Promise<DnsServer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
    return new DnsServer(socket);
  }

  get address(): string {
    const { address, port } = this.socket.address();
    return `${address}:${port}`;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.socket.close(resolve));
  }

  private answer({ id = 0, questions = [] }: Packet): Packet {
    const [{ name, type } = { name: '', type: 'A' }] = questions;
    const named = this.records.filter((record) => record.name.toLowerCase() === name.toLowerCase());
    const rcode = this.mood === 'failing' ? rcodes.SERVFAIL : named.length === 0 ? rcodes.NXDOMAIN : 0;
    const answers = rcode === 0 ? named.filter((record) => record.type === type) : [];
    return { type: 'response', id, flags: authoritative | recursionAvailable | rcode, questions, answers } as Packet;
  }
}

const authoritative = 1 << 10;
const recursionAvailable = 1 << 7;
const rcodes = { SERVFAIL: 2, NXDOMAIN: 3 };
