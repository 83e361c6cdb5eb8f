# One image for each app: docker build --build-arg APP=billing --tag ballast/billing .
# What is built is the same for all of them, so only the last steps differ from app to app.
ARG NODE_VERSION=24.21.0
FROM node:${NODE_VERSION}-trixie-slim AS build
ARG PNPM_VERSION=12.21.0
ENV CI=true
RUN npm install --global pnpm@${PNPM_VERSION}
WORKDIR /repository
COPY pnpm-lock.yaml pnpm-workspace.yaml ./
RUN pnpm fetch
COPY . .
RUN pnpm install --offline --frozen-lockfile \
  && pnpm exec tsc -b $(ls -d apps/*/tsconfig.build.json)
ARG APP
RUN pnpm --filter @app/${APP} deploy --prod /app

FROM node:${NODE_VERSION}-trixie-slim
WORKDIR /app
COPY --from=build --chown=root:root /app ./
# Every container has the same ports; where they are published is compose's to say.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 ADMIN_PORT=9000
# The heap may have so much of the container's memory limit. With that alone young objects would have 1 MiB, and be collected all the time.
ENV NODE_OPTIONS="--max-old-space-size-percentage=60 --max-semi-space-size=16"
EXPOSE 3000 9000
USER node
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.ADMIN_PORT + '/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--import", "@app/telemetry/register", "dist/main.js"]
