// Addresses that a tenant names, and servers that mean ill: nothing near the server is called, whatever the name resolves to
// and wherever it redirects, and no answer takes more time or memory than it may.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import { brotliCompressSync, constants, deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createOutgoing,
  OutgoingError,
  type OutgoingOptions,
  type OutgoingRequest,
  readBounded,
} from '../../server/outgoing.ts'
import { isPublic } from '../../server/outgoing-addresses.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

type Site = { port: number; paths: string[] }

async function site(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Site> {
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(request.url ?? '')
    response.on('error', () => {})
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { port: (server.address() as AddressInfo).port, paths }
}

/** A resolver that answers the n-th question with the n-th of these addresses, and then with the last. */
function resolver(...answers: string[][]): LookupFunction & { asked: string[] } {
  const asked: string[] = []
  const resolve: LookupFunction = (name, _options, done) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] as string[]
    asked.push(name)
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }
  return Object.assign(resolve, { asked })
}

/** The name page.test is allowed, so that it stands for a page of the public internet. */
function outgoing(options: OutgoingOptions = {}) {
  const made = createOutgoing({ allow: ['page.test'], resolve: resolver(['127.0.0.1']), ...options })
  closers.push(made.close)
  return made
}

async function faultOf(url: string, options?: OutgoingOptions, request?: Partial<OutgoingRequest>): Promise<string> {
  const error = await outgoing(options)
    .get(url, { largestBytes: 1_000_000, ...request })
    .catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(OutgoingError)
  return (error as OutgoingError).fault
}

const text = (body: string) => (_request: IncomingMessage, response: ServerResponse) =>
  void response.writeHead(200, { 'content-type': 'text/plain' }).end(body)

describe('an address', () => {
  it.each([
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '100.100.100.200', '127.0.0.1', '127.255.255.254', '169.254.169.254'],
    ...['172.16.0.1', '172.31.255.255', '192.0.0.192', '192.168.1.1', '198.18.0.1', '224.0.0.1', '255.255.255.255'],
    ...['168.63.129.16', '::', '::1', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '::127.0.0.1', '64:ff9b::7f00:1'],
    ...['64:ff9b:1::1', '2002:7f00:1::', '2001:0:7f00:1::', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0'],
    ...['fec0::1', 'ff02::1', '100::1', '2001:db8::1', '', 'localhost', '1', '0x7f.1'],
  ])('%s is not public', (address) => expect(isPublic(address)).toBe(false))

  it.each(['1.1.1.1', '93.184.216.34', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8', '[2a00::1]'])(
    '%s is public',
    (address) => expect(isPublic(address)).toBe(true),
  )

  it('is as public as the IPv4 address it carries, however it is written', () =>
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
        const hexadecimal = `::ffff:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
        expect(isPublic(`::ffff:${address}`)).toBe(isPublic(address))
        expect(isPublic(hexadecimal)).toBe(isPublic(address))
      }),
      { seed: 13 },
    ))

  it.each([
    ...['file:///etc/passwd', 'ftp://page.test/', 'data:text/plain,x', 'page.test', '', 'http://', '//page.test/'],
    ...['http://user:password@page.test/', 'http://page.test:25/', 'https://page.test:22/', 'gopher://page.test/'],
  ])('%j is refused before anything is resolved', async (url) => {
    const resolve = resolver(['127.0.0.1'])
    expect(await faultOf(url, { resolve })).toBe('address')
    expect(resolve.asked).toEqual([])
  })

  it.each([
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '017700000001',
    '127.1',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '①②⑦.⓪.⓪.①',
  ])('that is written as the number %s is refused', async (host) => {
    const { port, paths } = await site(text('secret'))
    expect(await faultOf(`http://${host}:${port}/`)).toBe('address')
    expect(paths).toEqual([])
  })

  it('may be allowed by name, by number and by range', async () => {
    const { port } = await site(text('page'))
    for (const [host, allow] of [
      ['wiki.test', 'WIKI.test'],
      ['wiki.test', '127.0.0.1'],
      ['127.0.0.1', '127.0.0.0/8'],
      ['[::ffff:127.0.0.1]', '127.0.0.1'],
    ] as const) {
      const { bytes } = await outgoing({ allow: [allow] }).get(`http://${host}:${port}/`, { largestBytes: 10 })
      expect(Buffer.from(bytes).toString()).toBe('page')
    }
    expect(await faultOf(`http://wiki.test:${port}/`, { allow: ['10.0.0.0/8', 'test'] })).toBe('address')
  })
})

