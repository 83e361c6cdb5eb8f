import { Axios, type AxiosInstance, type AxiosRequestConfig, type AxiosResponse } from 'axios';

const options = [
  'url',
  'method',
  'headers',
  'params',
  'paramsSerializer',
  'data',
  'signal',
  'responseType',
  'transformRequest',
  'transformResponse',
  'validateStatus',
] as const satisfies (keyof AxiosRequestConfig)[];

/** What one request may say. The rest is the client's: axios' other options would be ignored here, or lead around a policy. */
export type HttpRequest<D = unknown> = Pick<AxiosRequestConfig<D>, (typeof options)[number]>;

const known: ReadonlySet<string> = new Set(options);

/** The name of an option that is not of {@link HttpRequest}, if there is one. */
export function unknownOption(request: object): string | undefined {
  for (const [name, value] of Object.entries(request)) if (value !== undefined && !known.has(name)) return name;
  return undefined;
}

interface HttpMethods extends Pick<AxiosInstance, 'defaults' | 'interceptors' | 'getUri'> {
  request<T = unknown, R = AxiosResponse<T>, D = unknown>(
    urlOrRequest: string | HttpRequest<D>,
    request?: HttpRequest<D>,
  ): Promise<R>;
  get<T = unknown, R = AxiosResponse<T>>(url: string, request?: HttpRequest): Promise<R>;
  head<T = unknown, R = AxiosResponse<T>>(url: string, request?: HttpRequest): Promise<R>;
  options<T = unknown, R = AxiosResponse<T>>(url: string, request?: HttpRequest): Promise<R>;
  delete<T = unknown, R = AxiosResponse<T>>(url: string, request?: HttpRequest): Promise<R>;
  post<T = unknown, R = AxiosResponse<T>, D = unknown>(url: string, data?: D, request?: HttpRequest<D>): Promise<R>;
  put<T = unknown, R = AxiosResponse<T>, D = unknown>(url: string, data?: D, request?: HttpRequest<D>): Promise<R>;
  patch<T = unknown, R = AxiosResponse<T>, D = unknown>(url: string, data?: D, request?: HttpRequest<D>): Promise<R>;
}

/** axios' class with its methods as they are here. */
export const HttpMethods = Axios as unknown as new () => HttpMethods;
