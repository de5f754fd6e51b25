// The life cycle of a database: up, down, up again, and what doctor and the server make of each state.

import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { sqlOf } from '../../scripts/generate.ts'
import { isCurrent, migrateDown, migrateUp, migrationState } from '../../server/migrations.ts'
import { cloneTemplate, engine } from '../helpers/index.ts'

async function onClone<T>(work: (url: string, client: pg.Client) => Promise<T>): Promise<T> {
  const clone = await cloneTemplate()
  const client = new pg.Client({ connectionString: clone.url })
  try {
    await client.connect()
    return await work(clone.url, client)
  } finally {
    await client.end()
    await clone.drop()
  }
}

describe('migrations', () => {
  it('leave the same schema after up → down → up', async (context) => {
    if (engine().kind !== 'postgres') context.skip('pg_dump needs a server of its own version')
    await onClone(async (url) => {
      const before = await sqlOf(url)
      await migrateDown(url, 1000)
      await migrateUp(url)
      expect(await sqlOf(url)).toBe(before)
    })
  })

  it('can be reverted one by one down to nothing, and applied again', () =>
    onClone(async (url, client) => {
      const { applied } = await migrationState(client)
      for (let left = applied.length - 1; left >= 0; left -= 1) {
        await migrateDown(url, 1)
        const state = await migrationState(client)
        expect(state.applied).toHaveLength(left)
        expect(isCurrent(state)).toBe(false)
      }
      const { rows } = await client.query(`select nspname from pg_namespace where nspname like 'app\\_%'`)
      expect(rows).toEqual([])
      await migrateUp(url)
      expect(isCurrent(await migrationState(client))).toBe(true)
    }))

  it('can be applied again and change nothing', () =>
    onClone(async (url, client) => {
      await migrateUp(url)
      await migrateUp(url)
      expect(isCurrent(await migrationState(client))).toBe(true)
    }))

  it('are refused by a check of security, and then leave the rules as they were', () =>
    onClone(async (url, client) => {
      await client.query('set role rowhouse_owner; create table app_public.forgotten (id int primary key); reset role')
      await expect(migrateUp(url)).rejects.toMatchObject({ code: 'RH903' })
      expect(isCurrent(await migrationState(client))).toBe(true)
    }))

  it('are reported as pending, unknown or out of order', () =>
    onClone(async (_url, client) => {
      await client.query(
        `update rowhouse_migrations.migrations set name = '9999_from_the_future' where name = '0005_catalog'`,
      )
      const state = await migrationState(client)
      expect(state.unknown).toEqual(['9999_from_the_future'])
      expect(state.pending).toEqual(['0005_catalog'])
      expect(isCurrent(state)).toBe(false)
    }))

  it('tell when the rules of sql/ are of another version', () =>
    onClone(async (_url, client) => {
      await client.query(`update rowhouse_migrations.rules set hash = 'other'`)
      expect((await migrationState(client)).rules).toBe('different')
    }))

  it('wait for each other when two are started at once', async (context) => {
    if (engine().kind !== 'postgres') context.skip('the embedded engine cannot show it: needs two sessions at once')
    await onClone(async (url, client) => {
      await migrateDown(url, 1000)
      const outcomes = await Promise.allSettled([migrateUp(url), migrateUp(url), migrateUp(url)])
      expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true)
      expect(isCurrent(await migrationState(client))).toBe(true)
    })
  })
})