describe('a name', () => {
  it('that resolves to a private address is refused', async () => {
    const { port, paths } = await site(text('secret'))
    expect(await faultOf(`http://inside.test:${port}/`)).toBe('address')
    expect(paths).toEqual([])
  })

  it('that is public and private at once is refused', async () => {
    const { port, paths } = await site(text('secret'))
    expect(await faultOf(`http://both.test:${port}/`, { resolve: resolver(['1.1.1.1', '127.0.0.1']) })).toBe('address')
    expect(paths).toEqual([])
  })

  it('that answers the check and the connection differently has only one answer', async () => {
    const { port, paths } = await site(text('secret'))
    // public once, private from then on; nothing is behind the public one here
    const resolve = resolver(['192.88.98.1'], ['127.0.0.1'])
    const options = { resolve, limits: { connectMs: 100, totalMs: 3_000 } }
    expect(await faultOf(`http://rebound.test:${port}/`, options)).not.toBe('address')
    expect(resolve.asked).toEqual(['rebound.test'])
    expect(await faultOf(`http://rebound.test:${port}/`, options)).toBe('address')
    expect(paths).toEqual([])
  })

  it('that does not exist is unreachable', async () => {
    const resolve: LookupFunction = (_name, _options, done) =>
      done(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '')
    expect(await faultOf('http://nowhere.test/', { resolve })).toBe('unreachable')
  })
})

describe('a redirect', () => {
  it.each([
    'http://127.0.0.1:PORT/secret',
    'http://inside.test:PORT/secret',
    'file:///etc/passwd',
    'http://[::1]/',
    'http://u:p@page.test/',
  ])('to %s is refused', async (location) => {
    const { port, paths } = await site((request, response) =>
      request.url === '/'
        ? response.writeHead(302, { location: location.replace('PORT', String(port)) }).end()
        : text('secret')(request, response),
    )
    expect(await faultOf(`http://page.test:${port}/`)).toBe('address')
    expect(paths).toEqual(['/'])
  })

  it('is followed, and asked whether it may be, and says where it came to', async () => {
    const { port } = await site((request, response) =>
      request.url === '/new'
        ? text('page')(request, response)
        : response.writeHead(301, { location: 'new#part' }).end(),
    )
    const asked: string[] = []
    const permit = async (url: URL): Promise<void> => void asked.push(url.pathname)
    const answer = await outgoing().get(`http://page.test:${port}/old`, { largestBytes: 10, permit })
    expect(answer).toMatchObject({ status: 200, url: `http://page.test:${port}/new`, mediaType: 'text/plain' })
    expect(asked).toEqual(['/old', '/new'])
  })

  it('does not take the headers of one host to another', async () => {
    const seen: (string | undefined)[] = []
    const { port } = await site((request, response) => {
      seen.push(request.headers.authorization)
      if (request.url === '/') response.writeHead(307, { location: `http://other.test:${port}/there` }).end()
      else text('page')(request, response)
    })
    const allow = ['page.test', 'other.test']
    await outgoing({ allow }).get(`http://page.test:${port}/`, { largestBytes: 10, headers: { authorization: 'key' } })
    expect(seen).toEqual(['key', undefined])
  })

  it('that leads in a circle ends', async () => {
    const { port, paths } = await site((_request, response) => response.writeHead(302, { location: '/' }).end())
    expect(await faultOf(`http://page.test:${port}/`)).toBe('redirects')
    expect(paths).toHaveLength(6)
  })
})

