/** A client's base address that names a service instead of a host: `k8s:http://payments.shop:http/api`, or a list of hosts. */
export interface ServiceAddress {
  /** What knows its instances: `dns`, `k8s`; empty for a list. */
  source: string;
  scheme: 'http' | 'https';
  /** What stands between `//` and the path: the service as its source calls it, or hosts with a comma between them. */
  authority: string;
  /** Empty, or `/api`. */
  path: string;
  options: URLSearchParams;
}

const form =
  /^(?:(?<source>[a-z][a-z0-9+]*):)?(?<scheme>https?):\/\/(?<authority>[^/?#@\s]+)(?<path>\/[^?#\s]*)?(?:\?(?<query>[^#\s]*))?$/;

/** Takes an address apart; nothing for one that names a single host, which needs nobody to find it. */
export function serviceAddressOf(baseUrl: string): ServiceAddress | undefined {
  const { source = '', scheme, authority = '', path = '', query } = form.exec(baseUrl)?.groups ?? {};
  if (!scheme || !(source || authority.includes(','))) return undefined;
  return { source, scheme: scheme as 'http' | 'https', authority, path, options: new URLSearchParams(query) };
}

/** Whether something can be called at this address: a URL, or a {@link ServiceAddress}. */
export function isBaseUrl(baseUrl: string): boolean {
  return serviceAddressOf(baseUrl) !== undefined || (/^https?:\/\//.test(baseUrl) && URL.canParse(baseUrl));
}

/** The address as one URL, to build requests from and to show: its host is the service's name, or the client's where that is no host. */
export function urlOfService({ scheme, authority, path }: ServiceAddress, client: string): URL {
  const named = `${scheme}://${authority}${path}`;
  return new URL(authority.includes(',') || !URL.canParse(named) ? `${scheme}://${client}${path}` : named);
}
