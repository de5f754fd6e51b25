// Pages of the web: the page or the sitemap at source_url, and the pages of source_config.urls. A page is asked for by the
// version that is known of it, so that one that has not changed costs a line. Its host's robots.txt decides.

import { OutgoingError, type OutgoingResponse } from '../outgoing.ts'
import { ParseError } from '../parsers/error.ts'
import { formatOf, largestFile } from '../parsers/index.ts'
import { createRobots } from './robots.ts'
import { readSitemap, type Sitemap } from './sitemap.ts'
import { type Found, type Place, type Reading, SourceError, type SourceReader, type Version } from './types.ts'

const mostSitemaps = 100
const longestKey = 1024
const sitemapAddress = /\.xml(\.gz)?$/i
const notOne = 'What is at this address is no sitemap of pages.'
const goneStatuses = new Set([404, 410])
const sitemapTypes = /^(application|text)\/(xml|gzip|x-gzip|octet-stream|plain)$|\+xml$|^$/

type Visit = Reading & { permit: (url: URL) => Promise<void> }

export const urlReader: SourceReader = {
  async *read({ url, config }: Place, reading: Reading) {
    const visit: Visit = { ...reading, permit: createRobots(reading.outgoing, reading.signal) }
    const seen = new Set<string>()
    for await (const address of addresses(url, config, visit)) {
      if (typeof address !== 'string') {
        yield address
        continue
      }
      const key = keyOf(address)
      if (seen.has(key)) continue
      if (seen.size >= reading.mostPages) {
        yield { kind: 'unlisted', externalId: url ?? key, error: tooMany(reading.mostPages) }
        return
      }
      seen.add(key)
      if (key.length > longestKey)
        yield {
          kind: 'failed',
          externalId: key.slice(0, longestKey),
          error: 'The address is longer than 1,024 characters.',
        }
      else if (!(await reading.known(key)).isDone) yield await page(key, visit)
    }
  },
}

const tooMany = (most: number): string =>
  `More than ${most} pages are listed, and only so many are read. Set maxPages in sourceConfig higher, to at most 10000.`

/** As it is fetched: without the part behind #, and with the signs of an address only. */
function keyOf(address: string): string {
  if (!URL.canParse(address)) return address
  const url = new URL(address)
  url.hash = ''
  return url.href
}

/** The addresses of the pages, and what is to be told of those that are no pages or cannot be read. */
async function* addresses(url: string | null, config: Place['config'], visit: Visit): AsyncGenerator<string | Found> {
  if (url !== null && !(await visit.known(keyOf(url))).isDone) yield* start(keyOf(url), visit)
  if (Array.isArray(config.urls)) yield* config.urls as string[]
}

async function* start(url: string, visit: Visit): AsyncGenerator<string | Found> {
  const answer = await fetchPage(url, visit, true)
  // the address of a sitemap or of a page: when it does not answer, nobody knows which
  if ('kind' in answer && (answer.kind === 'failed' || answer.kind === 'gone')) yield { ...answer, kind: 'unlisted' }
  else if ('kind' in answer) yield answer
  else {
    const sitemap = await sitemapOf(answer, visit)
    if (sitemap) yield* listed(sitemap, answer.url, visit)
    // a site that is being repaired says so at every address, and its pages are not gone for that
    else if (sitemapAddress.test(new URL(url).pathname)) yield { kind: 'unlisted', externalId: url, error: notOne }
    else yield fileOf(url, answer)
  }
}

async function* listed({ kind, addresses }: Sitemap, foundAt: string, visit: Visit): AsyncGenerator<string | Found> {
  const { hostname } = new URL(foundAt)
  for (const address of addresses) {
    const key = keyOf(address)
    // a sitemap speaks for its own host
    if (!URL.canParse(key) || new URL(key).hostname !== hostname) {
      yield {
        kind: 'failed',
        externalId: key.slice(0, longestKey) || foundAt,
        error: 'The sitemap names a page of another host.',
      }
    } else if (kind === 'urlset') yield key
    else if (!(await visit.known(key)).isDone) yield* nested(key, visit)
  }
}

