// HTML and Markdown beyond the plain: front matter, tables, names, readings, and what nobody sees.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { frontMatter } from '../../server/parsers/front-matter.ts'
import { namesOf, parseHtml } from '../../server/parsers/html.ts'
import { withoutInvisible } from '../../server/parsers/invisible.ts'
import { parseMarkdown } from '../../server/parsers/markdown.ts'
import { withoutLineHyphens } from '../../server/parsers/pdf.ts'

const metadataOf = (yaml: string): unknown =>
  JSON.parse(JSON.stringify(frontMatter(`---\n${yaml}\n---\nText\n`).metadata))

describe('front matter', () => {
  it.each([
    ['title: A\ndate: 2024-03-01\ndraft: true', { date: '2024-03-01', draft: true }],
    ['tags:\n  - a\n  - b\nauthor: {name: Ada}', { tags: ['a', 'b'], author: { name: 'Ada' } }],
    ['größe: 3\nmenu.main: x', { größe: 3, 'menu.main': 'x' }],
    ['n: .inf # no limit', { n: '.inf' }],
  ])('%j is metadata', (yaml, metadata) => {
    expect(metadataOf(yaml)).toEqual(metadata)
  })

  it('keeps numbers as they are written', () => {
    const { metadata } = frontMatter('---\nversion: 1.10\nid: 1146213870912942081\nhex: 0x10\n---\n')
    expect(JSON.stringify(metadata)).toBe('{"version":1.10,"id":1146213870912942081,"hex":"0x10"}')
  })

  it('may end with dots, have Windows line ends, and a title that is a number', () => {
    expect(frontMatter('---\r\ntitle: 2024\r\n...\r\nText')).toEqual({ title: '2024', metadata: {}, body: 'Text' })
  })

  it('alone is a note of its title', () => {
    expect(parseMarkdown('---\ntitle: Later\n---\n')).toMatchObject({ title: 'Later', text: 'Later' })
  })

  it.each([
    ['sentences between rules', '---\nImportant notice: keep the receipt.\n---\nText'],
    ['a paragraph behind a blank line', '---\n\nNotice: keep it.\n\n---\nText'],
    ['a heading', '---\n# Heading\nnote: keep it\n---\nText'],
    ['a list', '---\n- a\n- b\n---\nText'],
    ['a word', '---\nHello\n---\nText'],
    ['keys that are given twice', '---\na: 1\na: 2\n---\nText'],
    ['what is no YAML', '---\na: [1\nb: "\n---\nText'],
    ['what has no end', '---\ntitle: A\nText'],
    ['what does not stand at the start', 'Text\n---\ntitle: A\n---\n'],
    [
      'aliases that multiply',
      `---\na: &a [${'x,'.repeat(9)}x]\nb: &b [${'*a,'.repeat(9)}*a]\nc: &c [${'*b,'.repeat(9)}*b]\nd: [${'*c,'.repeat(9)}*c]\n---\nText`,
    ],
  ])('is not seen in %s, which stays text', (_, source) => {
    expect(frontMatter(source)).toEqual({ title: undefined, metadata: {}, body: source })
  })

  it('of any shape loses no word: it is in the text, the title or the metadata', () => {
    const line = fc.oneof(
      fc.constantFrom('---', '...', '', '- item', '> quote', '***', '+++'),
      fc.stringMatching(/^[a-z]{3,8}( [a-z]{3,8}){0,3}$/),
      fc.stringMatching(/^[a-z]{3,8}: [a-z]{3,8}( [a-z]{3,8}){0,2}$/),
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const source = ['---', ...lines].join('\n')
        const { title = '', text, metadata } = parseMarkdown(source)
        const kept = `${title} ${text} ${JSON.stringify(metadata)}`
        for (const [word] of source.matchAll(/[a-z]{3,}/g)) expect(kept).toContain(word)
      }),
      { numRuns: 1000, seed: 7 },
    )
  })
})

describe('a table', () => {
  it('with spans of a thousand million is as long as its cells', () => {
    const { text } = parseHtml(
      '<table><tr><td rowspan="1000000000">a</td><td colspan="1000000000">b</td></tr><tr><td>c</td></tr></table>',
    )
    expect(text).toBe('a   b\nc')
  })

  it('shows its caption, and what does not belong into it', () => {
    const { text } = parseHtml(
      '<table><caption>Prices</caption>stray <p>text</p><tbody><td>lone</td><tr><td>a</td>between<td>b</td></tr></tbody></table>',
    )
    for (const word of ['Prices', 'stray', 'text', 'lone', 'a', 'between', 'b']) expect(text).toContain(word)
  })

  it('that lays out a page keeps paragraphs and lists apart', () => {
    const { text } = parseHtml(
      '<table><tr><td><p>One.</p><p>Two.</p></td><td><table><tr><td>x</td><td>y</td></tr></table></td></tr></table>',
    )
    expect(text).toBe('One.\n\nTwo.\nx   y')
  })

  it('holds every cell in one piece, whatever is in it', () => {
    const cell = fc.stringMatching(/^[a-z]{1,9}( [a-z]{1,9}){0,40}$/)
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }), (rows) => {
        const html = rows.map((row) => `<tr>${row.map((one) => `<td>${one}</td>`).join('')}</tr>`).join('')
        expect(parseHtml(`<table>${html}</table>`).text).toBe(rows.map((row) => row.join('   ')).join('\n'))
      }),
      { numRuns: 200, seed: 11 },
    )
  })
})

