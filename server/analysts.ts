// Logins of analysts. The password never reaches the server's log: PostgreSQL gets only its SCRAM verifier.

import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import pg from 'pg'

const iterations = 4096

/** What PostgreSQL stores of a password (RFC 5803). */
function scramVerifier(password: string): string {
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const keyed = (text: string): Buffer => createHmac('sha256', salted).update(text).digest()
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${keyed('Server Key').toString('base64')}`
}

/** Defaults of its sessions. That it reads only, and only its tenants, is kept by rights and policies. */
const settings = {
  default_transaction_read_only: 'on',
  search_path: 'analytics',
  statement_timeout: '60s',
  idle_in_transaction_session_timeout: '60s',
  idle_session_timeout: '1h',
}

/** Creates a login that may read nothing yet, and returns its password. */
export async function createAnalyst(admin: pg.Pool, login: string, expires?: string): Promise<string> {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(login) || /^(pg|rowhouse)_/.test(login))
    throw new Error('A login has 1 to 63 lower-case letters, digits and underscores, and is none of rowhouse_ or pg_.')
  const password = randomBytes(24).toString('base64url')
  const name = pg.escapeIdentifier(login)
  const client = await admin.connect()
  try {
    await client.query('begin')
    const until = expires ? ` valid until ${pg.escapeLiteral(expires)}` : ''
    await client.query(
      `create role ${name} login connection limit 5 password ${pg.escapeLiteral(scramVerifier(password))}${until} in role rowhouse_analyst`,
    )
    for (const [setting, value] of Object.entries(settings))
      await client.query(`alter role ${name} set ${setting} = ${pg.escapeLiteral(value)}`)
    await client.query('select tenancy.forget_analyst($1)', [login])
    await client.query(`select audit.record('security', 'analyst_created', row_key => $1, details => $2)`, [
      login,
      JSON.stringify({ expires: expires ?? null }),
    ])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
  return password
}