/** A sitemap that an index names. It cannot be an index again. */
async function* nested(url: string, visit: Visit): AsyncGenerator<string | Found> {
  const answer = await fetchPage(url, visit, true)
  const sitemap = 'kind' in answer ? undefined : await sitemapOf(answer, visit)
  if (sitemap?.kind === 'urlset') yield* listed(sitemap, url, visit)
  else
    yield {
      kind: 'unlisted',
      externalId: url,
      error: 'error' in answer ? answer.error : notOne,
    }
}

const sitemapOf = async ({ bytes }: OutgoingResponse, { mostPages }: Visit): Promise<Sitemap | undefined> => {
  try {
    const sitemap = await readSitemap(bytes, mostPages + 1)
    return sitemap?.kind === 'sitemapindex'
      ? { ...sitemap, addresses: sitemap.addresses.slice(0, mostSitemaps) }
      : sitemap
  } catch (error) {
    if (error instanceof ParseError) throw new SourceError(`The sitemap cannot be read. ${error.message}`)
    throw error
  }
}

async function page(url: string, visit: Visit): Promise<Found> {
  const answer = await fetchPage(url, visit, false)
  return 'kind' in answer ? answer : fileOf(url, answer)
}

async function fetchPage(url: string, visit: Visit, mayBeSitemap: boolean): Promise<OutgoingResponse | Found> {
  const { etag, lastModified } = await visit.known(url)
  const conditions = {
    ...(etag === null ? {} : { 'if-none-match': etag }),
    ...(lastModified === null ? {} : { 'if-modified-since': lastModified }),
  }
  try {
    const answer = await visit.outgoing.get(url, {
      largestBytes: largestFile,
      headers: { accept: 'text/html, */*;q=0.5', ...conditions },
      accepts: (type) => (mayBeSitemap && sitemapTypes.test(type)) || isReadable(url, type),
      permit: visit.permit,
      signal: visit.signal,
    })
    if (answer.status === 200) return answer
    if (answer.status === 304 && Object.keys(conditions).length > 0) return { kind: 'unchanged', externalId: url }
    const kind = goneStatuses.has(answer.status) ? 'gone' : 'failed'
    return { kind, externalId: url, error: `The address answered ${answer.status}.` }
  } catch (error) {
    if (error instanceof OutgoingError) return { kind: 'failed', externalId: url, error: error.message }
    throw error
  }
}

const isReadable = (url: string, type: string): boolean => {
  const format = formatOf(baseName(url), type)
  return format !== undefined && format !== 'jsonl'
}

function fileOf(externalId: string, { url, headers, mediaType, bytes }: OutgoingResponse): Found {
  return {
    ...{ kind: 'file', externalId, fileName: fileName(url, mediaType), bytes },
    mediaType: (headers['content-type'] ?? 'application/octet-stream').slice(0, 255),
    metadata: { url },
    ...versionOf(headers),
  }
}

const longestVersion = 1000
const versionOf = (headers: OutgoingResponse['headers']): Version => {
  const [etag = null, lastModified = null] = [headers.etag, headers['last-modified']]
  // one that is too long to be kept is none
  const kept = (value: string | null): string | null =>
    value !== null && value.length <= longestVersion ? value : null
  return { etag: kept(etag), lastModified: kept(lastModified) }
}

const endings: Partial<Record<NonNullable<ReturnType<typeof formatOf>>, string>> = {
  ...{ html: '.html', pdf: '.pdf', csv: '.csv', json: '.json', markdown: '.md', text: '.txt', eml: '.eml' },
}

/** A name with an ending that says what the page is: many addresses have none, or that of a program. */
function fileName(url: string, mediaType: string): string {
  const base = baseName(url)
  const format = formatOf('', mediaType)
  const isNamed =
    formatOf(base) !== undefined && (format === undefined || format === 'text' || formatOf(base) === format)
  return isNamed || format === undefined ? base : `${base}${endings[format] ?? ''}`
}

const longestName = 200
function baseName(url: string): string {
  const { pathname, hostname } = new URL(url)
  const last = pathname.split('/').findLast(Boolean) ?? hostname
  let name = last
  try {
    name = decodeURIComponent(last)
  } catch {
    // not in UTF-8
  }
  return (
    name
      .replaceAll(/[\p{C}\p{Z}/\\]+/gu, ' ')
      .trim()
      .slice(-longestName) || hostname
  )
}
