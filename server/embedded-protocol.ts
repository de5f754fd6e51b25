// The parts of PostgreSQL's wire protocol that the embedded engine's multiplexer speaks itself: framing, start-up and
// errors. Everything else passes through as bytes. Source: PostgreSQL documentation, chapter Frontend/Backend Protocol.

export const requestCode = { ssl: 80877103, gssEncryption: 80877104, cancel: 80877102 } as const

/** PostgreSQL's own limits. A length beyond them is not this protocol, and the engine would not survive it. */
const longestStartup = 10_000
const longestMessage = 1 << 30
const longestShortMessage = 10_000
const mayBeLong = ['Q', 'P', 'B', 'F', 'd']
const frontendTypes = [...mayBeLong, 'C', 'D', 'E', 'H', 'S', 'X', 'c', 'f', 'p']

export type Frame = { type: string; bytes: Buffer }

/** Cuts a stream of TCP chunks into whole messages. */
export function createFramer(): {
  push: (chunk: Buffer) => void
  startup: () => Buffer | undefined
  /** Until the password is known, only a short message is taken. */
  next: (mustBeShort: boolean) => Frame | undefined
} {
  let chunks: Buffer[] = []
  let length = 0
  const collect = (): Buffer => {
    if (chunks.length > 1) chunks = [Buffer.concat(chunks)]
    return chunks[0] ?? Buffer.alloc(0)
  }
  const take = (size: number): Buffer => {
    const buffer = collect()
    const taken = buffer.subarray(0, size)
    length -= size
    chunks = length > 0 ? [buffer.subarray(size)] : []
    return taken
  }
  /** Reads a length without joining what has arrived so far, so that a large message costs no more than its size. */
  const lengthAt = (offset: number): number | undefined => {
    if (length < offset + 4) return undefined
    if ((chunks[0]?.length ?? 0) < offset + 4) collect()
    return chunks[0]?.readInt32BE(offset)
  }
  return {
    push: (chunk) => {
      chunks.push(chunk)
      length += chunk.length
    },
    startup: () => {
      const size = lengthAt(0)
      if (size === undefined) return undefined
      if (size < 8 || size > longestStartup) throw new Error('invalid length of startup packet')
      return length < size ? undefined : take(size)
    },
    next: (mustBeShort) => {
      const size = lengthAt(1)
      if (size === undefined) return undefined
      const type = String.fromCharCode(chunks[0]?.[0] ?? 0)
      if (!frontendTypes.includes(type)) throw new Error('invalid frontend message type')
      const longest = mayBeLong.includes(type) && !mustBeShort ? longestMessage : longestShortMessage
      if (size < 4 || size > longest) throw new Error('invalid message length')
      return length < size + 1 ? undefined : { type, bytes: take(size + 1) }
    },
  }
}

/** What happens in an answer, in its order. */
export type AnswerWatch = {
  onTag: (tag: string) => void
  onFailure: () => void
  onReady: (status: string) => void
  /** Whether the one who is answered gets it. */
  onNotification: (message: Buffer) => boolean
}

/** Watches the engine's answer go by and remembers what matters of it. */
export function createAnswerReader(watch?: AnswerWatch): {
  /** Returns what of it, and of what was held back before, is for the client now. */
  read: (bytes: Uint8Array) => Uint8Array
  answer: () => { status: string | undefined; failure: Buffer | undefined; parsedCount: number }
} {
  let pending = Buffer.alloc(0)
  let skip = 0
  let status: string | undefined
  let failure: Buffer | undefined
  let parsedCount = 0

  function isForClient(message: Buffer): boolean {
    const type = message[0]
    if (type === letter.notification) return watch?.onNotification(Buffer.from(message)) ?? true
    if (type === letter.tag) watch?.onTag(message.toString('latin1', 5, message.length - 1))
    if (type === letter.error) {
      failure = Buffer.from(message)
      watch?.onFailure()
    }
    if (type === letter.ready) {
      status = String.fromCharCode(message[5] ?? 0)
      watch?.onReady(status)
    }
    return true
  }

  return {
    read: (bytes) => {
      let chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      if (skip >= chunk.length) {
        skip -= chunk.length
        return chunk
      }
      if (pending.length > 0) chunk = Buffer.concat([pending, chunk])
      const passed: Buffer[] = []
      let at = skip
      let from = 0
      while (at + 5 <= chunk.length) {
        const type = chunk[at] ?? 0
        const size = chunk.readInt32BE(at + 1) + 1
        // only these are looked into, and all are short
        if (lookedInto.includes(type)) {
          if (at + size > chunk.length) break
          if (!isForClient(chunk.subarray(at, at + size))) {
            passed.push(chunk.subarray(from, at))
            from = at + size
          }
        }
        if (type === letter.parsed) parsedCount += 1
        at += size
      }
      skip = Math.max(at - chunk.length, 0)
      pending = at < chunk.length ? Buffer.from(chunk.subarray(at)) : Buffer.alloc(0)
      const rest = chunk.subarray(from, Math.min(at, chunk.length))
      return passed.length > 0 ? Buffer.concat([...passed, rest]) : rest
    },
    answer: () => ({ status, failure, parsedCount }),
  }
}

