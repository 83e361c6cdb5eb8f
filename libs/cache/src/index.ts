export { Cache, type Cached, type CacheEntry } from './cache.js';
export { CacheModule, type CacheModuleOptions } from './cache.module.js';
export { type CacheOptions, cacheEnv } from './cache.options.js';
export { CacheStatusInterceptor } from './cache-status.interceptor.js';
