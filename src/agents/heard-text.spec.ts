import { describe, expect, it } from '@jest/globals';
import { tone } from '../../test/support/sound.js';
import { HeardText } from './heard-text.js';

const RATE_HZ = 8_000;
const ANSWER = 'One two three four five six.';
/** Any sound without a pause, in which only the lengths of the words tell. */
const sound = (ms: number): Int16Array => tone(600, RATE_HZ, ms / 1_000);
const noSound = (ms: number): Int16Array => new Int16Array((RATE_HZ * ms) / 1_000);

/** An answer whose text is known whole. */
function answer(ms: number, text = ANSWER): HeardText {
  const heard = new HeardText();
  for (const word of text.split(/(?<= )/)) heard.add(word);
  heard.addAudio(sound(ms), RATE_HZ);
  heard.end();
  return heard;
}

describe('the text that was heard', () => {
  it.each([
    [0, ''],
    // Ten words' worth of 30: of its letters, one for each word, and two for the full stop.
    [350, ''],
    [400, 'One'],
    [1_400, 'One two three'],
    [2_799, 'One two three four five six.'],
    [2_800, ANSWER],
  ])('of an answer of 2.8 s after %d ms is "%s"', (playedMs, text) => {
    expect(answer(2_800).takeHeard(playedMs, true)).toBe(text);
  });

  it('is told by the times of words where they are known', () => {
    const heard = new HeardText();
    ['One ', 'two ', 'three '].forEach((word, i) => heard.add(word, i * 1_000));
    expect(heard.takeHeard(1_500, true)).toBe('One two');
    heard.add('Late.', 500);
    expect(heard.takeHeard(400, true)).toBe('');
  });

  it.each([
    ['你好世界，今天很好', 1_000, '你好世界，'],
    ['コーヒーを飲む', 400, 'コー'],
    ['สวัสดีครับ', 400, 'สว'],
    ['用Python很好', 800, '用'],
    ['用Python很好', 1_300, '用Python'],
    ['𠀀𠀁𠀂', 500, '𠀀'],
    ['Hello world.', 2_000, 'Hello'],
  ])('is told by the times of characters where they are known: %s', (text, playedMs, heardText) => {
    const heard = new HeardText();
    text.split('').forEach((character, i) => heard.add(character, i * 200));
    expect(heard.takeHeard(playedMs, true)).toBe(heardText);
  });

  it('is found in a moment in a text without spaces', () => {
    const heard = new HeardText();
    heard.add(`${'x'.repeat(200_000)} y`, 0);
    heard.add('z', 5_000);
    const began = performance.now();
    expect(heard.takeHeard(1_000, true)).toBe('x'.repeat(200_000));
    // Where time is not linear, it is half a minute.
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('goes by pauses where the text has stops', () => {
    const heard = new HeardText();
    heard.add('Yes, I have found it. Is there more?');
    // The first word is drawn out, and the rest is hurried.
    for (const pcm of [sound(1_000), noSound(250), sound(900), noSound(400), sound(700)]) {
      heard.addAudio(pcm, RATE_HZ);
    }
    heard.end();
    expect(heard.soFar).toBe('Yes, I have found it. Is there more?');
    expect(heard.takeHeard(1_100, true)).toBe('Yes,');
  });

  it.each(['Four thousand seven hundred and eleven', '4711', '4,711'])(
    'counts a number as its name: %s',
    (number) => {
      const text = `It is the ${number} that I want`;
      expect(answer(3_800, text).takeHeard(2_500, true)).toMatch(/^It is the/);
      expect(answer(3_800, text).takeHeard(3_100, true)).toBe(`It is the ${number}`);
    },
  );

  it('knows words of scripts without spaces', () => {
    const heard = answer(2_000, '你好，世界。');
    expect(heard.takeHeard(1_200, true)).toBe('你好，');
  });

  it('is estimated by the usual speed while there is more to come', () => {
    const heard = new HeardText();
    heard.add(ANSWER);
    heard.addAudio(sound(700), RATE_HZ);
    // 4 and 4 of 50 ms each, however little audio there is yet.
    expect(heard.takeHeard(450, false)).toBe('One two');
  });

  it('is estimated by the speed of the answers before', () => {
    const heard = new HeardText();
    for (let i = 0; i < 5; i++) {
      heard.add(ANSWER);
      heard.addAudio(sound(2_800), RATE_HZ);
      expect(heard.takeAll()).toBe(ANSWER);
    }
    heard.add(ANSWER);
    heard.addAudio(sound(700), RATE_HZ);
    expect(heard.takeHeard(450, false)).toBe('One');
  });

  it('begins anew with each answer', () => {
    const heard = answer(300);
    heard.add('Next.');
    heard.end();
    expect(heard.takeAll()).toBe('Next.');
    expect(heard.takeAll()).toBe('');
  });
});
