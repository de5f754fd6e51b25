// A house to shoot at: a PostgreSQL server of its own, Rowhouse's server and its worker, each a process. Whatever dies is
// started again, as systemd or Docker would do it, and by nothing else.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { migrateUp } from '../../server/migrations.ts'
import { startFreshServer } from '../helpers/fresh-server.ts'
import { freePort, type Running, start } from '../helpers/processes.ts'
import { testSecret } from '../helpers/server.ts'
import { withDatabase } from '../helpers/setup.ts'

export const victims = ['server', 'worker', 'postmaster', 'backend'] as const
export type Victim = (typeof victims)[number]

export type House = {
  /** Of the server. */
  url: string
  /** A superuser's login. */
  databaseUrl: string
  kill: (victim: Victim) => Promise<void>
  /** Resolves when everything that was killed is back. */
  isBack: () => Promise<void>
  /** What a program said before it ended although nobody had killed it. */
  unbidden: string[]
  /** Processes of killed workers that outlived them. */
  orphans: () => Promise<number[]>
  close: () => Promise<void>
}

const restartMs = 200
const lookMs = 50

export async function openHouse(environment: Record<string, string>): Promise<House> {
  const cluster = await startFreshServer()
  const databaseUrl = withDatabase(cluster.url, 'rowhouse')
  await ask(cluster.url, 'create database rowhouse')
  // what is committed must survive the process; only the operating system is not killed here
  await ask(cluster.url, 'alter system set synchronous_commit = on')
  await ask(cluster.url, 'alter system set full_page_writes = on')
  await ask(cluster.url, 'select pg_reload_conf()')
  await migrateUp(databaseUrl)

  const port = await freePort()
  const shared = { DATABASE_URL: databaseUrl, JWT_SECRET: testSecret, LOG_LEVEL: 'warn', ...environment }
  const unbidden: string[] = []
  const server = keepRunning(
    () => start('server.ts', [], { ...shared, PORT: String(port), WORKER_CONCURRENCY: '0' }),
    'Rowhouse is running',
    unbidden,
  )
  const worker = keepRunning(() => start('server.ts', ['--worker'], shared), 'The worker is running', unbidden)
  const left: number[] = []
  let restarting: Promise<void> = Promise.resolve()

  const killPostmaster = async (): Promise<void> => {
    const lines = await readFile(join(cluster.directory, 'data/postmaster.pid'), 'utf8')
    process.kill(Number(lines.split('\n')[0]), 'SIGKILL')
    restarting = untilDone(async () => {
      // it may believe for a moment that the killed one still runs
      await cluster.restart()
      await ask(cluster.url, 'select')
    })
  }
  const kill: Record<Victim, () => Promise<void>> = {
    server: async () => server.kill(),
    worker: async () => {
      left.push(...(await childrenOf(worker.pid())))
      worker.kill()
    },
    postmaster: killPostmaster,
    backend: () => killBackend(databaseUrl),
  }
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    databaseUrl,
    unbidden,
    kill: (victim) => kill[victim](),
    isBack: async () => {
      await restarting
      await untilDone(() => ask(databaseUrl, 'select'))
      await Promise.all([server.isBack(), worker.isBack()])
      await untilDone(async () => {
        if ((await fetch(`${url}/readyz`)).status !== 200) throw new Error('The server is not ready.')
      })
    },
    orphans: async () => {
      const alive = await Promise.all(left.map(isAlive))
      return left.filter((_, i) => alive[i])
    },
    close: async () => {
      await Promise.all([server.end(), worker.end()])
      await restarting
      await cluster.stop()
    },
  }
}

type Program = { pid: () => number; kill: () => void; isBack: () => Promise<void>; end: () => Promise<void> }

/** Starts it again whenever it ends. That it ends before it is ready is no fault: the database may be away. */
function keepRunning(begin: () => Running, ready: string, unbidden: string[]): Program {
  let isEnding = false
  let isKilled = false
  let isReady = false
  let current: Running
  let readiness: Promise<void>
  const next = (): void => {
    isKilled = false
    isReady = false
    const started = begin()
    current = started
    readiness = started.says(ready).then(() => {
      if (current === started) isReady = true
    })
    readiness.catch(() => {})
  }
  const watch = async (): Promise<void> => {
    for (;;) {
      const { output } = await current.ended
      if (isEnding) return
      if (isReady && !isKilled) unbidden.push(output.slice(-2_000))
      await sleep(restartMs)
      next()
    }
  }
  next()
  const watching = watch()
  return {
    pid: () => current.pid,
    kill: () => {
      isKilled = true
      current.kill('SIGKILL')
    },
    isBack: () =>
      untilDone(async () => {
        if (isKilled) throw new Error('It has not ended yet.')
        await readiness
      }),
    end: async () => {
      isEnding = true
      current.kill('SIGKILL')
      await watching
    },
  }
}

/** One that works for the server or the worker, busy ones first. The postmaster then ends all others and recovers. */
async function killBackend(databaseUrl: string): Promise<void> {
  const [backend] = await ask<{ pid: number }>(
    databaseUrl,
    `select pid from pg_stat_activity where application_name like 'rowhouse\\_%' and backend_type = 'client backend'
      order by state = 'active' desc, state_change desc limit 1`,
  )
  if (backend) process.kill(backend.pid, 'SIGKILL')
}

async function ask<R extends pg.QueryResultRow>(url: string, text: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<R>(text)).rows
  } finally {
    await client.end().catch(() => {})
  }
}

async function untilDone(work: () => Promise<unknown>): Promise<void> {
  for (const deadline = Date.now() + 120_000; ; ) {
    try {
      await work()
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(lookMs)
    }
  }
}

/** Linux says it, and a server of one's own needs Debian anyway. */
async function childrenOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return children.split(' ').filter(Boolean).map(Number)
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat !== '' && !/\) [ZX] /.test(stat)
}