describe('an answer', () => {
  const fast = { headersMs: 200, bodyMs: 200, totalMs: 1_000 }

  it('that never begins ends in time', async () => {
    const { port } = await site(() => {})
    expect(await faultOf(`http://page.test:${port}/`, { limits: fast })).toBe('time')
  })

  it('that stops in the middle ends in time', async () => {
    const { port } = await site((_request, response) => void response.writeHead(200).write('x'))
    expect(await faultOf(`http://page.test:${port}/`, { limits: fast })).toBe('time')
  })

  it('that comes in drips ends in time', async () => {
    const { port } = await site((_request, response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    })
    expect(await faultOf(`http://page.test:${port}/`, { limits: fast })).toBe('time')
  })

  it('that says that it is a gigabyte is not read', async () => {
    const { port } = await site((_request, response) => {
      response.writeHead(200, { 'content-length': 2 ** 30 }).write('x')
    })
    expect(await faultOf(`http://page.test:${port}/`)).toBe('size')
  })

  it('that does not say how long it is, and never ends, is read up to the limit', async () => {
    let sent = 0
    const { port } = await site((_request, response) => {
      response.writeHead(200)
      const part = Buffer.alloc(100_000)
      const send = (): void => {
        while (!response.destroyed) {
          sent += part.length
          if (!response.write(part)) return void response.once('drain', send)
        }
      }
      send()
    })
    expect(await faultOf(`http://page.test:${port}/`)).toBe('size')
    // what the buffers of the system took, and no gigabyte
    expect(sent).toBeLessThan(100_000_000)
  })

  const million = Buffer.alloc(2 ** 20)
  const block = deflateRawSync(million, { finishFlush: constants.Z_FULL_FLUSH })
  const gzipHead = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])
  it.each([
    ['gzip', Buffer.concat([gzipHead, ...Array<Buffer>(1000).fill(block)])],
    ['br', brotliCompressSync(Buffer.alloc(50_000_000), { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })],
    ['deflate', Buffer.concat([Buffer.from([0x78, 0x9c]), ...Array<Buffer>(1000).fill(block)])],
  ])('of %s that unpacks to far more is read up to the limit', async (encoding, bytes) => {
    const { port } = await site((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(bytes),
    )
    expect(await faultOf(`http://page.test:${port}/`, {}, { largestBytes: 5_000_000 })).toBe('size')
  })

  it('that is packed is unpacked', async () => {
    const { port } = await site((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('page')),
    )
    const { bytes } = await outgoing().get(`http://page.test:${port}/`, { largestBytes: 10 })
    expect(Buffer.from(bytes).toString()).toBe('page')
  })

  it.each([
    ['gzip', 'no gzip'],
    ['br', 'no brotli'],
    ['gzip, gzip', ''],
    ['zip', ''],
  ])('in the encoding %s that is none is unreadable', async (encoding, body) => {
    const { port } = await site((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(body),
    )
    expect(await faultOf(`http://page.test:${port}/`)).toBe('unreadable')
  })

  it('of a type that is not wanted is not read', async () => {
    const { port } = await site((_request, response) =>
      response.writeHead(200, { 'content-type': 'Video/MP4; codecs=x' }).end('x'),
    )
    const types: string[] = []
    const accepts = (type: string): boolean => types.push(type) === 0
    expect(await faultOf(`http://page.test:${port}/`, {}, { accepts })).toBe('content_type')
    expect(types).toEqual(['video/mp4'])
  })

  it('of headers without end is unreachable', async () => {
    const { port } = await site((_request, response) =>
      response.writeHead(200, { 'x-long': 'x'.repeat(100_000) }).end(),
    )
    expect(await faultOf(`http://page.test:${port}/`)).toBe('unreachable')
  })

  it('that breaks off is unreachable', async () => {
    const { port } = await site((_request, response) => {
      response.writeHead(200, { 'content-length': 10 })
      response.write('x', () => response.destroy())
    })
    expect(await faultOf(`http://page.test:${port}/`)).toBe('unreachable')
  })
})

describe('a call with a method of its own', () => {
  it('sends method, headers and body, and gives the answer whatever its status', async () => {
    const { port } = await site((request, response) => {
      let body = ''
      request.on('data', (part) => {
        body += part
      })
      request.on('end', () =>
        response.writeHead(422, { 'content-type': 'text/plain' }).end(`${request.method} ${body}`),
      )
    })
    const answer = await outgoing().call(`http://page.test:${port}/`, { method: 'PUT', body: 'x', largestBytes: 100 })
    expect(answer).toMatchObject({ status: 422, mediaType: 'text/plain' })
    expect(Buffer.from(await readBounded(answer.body, 100)).toString()).toBe('PUT x')
  })

  it('that is left early closes the answer', async () => {
    const closed = Promise.withResolvers<void>()
    const { port } = await site((_request, response) => {
      response.on('close', () => closed.resolve())
      response.writeHead(200).write('x')
    })
    const { body } = await outgoing().call(`http://page.test:${port}/`, { method: 'GET', largestBytes: 100 })
    for await (const part of body) if (part.length > 0) break
    await closed.promise
  })

  it('is bound by its own time while its answer is read', async () => {
    const { port } = await site((_request, response) => void response.writeHead(200).write('x'))
    const { body } = await outgoing().call(`http://page.test:${port}/`, {
      method: 'GET',
      largestBytes: 9,
      totalMs: 100,
    })
    await expect(readBounded(body, 9)).rejects.toMatchObject({ fault: 'time' })
  })

  it('tells what permit threw as it is', async () => {
    const { port, paths } = await site(text('secret'))
    const refusal = Object.assign(new Error('no'), { code: 'XX000' })
    const permit = () => Promise.reject(refusal)
    const call = outgoing().call(`http://page.test:${port}/`, { method: 'GET', largestBytes: 9, permit })
    await expect(call).rejects.toBe(refusal)
    expect(paths).toEqual([])
  })
})

it('a host has at most two calls at once', async () => {
  const waiting: (() => void)[] = []
  let running = 0
  let most = 0
  const { port, paths } = await site((request, response) => {
    running += 1
    most = Math.max(most, running)
    waiting.push(() => {
      running -= 1
      text('page')(request, response)
    })
    // each pair is answered when both are there
    if (waiting.length === 2) for (const answer of waiting.splice(0)) answer()
  })
  const shared = outgoing()
  await Promise.all(
    Array.from({ length: 10 }, (_, i) => shared.get(`http://page.test:${port}/${i}`, { largestBytes: 10 })),
  )
  expect(paths).toHaveLength(10)
  expect(most).toBe(2)
})

it('a caller that gives up is not kept waiting', async () => {
  const { port } = await site(() => giveUp.abort())
  const giveUp = new AbortController()
  await expect(
    outgoing().get(`http://page.test:${port}/`, { largestBytes: 10, signal: giveUp.signal }),
  ).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
})
