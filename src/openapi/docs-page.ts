/** The files of the page, by their names behind `docs/`; those of Swagger UI are in its package. */
export const DOCS_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'init.js'] as const;

/** The page loads its own files only; Swagger UI has images in its style. */
export const DOCS_PAGE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The page. Its paths are relative, for a proxy may have put it below another one. */
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

/** What starts Swagger UI, in a file of its own, for the page runs nothing that is in it. */
export const DOCS_INIT = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', deepLinking: true });
`;
