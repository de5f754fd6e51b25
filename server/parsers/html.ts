// HTML: what a reader sees, without scripts, styles, navigation and the addresses of links and images.

import { convert, type DomNode, type FormatCallback } from 'html-to-text'
import { Parser } from 'htmlparser2'
import { rowText } from './blocks.ts'
import { ParseError } from './error.ts'
import { asReading, readingsBehind, withoutMarks } from './readings.ts'
import type { Content } from './types.ts'

const skipped = ['script', 'style', 'nav', 'noscript', 'template', 'svg', 'title']
const headings = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6']

export function htmlToText(html: string): string {
  const text = convert(withoutMarks(html), {
    wordwrap: false,
    // whatever is cut off would be missing without a word: the size of files is limited elsewhere
    limits: { maxInputLength: Number.POSITIVE_INFINITY },
    // everything, also what stands outside of a body that is not where it belongs
    baseElements: { selectors: [] },
    formatters: { alternative, cells, ruby },
    selectors: [
      ...skipped.map((selector) => ({ selector, format: 'skip' })),
      ...headings.map((selector) => ({ selector, options: { uppercase: false } })),
      { selector: 'a', options: { ignoreHref: true } },
      // a rule across the page divides, and says nothing
      { selector: 'hr', format: 'block' },
      { selector: 'img', format: 'alternative' },
      { selector: 'area', format: 'alternative' },
      { selector: 'ruby', format: 'ruby' },
      { selector: 'table', format: 'cells' },
    ],
  })
  return readingsBehind(text).replaceAll(/\n{3,}/g, '\n\n')
}

export function parseHtml(html: string): Content {
  if (isNestedTooDeeply(html))
    throw new ParseError('unreadable', 'The file is nested too deeply to be read. Save it in another format.')
  const { title, heading } = namesOf(html)
  // a page of nothing but a title is its title
  return { title: title || heading, text: htmlToText(html) || title || '' }
}

/** What a picture says in words. */
const alternative: FormatCallback = (element, _walk, builder) => {
  builder.addInline(element.attribs?.alt ?? '', { noWordTransform: true })
}

/** A row is a line of its cells. A row with a cell of several lines, such as a list, has each cell in lines of its own. */
const cells: FormatCallback = (table, walk, builder, { leadingLineBreaks, trailingLineBreaks }) => {
  const addCell = (content: DomNode[]): void => {
    builder.openTableCell()
    walk(content, builder)
    builder.closeTableCell()
  }
  const addRow = (content: DomNode[]): void => {
    builder.openTableRow()
    for (const node of content) {
      if (node.name === 'td' || node.name === 'th') addCell(node.children ?? [])
      else if (isShown(node)) addCell([node])
    }
    builder.closeTableRow()
  }
  const addRows = (content: DomNode[]): void => {
    for (const node of content) {
      if (/^(thead|tbody|tfoot|center|form)$/.test(node.name ?? '')) addRows(node.children ?? [])
      else if (node.name === 'tr') addRow(node.children ?? [])
      else if (node.name === 'caption') addRow(node.children ?? [])
      // what does not belong into a table is shown all the same
      else if (isShown(node)) addRow([node])
    }
  }
  builder.openTable()
  addRows(table.children ?? [])
  builder.closeTable({
    tableToString: (rows) =>
      rows
        .map((row) => rowText(row.map(({ text }) => text)))
        .filter(Boolean)
        .join('\n'),
    ...(leadingLineBreaks === undefined ? {} : { leadingLineBreaks }),
    ...(trailingLineBreaks === undefined ? {} : { trailingLineBreaks }),
  })
}

const isShown = (node: DomNode): boolean => node.type === 'tag' || (node.type === 'text' && /\S/.test(node.data ?? ''))

/**
 * Readings above a word (furigana, pinyin) would stand between its characters. The word is kept whole, and the readings
 * follow at the end of the line, where a search finds them.
 */
const ruby: FormatCallback = (element, walk, builder) => {
  const reading = (element.children ?? []).filter(({ name }) => name === 'rt' || name === 'rtc')
  const word = (element.children ?? []).filter(({ name }) => !/^(rt|rtc|rp)$/.test(name ?? ''))
  walk(word, builder)
  builder.addInline(asReading(reading.map(textOf).join('')), { noWordTransform: true })
}

/** Written with a stack of its own: the tree is as deep as its author likes. */
function textOf(node: DomNode): string {
  const parts: string[] = []
  const pending = [node]
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (next.type === 'text') parts.push(next.data ?? '')
    pending.push(...(next.children ?? []).toReversed())
  }
  return parts.join('').trim()
}

/** What is named there is not the page: an icon, a formula, a page within the page. */
const foreign = new Set(['svg', 'math', 'template', 'noscript', 'iframe', 'object', 'script', 'style'])

/** The title of the document's own head, and the first of its highest headings. */
export function namesOf(html: string): { title: string | undefined; heading: string | undefined } {
  const open: string[] = []
  const found = new Map<string, string>()
  let foreignDepth = 0
  let current: { name: string; depth: number; parts: string[] } | undefined
  const parser = new Parser({
    onopentag(name, { alt }) {
      open.push(name)
      if (foreign.has(name)) foreignDepth += 1
      if (current && alt) current.parts.push(alt)
      if (current || foreignDepth > 0 || found.has(name)) return
      const isOfHead = open.length <= 3 && open.slice(0, -1).every((outer) => outer === 'html' || outer === 'head')
      if ((name === 'title' && isOfHead) || headings.includes(name)) current = { name, depth: open.length, parts: [] }
    },
    ontext(text) {
      if (current && foreignDepth === 0 && !/^r[tp]$/.test(open.at(-1) ?? '')) current.parts.push(text)
    },
    onclosetag(name) {
      if (current && current.depth === open.length) {
        const text = current.parts.join('').replaceAll(/\s+/g, ' ').trim()
        if (text) found.set(current.name, text)
        current = undefined
      }
      open.pop()
      if (foreign.has(name)) foreignDepth -= 1
    },
  })
  parser.end(html)
  return { title: found.get('title'), heading: headings.map((name) => found.get(name)).find(Boolean) }
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
