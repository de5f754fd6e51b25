// Configuration comes from the environment and nowhere else. Every variable is described once, here: the server reads
// this table, and a test compares README's table with it.

import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { z } from 'zod'

const integer = (minimum: number, maximum: number) => z.coerce.number().int().min(minimum).max(maximum)
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean),
)
const isHostOrRange = (entry: string): boolean => {
  const [address = '', bits, ...more] = entry.split('/')
  const family = isIP(address)
  if (family === 0) return /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(entry) && !/^[\d.]+$/.test(entry)
  return (
    more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)))
  )
}
const postgresUrl = z.url({ protocol: /^postgres(ql)?$/ })

export const variables = {
  NODE_ENV: [
    z.enum(['development', 'production', 'test']).default('development'),
    'production turns on the checks below and turns Ruru off',
  ],
  HOST: [z.string().default('127.0.0.1'), 'address the server listens on'],
  PORT: [integer(0, 65_535).default(4000), 'port the server listens on; 0 takes a free one'],
  DATABASE_URL: [postgresUrl.optional(), 'database of server and worker; without it the embedded engine is started'],
  MIGRATION_DATABASE_URL: [
    postgresUrl.optional(),
    'login that runs migrations, when it is not the one of DATABASE_URL',
  ],
  ROWHOUSE_AUTHENTICATOR_PASSWORD: [
    z.string().optional(),
    "password that npm run migrate gives the server's login, rowhouse_authenticator",
  ],
  ROWHOUSE_EXTENSIONS: [
    z.string().optional(),
    'folders of extensions, separated by commas; each adds a schema of its name (docs/extending.md)',
  ],
  ROWHOUSE_DATA_DIR: [z.string().default('.rowhouse'), 'where the embedded engine and the development secret live'],
  POOL_SIZE: [
    integer(1, 500).default(10),
    'connections the server holds at most; the worker has as many of its own as it runs jobs, and two',
  ],
  POOL_WARM: [
    integer(0, 500).default(2),
    'connections of POOL_SIZE that are kept while nobody asks, ready for a search; with 0 none is kept for longer than 10 seconds. Not on the embedded engine',
  ],
  TENANT_POOL_PERCENT: [
    integer(1, 100).default(60),
    'part of POOL_SIZE that requests of one tenant may hold at once; further ones wait, then are answered with 503',
  ],
  QUEUE_TIMEOUT_MS: [
    integer(0, 600_000).optional(),
    'longest a request waits for a connection before it is answered with 503; 5000, on the embedded engine 30000',
  ],
  JWT_SECRET: [
    z.string().optional(),
    'HS256 secret, at least 32 random bytes; in development one is made when it is missing',
  ],
  SECRETS_KEY: [
    z.string().optional(),
    "master keys of tenants' secrets as id:base64 of 32 bytes, separated by commas, the current one first; in development one is made",
  ],
  SECRETS_KEY_FILE: [z.string().optional(), 'file that holds the master keys, one a line; instead of SECRETS_KEY'],
  JWT_JWKS_URL: [
    z.url({ protocol: /^https?$/ }).optional(),
    'keys of your identity provider (RS256, ES256, EdDSA); instead of JWT_SECRET',
  ],
  JWT_ISSUER: [z.string().optional(), 'issuer a token must name; required in production'],
  JWT_AUDIENCE: [z.string().optional(), 'audience a token must name; required in production'],
  JWT_TENANT_CLAIM: [z.string().default('tenant'), 'claim that names the tenant, when the x-tenant-id header does not'],
  CORS_ORIGINS: [
    list.default([]),
    'origins browsers may call from, separated by commas; none by default, in development those of this machine',
  ],
  BODY_LIMIT_BYTES: [
    integer(1_000, 100_000_000).default(10_000_000),
    'largest request; uploadFile takes a file in Base64, a third more than its bytes. PUT /files is not limited by it',
  ],
  QUERY_DEPTH_LIMIT: [integer(1, 100).default(20), 'deepest GraphQL query'],
  QUERY_COST_LIMIT: [
    integer(1, 1_000_000_000).default(100_000),
    'costliest GraphQL query: its fields, each times the page sizes around it; a page costs 10, a count or aggregate 50, a search 500',
  ],
  QUERY_COST_PER_CALL: [
    integer(1, 1_000_000_000).default(5_000),
    'cost of a query that counts as one API call; a costlier one counts as several, in rate limits, quotas and usage',
  ],
  QUERY_ROOT_FIELDS_LIMIT: [integer(1, 1_000).default(50), 'most fields at the root of a GraphQL query, aliases too'],
  QUERY_FIELDS_LIMIT: [
    integer(1, 10_000).default(1_000),
    'most fields of a GraphQL query, aliases and fields of fragments too; one with arguments or fields of its own counts five',
  ],
  RESPONSE_LIMIT_BYTES: [
    integer(1_000, 200_000_000).default(20_000_000),
    'largest answer to a GraphQL query; the rows read for it may be twice as large',
  ],
  PERSISTED_OPERATIONS: [
    z.string().optional(),
    'operations that clients may name by their SHA-256: a JSON file of hashes and texts, or a folder of .graphql files',
  ],
  PERSISTED_OPERATIONS_ONLY: [
    z.stringbool().default(false),
    'whether the operations of PERSISTED_OPERATIONS are the only ones that are served',
  ],
  LIVE_LIMIT: [
    integer(1, 1_000_000).default(10_000),
    'most subscriptions that the server keeps open, and most WebSockets',
  ],
  LIVE_LIMIT_PER_TENANT: [integer(1, 1_000_000).default(2_000), 'most subscriptions of one tenant on one server'],
  LIVE_LIMIT_PER_USER: [
    integer(1, 1_000_000).default(100),
    'most subscriptions of one person in all tenants on one server',
  ],
  PAGE_SIZE_DEFAULT: [integer(1, 10_000).default(50), 'rows of a connection when a query does not say'],
  PAGE_SIZE_MAX: [integer(1, 10_000).default(500), 'most rows of a connection a query may ask for'],
  STATEMENT_TIMEOUT_MS: [
    integer(100, 3_600_000).default(15_000),
    'longest a statement of a request may run; not on the embedded engine',
  ],
  WORKER_CONCURRENCY: [
    integer(0, 100).default(4),
    'jobs run at once by this process; 0 leaves the queue to npm run worker',
  ],
  WORKER_POLL_INTERVAL_MS: [
    integer(10, 60_000).default(2_000),
    'how often the queue is looked at besides notifications; 100 on the embedded engine',
  ],
  WORKER_STATEMENT_TIMEOUT_MS: [
    integer(1_000, 86_400_000).default(600_000),
    'longest a statement of a job may run; not on the embedded engine',
  ],
  INDEX_BUILD_TIMEOUT_MS: [
    // the queue gives a job to another worker after four hours
    integer(1_000, 14_000_000).default(10_800_000),
    "longest the build of a model's vector index may run, instead of WORKER_STATEMENT_TIMEOUT_MS",
  ],
  WORKER_PORT: [
    integer(0, 65_535).optional(),
    'port on which npm run worker answers /healthz, /readyz and /metrics, at HOST; 0 takes a free one, none by default',
  ],
  QUEUE_ALERT_SECONDS: [
    integer(0, 86_400).default(900),
    'how long a job that is due may wait before the log says so as an error, once for each task; 0 says nothing',
  ],
  SHUTDOWN_TIMEOUT_MS: [
    integer(0, 600_000).default(25_000),
    'longest the server waits for running requests and jobs when it is told to stop',
  ],
  LOG_LEVEL: [
    z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
    'least severe level that is logged',
  ],
  TRUST_PROXY: [
    integer(0, 10).default(0),
    'how many reverse proxies of yours stand before the server; the address of a client is then taken from X-Forwarded-For',
  ],
  SMTP_URL: [
    z.url({ protocol: /^smtps?$/ }).optional(),
    'mail server, such as smtps://user:password@host; without one mails are kept in ROWHOUSE_DATA_DIR/mail, in production they fail',
  ],
  MAIL_FROM: [z.string().default('Rowhouse <rowhouse@localhost>'), 'sender of mails'],
  APP_URL: [
    z
      .url({ protocol: /^https?$/ })
      .default('http://127.0.0.1:4000')
      .transform((value) => value.replace(/\/+$/, '')),
    'address of your front end, which links in mails lead to',
  ],
  OUTGOING_ALLOW: [
    list
      .refine(
        (entries) => entries.every(isHostOrRange),
        'must be names of hosts, addresses or ranges such as 10.0.0.0/8',
      )
      .default([]),
    'hosts, addresses and ranges (10.0.0.0/8) that may be called for knowledge sources, webhooks and tools although they are not public, separated by commas',
  ],
  SOURCE_DATABASES: [
    z
      .string()
      .transform((text, context): unknown => {
        try {
          return JSON.parse(text)
        } catch {
          context.addIssue('must be a JSON object')
          return z.NEVER
        }
      })
      .pipe(z.record(z.string(), postgresUrl))
      .optional(),
    'databases that knowledge sources may read: a JSON object of addresses by "tenant id/name"; source_config.connection is the name',
  ],
  OTEL_EXPORTER_OTLP_ENDPOINT: [
    z.url({ protocol: /^https?$/ }).optional(),
    "OTLP/HTTP collector that gets the server's own traces and metrics; none by default. OTEL_EXPORTER_OTLP_HEADERS and the like are read too",
  ],
  OTEL_SERVICE_NAME: [z.string().default('rowhouse'), 'name of the service in these traces and metrics'],
  OTEL_TRACES_SAMPLER_ARG: [
    z.coerce.number().min(0).max(1).default(1),
    'part of these traces that is sent, from 0 to 1; a trace that a client began is sent when the client sends it',
  ],
  METRICS_TOKEN: [z.string().optional(), 'bearer token that /metrics asks for; open without one'],
  STRIPE_SECRET_KEY: [
    z.string().optional(),
    'secret key of your Stripe account; without it only manual payments are taken',
  ],
  STRIPE_WEBHOOK_SECRET: [
    z.string().optional(),
    'signing secret of the Stripe webhook that points to /webhooks/stripe; without it the address does not exist',
  ],
  STRIPE_API_URL: [
    z.url({ protocol: /^https?$/ }).default('https://api.stripe.com'),
    "address of Stripe's API; another one for tests",
  ],
  INVOICE_FONT: [
    z.string().optional(),
    'TrueType or OpenType file that PDF invoices are set in; without it names beyond Western European letters show as ?',
  ],
  AUDIT_SIGNING_KEY: [
    z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits; make one with: openssl rand -hex 32')
      .optional(),
    'Ed25519 key, 64 hexadecimal digits, that signs the sealed audit; in development one is made, in production nothing is signed without it',
  ],
  AUDIT_ANCHORS: [
    list
      .refine((entries) => entries.every((entry) => /^(file|https?|postgres(ql)?):\/\//.test(entry)), {
        error: 'must be addresses that begin with file://, https:// or postgres://',
      })
      .default([]),
    'where the heads of the sealed audit are written, separated by commas: file:///path, https://… (JSON lines) or postgres://…',
  ],
  AUDIT_STREAM: [
    z.url({ protocol: /^(https?|syslog|file)$/ }).optional(),
    'where the entries of the audit are sent: https://… (JSON lines), syslog://host:601 (RFC 5424 over TCP) or file:///path',
  ],
} as const satisfies Record<string, readonly [z.ZodType, string]>

