// The report: what was measured, each figure beside its bar.

import { figure, table } from '../format.ts'
import type { Server } from '../scratch.ts'
import { isMet, type Part } from './part.ts'

export type Report = { name: string; server: Server; cores: number; parts: Part[] }

export function toMarkdown({ name, server, cores, parts }: Report): string {
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
