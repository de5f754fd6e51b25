// Places outside of the database that heads and entries are written to: a file, an address that takes JSON lines, another
// PostgreSQL database, and for entries a syslog server (RFC 5424 over TCP). Each line comes at least once and in order.

import { open } from 'node:fs/promises'
import { connect } from 'node:net'
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import pg from 'pg'

const timeoutMs = 30_000

/** How a destination is known to the database, which need not know its password. */
export function nameOf(destination: string): string {
  const url = new URL(destination)
  url.username = ''
  url.password = ''
  return url.href
}

export async function deliver(destination: string, lines: string[]): Promise<void> {
  const { protocol } = new URL(destination)
  if (protocol === 'file:') await appendToFile(destination, lines)
  else if (protocol === 'syslog:') await sendToSyslog(destination, lines)
  else if (protocol === 'postgres:' || protocol === 'postgresql:') await insertElsewhere(destination, lines)
  else await post(destination, lines)
}

async function appendToFile(destination: string, lines: string[]): Promise<void> {
  const file = await open(fileURLToPath(destination), 'a', 0o600)
  try {
    await file.writeFile(`${lines.join('\n')}\n`)
    // what is noted as delivered must be there after a crash
    await file.sync()
  } finally {
    await file.close()
  }
}

async function post(destination: string, lines: string[]): Promise<void> {
  const { username, password } = new URL(destination)
  const authorization =
    username &&
    `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`
  const response = await fetch(nameOf(destination), {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', ...(authorization ? { authorization } : {}) },
    body: `${lines.join('\n')}\n`,
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`${nameOf(destination)} answered ${response.status}`)
}

async function insertElsewhere(destination: string, lines: string[]): Promise<void> {
  const client = new pg.Client({
    connectionString: destination,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  })
  await client.connect()
  try {
    await client.query(
      'create table if not exists rowhouse_audit_anchor (line text primary key, received_at timestamptz not null default now())',
    )
    await client.query(
      'insert into rowhouse_audit_anchor (line) select unnest($1::text[]) on conflict (line) do nothing',
      [lines],
    )
  } finally {
    await client.end()
  }
}

/** Facility 13 is the audit's, severity 6 informational; each message is framed by its length (RFC 6587). */
const priority = 13 * 8 + 6

async function sendToSyslog(destination: string, lines: string[]): Promise<void> {
  const url = new URL(destination)
  const frames = lines.map((line) => {
    const { id, occurred_at: at } = JSON.parse(line) as { id: number; occurred_at: string }
    const message = Buffer.from(`<${priority}>1 ${at} ${hostname()} rowhouse - ${id} - ${line}`)
    return Buffer.concat([Buffer.from(`${message.length} `), message])
  })
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: url.hostname, port: Number(url.port || 601) })
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`${nameOf(destination)} did not answer in time`)))
    socket.once('error', reject)
    // the other side closes when it has read everything up to our end
    socket.once('close', (hasFailed) => (hasFailed ? undefined : resolve()))
    socket.resume()
    socket.end(Buffer.concat(frames))
  })
}
