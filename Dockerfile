# One image for server, worker and migrations: Node runs the TypeScript itself, so there is nothing to build.
# The application belongs to root and runs as node, which can change none of it.
FROM node:24.21-bookworm-slim

ENV NODE_ENV=production
WORKDIR /app

# The dependencies first: this layer changes only with the lock file. Their install scripts only fetch a second Node.
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force

COPY migrations ./migrations
COPY sql ./sql
COPY generated/schema.sql ./generated/schema.sql
COPY seeds ./seeds
COPY scripts ./scripts
COPY tasks ./tasks
COPY server ./server
COPY server.ts ./

USER node
ENV HOST=0.0.0.0 PORT=4000
EXPOSE 4000

# node itself, not npm: npm would keep the signal that asks the server to finish what it is doing
CMD ["node", "server.ts"]
