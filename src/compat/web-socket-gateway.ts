/**
 * Marks a class as a gateway of Nest's, as the decorator of this name in `@nestjs/websockets` does, which an application need not have
 * installed. Its port is that of the HTTP server.
 */
export function WebSocketGateway(options: object): ClassDecorator {
  return (target) => {
    Reflect.defineMetadata('websockets:is_gateway', true, target);
    Reflect.defineMetadata('port', 0, target);
    Reflect.defineMetadata('websockets:gateway_options', options, target);
  };
}

/** The options of a gateway. */
export const gatewayOptionsOf = (gateway: object): unknown =>
  Reflect.getMetadata('websockets:gateway_options', gateway.constructor);
