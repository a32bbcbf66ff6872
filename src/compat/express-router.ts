/** What is used of an Express 5 application beyond its documented interface: the layers of its router, in the order of their registration. */
export interface ExpressApplication {
  readonly router: { readonly stack: readonly ExpressLayer[] };
  use(...middleware: unknown[]): unknown;
  options(path: string, handler: unknown): unknown;
}

/** A middleware, or a route and its handlers. */
interface ExpressLayer {
  readonly name: string;
  readonly route?: ExpressRoute;
  /** Throws for a path that cannot be decoded. */
  match(path: string): unknown;
}

interface ExpressRoute {
  readonly path: string;
  /** Those that it takes, in lower case; `_all` for every method. */
  readonly methods: Readonly<Record<string, boolean | undefined>>;
  readonly stack: readonly { readonly handle: object }[];
}

/** A route of Express', and what was noted of it. */
export interface NotedRoute<T> {
  readonly path: string;
  /** Whether it takes OPTIONS, as one for every method does. */
  readonly takesOptions: boolean;
  readonly note: T;
}

/** The name of what the package `cors` makes, which `app.enableCors()` uses. */
const CORS_MIDDLEWARE = 'corsMiddleware';

/**
 * Asks the router of an Express application which of its routes takes a request, before it does.
 * @typeParam T what is noted of the routes that are looked for
 */
export class ExpressRouter<T> {
  /** How many layers there were when they were last looked at. */
  private seen = -1;
  private noted: { readonly layer: ExpressLayer; readonly index: number; readonly note: T }[] = [];
  private cors: ExpressLayer[] = [];
  /** Answers for the paths of routes that have no parameters, by method and path. */
  private readonly known = new Map<string, T | undefined>();

  /**
   * @param noteOf what is noted of a handler; `undefined` for those of other routes
   * @throws {TypeError} when the router is not one of Express 5
   */
  constructor(
    private readonly app: ExpressApplication,
    private readonly noteOf: (handler: object) => T | undefined,
  ) {
    if (!Array.isArray(app.router?.stack)) {
      throw new TypeError(
        'The Express application has no router as Express 5 has; use @nestjs/platform-express 11 or newer.',
      );
    }
  }

  /** What is noted of the route that takes a request; `undefined` when it is another's, or nobody's. */
  find(method: string, path: string): T | undefined {
    this.look();
    const name = method.toLowerCase();
    const key = `${name} ${path}`;
    if (this.known.has(key)) return this.known.get(key);
    const found = this.noted.find(({ layer }) => takes(layer, name, path));
    if (!found) return undefined;
    const before = this.app.router.stack.slice(0, found.index);
    const note = before.some((layer) => takes(layer, name, path)) ? undefined : found.note;
    // As many as there are such routes, whatever is asked for.
    if (found.layer.route!.path === path) this.known.set(key, note);
    return note;
  }

  /** Whether the host has a CORS middleware that a request passes. */
  hasCors(path: string): boolean {
    this.look();
    return this.cors.some((layer) => matches(layer, path));
  }

  /** The routes that something is noted of. */
  get routes(): NotedRoute<T>[] {
    this.look();
    return this.noted.map(({ layer: { route }, note }) => ({
      path: route!.path,
      takesOptions: handles(route!, 'options'),
      note,
    }));
  }

  private look(): void {
    const { stack } = this.app.router;
    if (stack.length === this.seen) return;
    this.seen = stack.length;
    this.known.clear();
    this.cors = stack.filter(({ name }) => name === CORS_MIDDLEWARE);
    this.noted = stack.flatMap((layer, index) => {
      const handler = layer.route?.stack[0]?.handle;
      const note = handler && this.noteOf(handler);
      return note === undefined ? [] : [{ layer, index, note }];
    });
  }
}

function takes(layer: ExpressLayer, method: string, path: string): boolean {
  return layer.route !== undefined && handles(layer.route, method) && matches(layer, path);
}

/** @param method in lower case */
function handles({ methods }: ExpressRoute, method: string): boolean {
  return Boolean(methods._all ?? methods[method] ?? (method === 'head' && methods.get));
}

function matches(layer: ExpressLayer, path: string): boolean {
  try {
    return Boolean(layer.match(path));
  } catch {
    // The router will say so.
    return false;
  }
}