describe('the title', () => {
  it.each([
    ['<title>Head</title><h1>First</h1>', 'Head'],
    ['<html><head><title> A &amp; B </title></head><body><svg><title>Icon</title></svg></body>', 'A & B'],
    ['<body><svg><title>Icon</title></svg><h2>Second</h2><h1>Fi<b>rst</b></h1></body>', 'First'],
    ['<head><title></title></head><h1><img alt="Logo of Acme"></h1>', 'Logo of Acme'],
    ['<div><title>Widget</title></div><h2>Leave</h2>', 'Leave'],
    ['<h1><ruby>東<rt>とう</rt></ruby>京</h1>', '東京'],
    ['<p>No heading</p>', undefined],
  ])('of %s is %s', (html, title) => {
    expect(parseHtml(html).title).toBe(title)
  })

  it('of Markdown is its first heading without markup', () => {
    expect(parseMarkdown('Text\n\n## **Annual** [leave](x)\n').title).toBe('Annual leave')
    expect(parseMarkdown('<h1 align="center">Acme</h1>\n\n## Install\n').title).toBe('Acme')
  })

  it('of a million headings is found at once', () => {
    expect(namesOf('<h1>'.repeat(100_000)).heading).toBeUndefined()
  })
})

describe('what a reader sees', () => {
  it('of text outside of the body, and of rules, is all of it', () => {
    expect(parseHtml('before<body>within</body>after').text).toBe('before\nwithin\nafter'.replaceAll('\n', ''))
    expect(parseHtml('<p>a</p><hr><p>b</p>').text).toBe('a\n\nb')
  })

  it('of ruby is the word, with its reading behind the line', () => {
    const ruby =
      '<p><ruby>東<rp>(</rp><rt>とう</rt><rp>)</rp>京<rt>きょう</rt></ruby>で<ruby>食<rt>た</rt></ruby>べる。</p><p>x</p>'
    expect(parseHtml(ruby).text).toBe('東京で食べる。 (とうきょう た)\n\nx')
  })

  it('of pictures is their words', () => {
    expect(parseHtml('<p>See <img src="x" alt="the wiring"> and <img src="y"></p>').text).toBe('See the wiring and')
  })

  it.each([
    ['Bun\u00ADdes\u200Btag\uFEFF', 'Bundestag'],
    ['\u200Eabc\u200F \u202Adef\u202C', 'abc def'],
    ['foo\u200Cbar\u200Dbaz', 'foobarbaz'],
    ['می\u200Cخواهم', 'می\u200Cخواهم'],
    ['👩\u200D🚀', '👩\u200D🚀'],
    ['क्\u200Dष', 'क्\u200Dष'],
  ])('of %j is %j', (text, seen) => {
    expect(withoutInvisible(text)).toBe(seen)
  })

  it('of a word is the same wherever soft hyphens and zero-width spaces stand in it', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...'Übermaß', '\u00AD', '\u200B', '\u2060', '\uFEFF')), (characters) => {
        const seen = characters.filter((character) => !/[\u00AD\u200B\u2060\uFEFF]/.test(character)).join('')
        expect(withoutInvisible(characters.join(''))).toBe(seen)
      }),
      { numRuns: 300, seed: 20 },
    )
  })
})

describe('a word that is divided at the end of a line of a PDF', () => {
  it.each([
    ['Kündigungs-\nfrist', 'Kündigungsfrist'],
    ['Kündigungs\u00AD\nfrist', 'Kündigungsfrist'],
    ['Kündigungs- \n frist', 'Kündigungsfrist'],
    ['a well-known and well-\nknown case', 'a well-known and well-known case'],
    ['E-\nMail, Jean-\nPaul, 2020-\n2021', 'E-Mail, Jean-Paul, 2020-\n2021'],
    ['COVID-\n19', 'COVID-19'],
    ['Haupt-\nund Nebenkosten', 'Haupt- und Nebenkosten'],
    ['a dash -\nbehind a space', 'a dash -\nbehind a space'],
    ['end.\nBegin', 'end.\nBegin'],
  ])('%j reads %j', (text, joined) => {
    expect(withoutLineHyphens(text)).toBe(joined)
  })
})