type Variables = { [K in keyof typeof variables]: z.output<(typeof variables)[K][0]> }
export type Config = Readonly<Variables & { isProduction: boolean; JWT_ISSUER: string; JWT_AUDIENCE: string }>

const placeholders = /secret|password|change|example|default|development|rowhouse|12345|qwerty/i

/** Reads and checks the environment. Throws one error that lists everything that is wrong. */
export function loadConfig(environment: NodeJS.ProcessEnv): Config {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, [schema]] of Object.entries(variables)) {
    // an empty variable is one that was not filled in
    const parsed = schema.safeParse(environment[name] || undefined)
    if (parsed.success) values[name] = parsed.data
    else problems.push(`${name}: ${parsed.error.issues.map(({ message }) => message).join(', ')}`)
  }
  const config = values as Variables
  const isProduction = config.NODE_ENV === 'production'
  if (config.JWT_SECRET && config.JWT_JWKS_URL) problems.push('JWT_SECRET and JWT_JWKS_URL: set one of them, not both')
  if (config.SECRETS_KEY && config.SECRETS_KEY_FILE) {
    problems.push('SECRETS_KEY and SECRETS_KEY_FILE: set one of them, not both')
  }
  if (config.PAGE_SIZE_DEFAULT > config.PAGE_SIZE_MAX) problems.push('PAGE_SIZE_DEFAULT: must not exceed PAGE_SIZE_MAX')
  if (config.PERSISTED_OPERATIONS_ONLY && !config.PERSISTED_OPERATIONS) {
    problems.push('PERSISTED_OPERATIONS: required by PERSISTED_OPERATIONS_ONLY')
  }
  if (isProduction) {
    if (!config.DATABASE_URL) problems.push('DATABASE_URL: required in production')
    if (!config.JWT_SECRET && !config.JWT_JWKS_URL) problems.push('JWT_SECRET or JWT_JWKS_URL: required in production')
    if (config.JWT_SECRET && !isStrongSecret(config.JWT_SECRET)) {
      problems.push('JWT_SECRET: too weak for production; make one with: openssl rand -base64 48')
    }
    if (!config.JWT_ISSUER) problems.push('JWT_ISSUER: required in production')
    if (!config.JWT_AUDIENCE) problems.push('JWT_AUDIENCE: required in production')
  }
  if (problems.length > 0) throw new Error(`The configuration is not usable:\n  ${problems.join('\n  ')}`)
  return Object.freeze({
    ...config,
    JWT_ISSUER: config.JWT_ISSUER ?? 'rowhouse-development',
    JWT_AUDIENCE: config.JWT_AUDIENCE ?? 'rowhouse',
    isProduction,
  })
}

function isStrongSecret(secret: string): boolean {
  return Buffer.byteLength(secret) >= 32 && new Set(secret).size >= 12 && !placeholders.test(secret)
}

/** The development secret. */
export async function developmentSecret(config: Config): Promise<string> {
  return config.JWT_SECRET ?? keptSecret(config, 'jwt-secret', () => randomBytes(48).toString('base64url'))
}

/** A secret of development: made once, kept in the data directory, readable by its owner only. */
export async function keptSecret(config: Config, name: string, make: () => string): Promise<string> {
  const path = join(config.ROWHOUSE_DATA_DIR, name)
  await mkdir(config.ROWHOUSE_DATA_DIR, { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, make(), { mode: 0o600 })
  try {
    // a link appears whole and once: whoever comes second finds it and reads it
    await link(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft, { force: true })
  }
  return readFile(path, 'utf8')
}
