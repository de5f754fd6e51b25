// The report: what was measured, each figure beside its bar.

import type { Measurement } from '../command.ts'
import { figure, table } from '../format.ts'
import type { Server } from '../scratch.ts'
import { isMet, type Part } from './part.ts'

/** Its title, and what measures it; each makes its databases on this server (withScratch). */
export type PartToMeasure<Options> = [title: string, measure: (url: string, options: Options) => Promise<Part>]

/** Runs the parts of a measurement one after the other, for its report. */
export function measureParts<Options>(
  name: string,
  parts: PartToMeasure<Options>[],
): (run: Parameters<Measurement['measure']>[0], options: Options) => ReturnType<Measurement['measure']> {
  return async ({ url, server, cores, part }, options) => {
    const done: Part[] = []
    for (const [title, measure] of parts) done.push(await part(title, () => measure(url, options)))
    const results = { name, server, cores, parts: done }
    return { markdown: toMarkdown(results), json: results }
  }
}

type Report = { name: string; server: Server; cores: number; parts: Part[] }

function toMarkdown({ name, server, cores, parts }: Report): string {
  const settings = Object.entries(server.settings).map(([name, value]) => `${name} ${value}`)
  return [
    `# ${name[0]?.toUpperCase()}${name.slice(1)}, measured`,
    `${server.engine}, ${cores} cores, ${settings.join(', ')}. Written by \`npm run bench -- ${name}\`; ratios are of one run on one machine.`,
    table(
      ['what', 'ours', 'beside it', 'ratio', 'bar', 'met'],
      parts
        .flatMap(({ measured }) => measured)
        .map((one) => [
          one.name,
          one.ours,
          one.theirs,
          figure(one.ratio),
          `${one.sign} ${one.bar}`,
          isMet(one) ? 'yes' : 'no',
        ]),
    ),
    ...parts.map(({ title, how }) => `## ${title}\n${how}`),
    '',
  ].join('\n\n')
}
