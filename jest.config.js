const swc = {
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    keepClassNames: true,
  },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};

/** Rooms are read from source, so that specs need no build. */
const project = {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@app/source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', swc] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['/dist/'],
};

export default {
  coverageProvider: 'v8',
  workerIdleMemoryLimit: '512MB',
  // System tests wait more than they compute, so the main process needs no core of its own.
  maxWorkers: '100%',
  // System tests start servers and services; unit specs take milliseconds.
  testTimeout: 60_000,
  projects: [
    {
      ...project,
      displayName: 'unit',
      setupFiles: ['<rootDir>/jest.setup.js'],
      testMatch: [
        '<rootDir>/{apps,libs}/*/src/**/*.spec.ts',
        '<rootDir>/{grafana,prometheus}/src/**/*.spec.ts',
        '<rootDir>/tools/**/*.spec.ts',
      ],
    },
    {
      ...project,
      displayName: 'system',
      testMatch: ['<rootDir>/test/**/*.spec.ts', '<rootDir>/apps/*/test/**/*.spec.ts', '<rootDir>/bench/*.spec.ts'],
    },
  ],
};
