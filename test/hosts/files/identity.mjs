// Loads the package in both ways: every class must be one class.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as imported from 'nestjs-pipecat-runner';
import * as importedTesting from 'nestjs-pipecat-runner/testing';

const require = createRequire(import.meta.url);
const required = require('nestjs-pipecat-runner');
const requiredTesting = require('nestjs-pipecat-runner/testing');

for (const [one, other] of [
  [imported, required],
  [importedTesting, requiredTesting],
]) {
  const names = Object.keys(one);
  assert(names.length > 0);
  assert.deepEqual(Object.keys(other).sort(), [...names].sort());
  for (const name of names) assert.equal(one[name], other[name], name);
}
assert(new requiredTesting.RecordingLauncher() instanceof imported.BotLauncher);
assert.equal(require('nestjs-pipecat-runner/package.json').name, 'nestjs-pipecat-runner');
