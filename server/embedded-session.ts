// The one PostgreSQL session there is: PGlite, made safe to depend on. PGlite swallows whatever WebAssembly throws (a
// stack overflow above all) and goes on with the next message, on memory that is broken; here that is a crash, as it is
// for a server process: nothing more runs, and the data directory is opened again and recovers from its log.

import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { PGlite } from '@electric-sql/pglite'
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin'
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist'
import { intarray } from '@electric-sql/pglite/contrib/intarray'
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm'
import { vector } from '@electric-sql/pglite-pgvector'
import { type AnswerWatch, createAnswerReader, query } from './embedded-protocol.ts'

export type Answer = {
  /** Of the last ReadyForQuery, if there was one. */
  status: string | undefined
  failure: Buffer | undefined
  /** How many Parse messages succeeded. */
  parsedCount: number
}

export type Session = {
  /** Runs messages in the engine and hands on its answer, in memory that the engine will use again. */
  execute: (messages: Buffer[], onAnswer?: (bytes: Uint8Array) => void, watch?: AnswerWatch) => Promise<Answer>
  currentSettings: (names: string[]) => Promise<[string, string][]>
  /** Between two pipelines, now and then: a checkpoint when enough was written. */
  maintain: () => Promise<boolean>
  /** After execute threw. What was committed is there again; fails when the data was in memory only. */
  restart: () => Promise<void>
  dump: () => Promise<Buffer>
  close: () => Promise<void>
}

/** Segments of 1 MB instead of 16: a smaller directory, and a quarter less to load for each clone of a template. */
export const initDbStartParams = ['--wal-segsize=1']

const startParams = [
  ...PGlite.defaultStartParams,
  // PostgreSQL's own check must come before V8's stack (984 kB) ends. With its default any endless recursion crashed,
  // with 120 kB a sum of 50,000 terms; the least that can be set still nests 69 PL/pgSQL functions or 44 triggers
  ...['-c', 'max_stack_depth=100kB'],
  ...['-c', 'max_wal_size=64MB', '-c', 'min_wal_size=32MB'],
]

const maintenanceIntervalMs = 1_000
/**
 * A session without postmaster never checkpoints by itself: its log, and the time to recover, would only grow.
 * Whoever had the session last may not be allowed to.
 */
const checkpointBeyond = (bytes: number): Buffer =>
  query(`do $$
    begin
      if (select pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), redo_lsn) > ${bytes}
            from pg_catalog.pg_control_checkpoint()) then
        set local session authorization postgres;
        set local role none;
        execute 'checkpoint';
      end if;
    end $$`)
const dueForCheckpoint = 32 * 1024 * 1024

// each task that optimizes WebAssembly takes up to 100 MB while it runs
setFlagsFromString('--wasm-num-compilation-tasks=1')

/** What PGlite throws through WebAssembly itself, to get from an error back to the main loop. */
const errorJump = 100

type EngineModule = {
  _PostgresMainLoopOnce: () => void
  stackRestore: (pointer: number) => void
  _PostgresSendReadyForQueryIfNecessary: () => void
  _pgl_pq_flush: () => void
  FS: { quit: () => void }
}

export async function openSession(options: { dataDirectory?: string; template?: Uint8Array }): Promise<Session> {
  const open = () =>
    PGlite.create({
      extensions: { vector, pg_trgm, intarray, btree_gin, btree_gist },
      startParams,
      initDbStartParams,
      ...(options.dataDirectory ? { dataDir: options.dataDirectory } : {}),
      ...(options.template ? { loadDataDir: new Blob([Buffer.from(options.template)]) } : {}),
    })
  let database = await open()
  let isBroken = false
  let maintainedAt = Date.now()
  stopAtCrash(database)

  async function execute(
    messages: Buffer[],
    onAnswer: (bytes: Uint8Array) => void = () => {},
    watch?: AnswerWatch,
  ): Promise<Answer> {
    const reader = createAnswerReader(watch)
    await database.execProtocolRawStream(messages.length === 1 ? (messages[0] as Buffer) : Buffer.concat(messages), {
      onRawData: (bytes) => {
        const passed = reader.read(bytes)
        if (passed.length > 0) onAnswer(passed)
      },
    })
    return reader.answer()
  }

  return {
    execute,
    currentSettings: async (names) => {
      const { rows } = await database.query<{ name: string; value: string }>(
        `select name, current_setting(name) as value from unnest($1::text[]) as name`,
        [names],
      )
      return rows.map(({ name, value }) => [name, value])
    },
    maintain: async () => {
      if (Date.now() - maintainedAt < maintenanceIntervalMs) return false
      await execute([checkpointBeyond(dueForCheckpoint)])
      maintainedAt = Date.now()
      return true
    },
    restart: async () => {
      isBroken = true
      // closes files; none of PostgreSQL's code runs any more
      engineModule(database).FS.quit()
      if (!options.dataDirectory) throw new Error('the data was in memory and is lost')
      // in an empty place PGlite would make a new database, without a word
      await access(join(options.dataDirectory, 'PG_VERSION'))
      database = await open()
      stopAtCrash(database)
      isBroken = false
    },
    dump: async () => {
      await execute([checkpointBeyond(0)])
      return Buffer.from(await (await database.dumpDataDir('none')).arrayBuffer())
    },
    close: async () => {
      if (!isBroken) await database.close()
    },
  }
}

const engineModule = (database: PGlite): EngineModule => database.Module as unknown as EngineModule

/** Makes a crash end the batch of messages: else its Sync would commit what the crashed statement had half done. */
function stopAtCrash(database: PGlite): void {
  const module = engineModule(database)
  const runOnce = module._PostgresMainLoopOnce
  module._PostgresMainLoopOnce = () => {
    try {
      runOnce()
    } catch (error) {
      if ((error as { status?: number }).status !== errorJump) {
        // the first thing that PGlite calls when it caught an error: what it throws is not caught again
        module.stackRestore = () => {
          throw error
        }
        module._PostgresSendReadyForQueryIfNecessary = () => {}
        module._pgl_pq_flush = () => {}
      }
      throw error
    }
  }
}
