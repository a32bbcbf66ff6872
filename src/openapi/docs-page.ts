/** Files of the page, by their names below `docs/`; those of Swagger UI are in its package. */
export const DOCS_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'init.js'] as const;

/** Content security policy: own files only, and the data images of Swagger UI's style. */
export const DOCS_PAGE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** HTML page with relative paths, since a proxy may add a prefix. */
export const DOCS_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Pipecat runner</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="docs/swagger-ui.css" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/init.js"></script>
  </body>
</html>
`;

/** Script that starts Swagger UI, in its own file since the policy forbids inline scripts. */
export const DOCS_INIT = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', deepLinking: true });
`;
