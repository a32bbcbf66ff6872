import { describe, expect, it } from '@jest/globals';
import { banner } from './banner.js';

describe('the banner', () => {
  it.each([
    [true, ['URL', 'Console', 'API', 'Bot']],
    [false, ['URL', 'Console', 'Bot']],
  ])('names /docs only where there is Swagger UI: %s', (hasDocs, labels) => {
    const text = banner({
      url: 'http://localhost:7860',
      hasDocs,
      enabled: ['websocket'],
      disabled: [],
      wsAuth: 'none',
      allowedOrigins: [],
      bot: 'built-in echo',
    });
    expect(text.match(/^ {2}\w+/gm)!.map((label) => label.trim())).toEqual([
      ...labels,
      'Enabled',
      'WebSocket',
      'Allowed',
    ]);
  });
});