const letter = { notification: 0x41, tag: 0x43, error: 0x45, ready: 0x5a, parsed: 0x31 }
const lookedInto = [letter.notification, letter.tag, letter.error, letter.ready]

/** Name and value pairs of a start-up packet. */
export function startupParameters(packet: Buffer): Map<string, string> {
  const words = packet.subarray(8).toString('utf8').split('\0')
  const parameters = new Map<string, string>()
  for (let i = 0; i + 1 < words.length && words[i]; i += 2) parameters.set(words[i] as string, words[i + 1] as string)
  return parameters
}

/** Settings a connection starts with: from `options=-c name=value` and from parameters that are settings themselves. */
export function startupSettings(parameters: Map<string, string>): [string, string][] {
  const settings = new Map<string, string>()
  for (const [name, value] of parameters) {
    if (['user', 'database', 'replication', 'options', 'client_encoding'].includes(name) || name.startsWith('_pq_.'))
      continue
    settings.set(name, value)
  }
  // white space separates, a backslash makes it part of a value
  const words = (parameters.get('options') ?? '').match(/(?:\\.|[^\s\\])+/g) ?? []
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] as string
    const assignment =
      word === '-c'
        ? words[++i]
        : word.startsWith('-c')
          ? word.slice(2)
          : word.startsWith('--')
            ? word.slice(2)
            : undefined
    const [, name, value] = assignment?.match(/^([\w.-]+)=(.*)$/s) ?? []
    if (name === undefined || value === undefined)
      throw new Error(`invalid command-line argument for server process: ${word}`)
    settings.set(name.replaceAll('-', '_'), value.replaceAll(/\\(.)/gs, '$1'))
  }
  return [...settings]
}

export function message(type: string, ...parts: (string | number | Buffer)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(`${part}\0`)
      if (Buffer.isBuffer(part)) return part
      const word = Buffer.alloc(4)
      word.writeInt32BE(part)
      return word
    }),
  )
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

export const query = (text: string): Buffer => message('Q', text)
export const sync = message('S')
export const flush = message('H')
export const readyForQuery = message('Z', Buffer.from('I'))
export const copyInResponse = message('G', Buffer.from([0, 0, 0]))

/** Says that only version 3.0 is spoken, and which of the options asked for are not known. */
export const negotiateProtocolVersion = (unknownOptions: string[]): Buffer =>
  message('v', 3 << 16, unknownOptions.length, ...unknownOptions)

export function errorResponse(code: string, text: string, severity: 'ERROR' | 'FATAL' = 'FATAL'): Buffer {
  return message('E', `S${severity}`, `V${severity}`, `C${code}`, `M${text}`, Buffer.from([0]))
}

/** The SQL of a Query or Parse message. */
export function sqlOf({ type, bytes }: Frame): string {
  const body = bytes.subarray(5)
  const start = type === 'P' ? body.indexOf(0) + 1 : 0
  return body.toString('utf8', start, body.indexOf(0, start))
}

/** The prepared statement that a message defines, uses or drops; a simple Query drops the one without a name. */
export function statementOf({ type, bytes }: Frame): { act: 'define' | 'use' | 'drop'; name: string } | undefined {
  const wordAt = (start: number): string => bytes.toString('utf8', start, bytes.indexOf(0, start))
  if (type === 'Q') return { act: 'drop', name: '' }
  if (type === 'P') return { act: 'define', name: wordAt(5) }
  if (type === 'B') return { act: 'use', name: wordAt(bytes.indexOf(0, 5) + 1) }
  const isOfStatement = bytes[5] === 0x53 /* S */
  if (type === 'D' && isOfStatement) return { act: 'use', name: wordAt(6) }
  if (type === 'C' && isOfStatement) return { act: 'drop', name: wordAt(6) }
  return undefined
}

/** How a statement takes part in `COPY … FROM STDIN`: not at all, as a statement alone, or in a way we cannot serve. */
export function copyFromClient({ type, bytes }: Frame): 'no' | 'alone' | 'refused' {
  if (type !== 'Q' && type !== 'P') return 'no'
  const text = sqlOf({ type, bytes })
  if (!/\bstdin\b/i.test(text)) return 'no'
  const bare = text.replaceAll(
    /([eE]'(?:\\.|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"|\$(\w*)\$.*?\$\2\$)|--[^\n]*|\/\*.*?\*\//gs,
    (_all, word) => (word === undefined ? ' ' : ' _ '),
  )
  if (!/\bcopy\b[^;]*\bfrom\s+stdin\b/i.test(bare)) return 'no'
  return type === 'Q' && /^\s*copy\b[^;]*;?\s*$/i.test(bare) ? 'alone' : 'refused'
}
