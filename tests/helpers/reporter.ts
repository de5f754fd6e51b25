// Closing lines: why each skipped test was skipped, and the plain count.

import { writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

export default class ClosingLines implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0 }
    const reasons = new Map<string, number>()
    for (const module of modules) {
      count.failed += module.errors().length
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') count.passed += 1
        else if (result.state === 'failed') count.failed += 1
        else {
          count.skipped += 1
          const reason = (result.state === 'skipped' && result.note) || 'no reason given'
          reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
        }
      }
    }
    for (const [reason, times] of reasons) console.log(`${times} skipped: ${reason}`)
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
    if (process.env.TEST_COUNT_FILE) writeFileSync(process.env.TEST_COUNT_FILE, JSON.stringify(count))
  }
}
