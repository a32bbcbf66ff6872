/** Parts of WebAssembly that examples use: TypeScript has them in its types of the DOM only. */
declare namespace WebAssembly {
  class Module {
    private readonly compiled;
  }
  function compile(bytes: Uint8Array): Promise<Module>;
  function instantiate(module: Module, imports: object): Promise<object>;
}
