// HTML: what a reader sees, without scripts, styles, navigation and the addresses of links and images.

import { convert } from 'html-to-text'
import { ParseError } from './error.ts'
import type { Content } from './types.ts'

const skipped = ['script', 'style', 'nav', 'noscript', 'template', 'svg', 'img']
const headings = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6']

export function htmlToText(html: string): string {
  return convert(html, {
    wordwrap: false,
    // whatever is cut off would be missing without a word: the size of files is limited elsewhere
    limits: { maxInputLength: Number.POSITIVE_INFINITY },
    selectors: [
      ...skipped.map((selector) => ({ selector, format: 'skip' })),
      ...headings.map((selector) => ({ selector, options: { uppercase: false } })),
      { selector: 'a', options: { ignoreHref: true } },
      { selector: 'table', format: 'dataTable', options: { uppercaseHeaderCells: false } },
    ],
  })
}

export function parseHtml(html: string): Content {
  if (isNestedTooDeeply(html))
    throw new ParseError('unreadable', 'The file is nested too deeply to be read. Save it in another format.')
  const title = firstElement(html, 'title') ?? firstElement(html, 'h1')
  return { title: title ? htmlToText(title) : undefined, text: htmlToText(html) }
}

/** What is within the first of these elements; one expression for all of it would try each of a million openings anew. */
function firstElement(html: string, name: string): string | undefined {
  const start = html.search(new RegExp(`<${name}[\\s>]`, 'i'))
  const open = start < 0 ? -1 : html.indexOf('>', start)
  if (open < 0) return undefined
  const inside = html.slice(open + 1)
  const end = inside.search(new RegExp(`</${name}\\s*>`, 'i'))
  return end < 0 ? undefined : inside.slice(0, end)
}

/** The library's stack ends before this, after a time that grows with the square of the depth. */
const mostOpen = 5_000
/** Elements that need no end or hold no elements, so that many may seem to be open. */
const endless =
  /^(title|textarea|area|base|br|col|dd|dt|embed|hr|img|input|li|link|meta|optgroup|option|p|param|rb|rp|rt|source|tbody|td|tfoot|th|thead|tr|track|wbr)$/

function isNestedTooDeeply(html: string): boolean {
  const open = new Map<string, number>()
  for (const [, end, name = ''] of html.matchAll(/<(\/?)([a-z][a-z0-9]{0,20})/gi)) {
    const element = name.toLowerCase()
    const count = Math.max(0, (open.get(element) ?? 0) + (end ? -1 : 1))
    open.set(element, count)
    if (count > mostOpen && !endless.test(element)) return true
  }
  return false
}
