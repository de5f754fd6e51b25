// One line of progress for each thing that takes long, on stderr, so that stdout is the report alone.

import { Presets, SingleBar } from 'cli-progress'

export type Progress = { add: (count: number) => void }

let isSilent = false

/** Says nothing from now on. */
export function silenceProgress(): void {
  isSilent = true
}

export async function withProgress<T>(step: string, total: number, work: (bar: Progress) => Promise<T>): Promise<T> {
  if (isSilent) return work({ add: () => {} })
  const bar = new SingleBar(
    {
      format: '{step} {bar} {value}/{total} | {duration_formatted}, {eta_formatted} to go',
      noTTYOutput: true,
      notTTYSchedule: 10_000,
      hideCursor: true,
    },
    Presets.shades_classic,
  )
  bar.start(total, 0, { step: step.padEnd(44) })
  try {
    return await work({ add: (count) => bar.increment(count) })
  } finally {
    bar.stop()
  }
}
