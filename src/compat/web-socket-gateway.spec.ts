import { describe, expect, it } from '@jest/globals';
import * as nest from '@nestjs/websockets';
import { gatewayOptionsOf, WebSocketGateway } from './web-socket-gateway.js';

describe('a gateway marked without @nestjs/websockets', () => {
  const options = { path: '/ws' };

  it('has the metadata that the decorator of @nestjs/websockets leaves', () => {
    class Ours {}
    class Nests {}
    WebSocketGateway(options)(Ours);
    nest.WebSocketGateway(options)(Nests);
    const metadataOf = (type: object): unknown[] => {
      const keys: unknown[] = Reflect.getMetadataKeys(type);
      return keys.map((key): unknown => [key, Reflect.getMetadata(key, type)]);
    };
    expect(metadataOf(Ours)).toEqual(metadataOf(Nests));
    expect(metadataOf(Ours)).toHaveLength(3);
  });

  it('tells its options', () => {
    @WebSocketGateway(options)
    class Gateway {}
    expect(gatewayOptionsOf(new Gateway())).toBe(options);
  });
});
