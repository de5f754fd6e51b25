// Markdown: its readable text by way of HTML, with headings and paragraphs on lines of their own.

import { marked } from 'marked'
import { frontMatter } from './front-matter.ts'
import { htmlToText, namesOf } from './html.ts'
import type { Content } from './types.ts'

export function parseMarkdown(source: string): Content {
  const { title, metadata, body } = frontMatter(source)
  const html = marked.parse(body, { async: false })
  // a note of nothing but front matter is its title
  return { title: title || namesOf(html).heading, text: htmlToText(html) || title || '', metadata }
}
