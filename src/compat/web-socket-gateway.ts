/** Same as `@WebSocketGateway()` of `@nestjs/websockets`, an optional peer dependency, on the port of the HTTP server. */
export function WebSocketGateway(options: object): ClassDecorator {
  return (target) => {
    Reflect.defineMetadata('websockets:is_gateway', true, target);
    Reflect.defineMetadata('port', 0, target);
    Reflect.defineMetadata('websockets:gateway_options', options, target);
  };
}

/** Returns the options of a gateway. */
export const gatewayOptionsOf = (gateway: object): unknown =>
  Reflect.getMetadata('websockets:gateway_options', gateway.constructor);
