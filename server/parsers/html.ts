// HTML: what a reader sees, without scripts, styles, navigation and the addresses of links and images.

import { convert } from 'html-to-text'
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
  const title = /<title[^>]*>([\s\S]*?)<\/title>/i.exec(html)?.[1] ?? /<h1[^>]*>([\s\S]*?)<\/h1>/i.exec(html)?.[1]
  return { title: title ? htmlToText(title) : undefined, text: htmlToText(html) }
}
