import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

/** Starts one of the applications beside this file, such as `node main.js front-desk`. */
async function bootstrap() {
  const { AppModule } = (await import(`./${process.argv[2] ?? 'front-desk'}.js`)) as {
    AppModule: Type<unknown>;
  };
  const app = await NestFactory.create(AppModule);
  app.enableShutdownHooks();
  await app.listen(process.env.PORT ?? 3000);
}
void bootstrap();
