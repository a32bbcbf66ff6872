import { fieldOf } from '../errors/thrown.js';

/** Undocumented part of an Express 5 application: the layers of its router, in order of registration. */
export interface ExpressApplication {
  readonly router: { readonly stack: readonly ExpressLayer[] };
  use(...middleware: unknown[]): unknown;
  options(path: string, handler: unknown): unknown;
}

/** Layer: a middleware, or a route with its handlers. */
interface ExpressLayer {
  readonly name: string;
  readonly route?: ExpressRoute;
  /** Throws for a malformed percent-encoding. */
  match(path: string): unknown;
  /** Parameters of the last match, where `match()` returns no object with them. */
  readonly params?: unknown;
}

interface ExpressRoute {
  readonly path: string;
  /** Methods in lower case; `_all` for every method. */
  readonly methods: Readonly<Record<string, boolean | undefined>>;
  readonly stack: readonly { readonly handle: object }[];
}

/** Express route with its metadata. */
interface NotedRoute<T> {
  readonly path: string;
  /** True if it handles OPTIONS, as a route for every method does. */
  readonly takesOptions: boolean;
  readonly note: T;
}

/** Function name of the `cors` middleware, which `app.enableCors()` uses. */
const CORS_MIDDLEWARE = 'corsMiddleware';

/**
 * Finds the route that will handle a request, ahead of Express' router.
 * @typeParam T metadata of the routes
 */
export class ExpressRouter<T> {
  /** Number of layers at the last look. */
  private seen = -1;
  private noted: { readonly layer: ExpressLayer; readonly index: number; readonly note: T }[] = [];
  private cors: ExpressLayer[] = [];
  /** Cache of static routes, by method and path. */
  private readonly known = new Map<string, T | undefined>();

  /**
   * @param noteOf returns the metadata of a handler; `undefined` for other handlers
   * @throws {TypeError} when the router is not Express 5's
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

  /** Returns the metadata of the matching route; `undefined` for another's, or for none. */
  find(method: string, path: string): T | undefined {
    this.look();
    const name = method.toLowerCase();
    const key = `${name} ${path}`;
    if (this.known.has(key)) return this.known.get(key);
    const found = this.noted.find(({ layer }) => takes(layer, name, path));
    if (!found) return undefined;
    const before = this.app.router.stack.slice(0, found.index);
    const note = before.some((layer) => takes(layer, name, path)) ? undefined : found.note;
    // Bounded by the number of static routes, whatever the requests.
    if (found.layer.route!.path === path) this.known.set(key, note);
    return note;
  }

  /** Returns a path parameter of a route with this metadata; `undefined` for another path. */
  param(note: T, path: string, name: string): string | undefined {
    const layer = this.noted.find((one) => one.note === note)?.layer;
    const match = layer && matchOf(layer, path);
    const value = match ? fieldOf(fieldOf(match, 'params') ?? layer.params, name) : undefined;
    return typeof value === 'string' ? value : undefined;
  }

  /** True if the request passes a CORS middleware of the host. */
  hasCors(path: string): boolean {
    this.look();
    return this.cors.some((layer) => matches(layer, path));
  }

  /** Routes with metadata. */
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

const matches = (layer: ExpressLayer, path: string): boolean => Boolean(matchOf(layer, path));

/** @returns what is truthy for a match */
function matchOf(layer: ExpressLayer, path: string): unknown {
  try {
    return layer.match(path);
  } catch {
    // The router will report it.
    return undefined;
  }
}
