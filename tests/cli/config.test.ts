// The configuration: what is refused, above all in production, and that README's table tells all of it.

import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { developmentSecret, loadConfig, variables } from '../../server/config.ts'

const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://rowhouse_authenticator@db/rowhouse',
  JWT_ISSUER: 'https://provider.test',
  JWT_AUDIENCE: 'rowhouse',
  JWT_SECRET: 'q8Yk3vN2xLr7TzWb5HsJd9FgAc4MpUe6RtXy1KoZ',
}

describe('in production', () => {
  it('a complete configuration is taken', () => {
    expect(loadConfig(production).isProduction).toBe(true)
  })
  it.each([
    ['no secret', { JWT_SECRET: '' }],
    ['a short secret', { JWT_SECRET: 'q8Yk3vN2xLr7TzWb5HsJd9' }],
    ['a repeated character', { JWT_SECRET: 'a'.repeat(64) }],
    ['a placeholder', { JWT_SECRET: 'please-change-me-q8Yk3vN2xLr7TzWb5HsJd9' }],
    ['secret and key address', { JWT_JWKS_URL: 'https://provider.test/keys' }],
    ['no database', { DATABASE_URL: '' }],
    ['no issuer', { JWT_ISSUER: '' }],
    ['no audience', { JWT_AUDIENCE: '' }],
  ])('%s is refused', (_name, change) => {
    expect(() => loadConfig({ ...production, ...change })).toThrow(/not usable/)
  })
  it('everything that is wrong is said at once', () => {
    expect(() => loadConfig({ NODE_ENV: 'production', PORT: 'x' })).toThrow(
      /PORT[\s\S]*DATABASE_URL[\s\S]*JWT_SECRET[\s\S]*JWT_ISSUER[\s\S]*JWT_AUDIENCE/,
    )
  })
})

describe('what may be called', () => {
  it('is names, addresses and ranges', () => {
    const entries = ['wiki.intranet', '10.0.0.0/8', '127.0.0.1', '::1', 'fd00::/8']
    expect(loadConfig({ OUTGOING_ALLOW: entries.join(', ') }).OUTGOING_ALLOW).toEqual(entries)
  })
  it.each(['10.0.0.0/33', '::1/129', '10.0.0', '10.0.0.0/8/8', '10.0.0.0/', '*', 'http://a.test', 'a b'])(
    '%s is none of them',
    (entry) => expect(() => loadConfig({ OUTGOING_ALLOW: entry })).toThrow(/OUTGOING_ALLOW/),
  )
  it.each(['{', '[]', '{"a": "http://a.test"}', '"postgres://a"'])('%s is no list of databases', (value) =>
    expect(() => loadConfig({ SOURCE_DATABASES: value })).toThrow(/SOURCE_DATABASES/),
  )
})

describe('in development', () => {
  it('nothing needs to be set', () => {
    expect(loadConfig({})).toMatchObject({ PORT: 4000, PAGE_SIZE_MAX: 500, isProduction: false })
  })
  it('a secret is made once and readable by its owner only', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rowhouse-config-'))
    try {
      const config = loadConfig({ ROWHOUSE_DATA_DIR: directory })
      const [first, second] = await Promise.all([developmentSecret(config), developmentSecret(config)])
      expect(second).toBe(first)
      expect(first.length).toBeGreaterThanOrEqual(32)
      expect((await stat(join(directory, 'jwt-secret'))).mode & 0o777).toBe(0o600)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

it('README’s table names every variable, and no other', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const table = [...readme.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name)
  expect(table.sort()).toEqual(Object.keys(variables).sort())
})
