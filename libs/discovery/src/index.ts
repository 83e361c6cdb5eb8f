export { type BalancerEvents, InstanceBalancer } from './balancer/instance.balancer.js';
export { type DiscoveryOptions, discoveryEnv, discoveryOptions } from './discovery.env.js';
export { DiscoveryModule, type DiscoveryModuleOptions } from './discovery.module.js';
export { Registration } from './registration/registration.js';
export { ServiceDiscovery } from './service.discovery.js';
