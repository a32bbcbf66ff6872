import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/**
 * The branches of compiled files that are reached, from V8's block coverage: bodies of functions, both ways of conditions, right sides of
 * logical operators, cases, loops and catch clauses.
 */
export class Branches {
  #parsers;

  /** @param parsers files below `dist`, or `{ path, without }` with the names of functions that no stranger reaches here */
  constructor(parsers, dist) {
    this.#parsers = parsers.map((parser) => {
      const { path, without = [] } = typeof parser === 'string' ? { path: parser } : parser;
      const text = readFileSync(join(dist, path), 'utf8');
      const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
      const starts = startsOf(file, without);
      return { path, file, missed: new Set(starts), total: starts.length };
    });
  }

  /** Adds what one runner has reached. @param scripts `{ path, functions }`, as V8 counts them */
  add(scripts) {
    for (const { path, missed } of this.#parsers) {
      const ranges = scripts
        .filter((script) => script.path === path)
        .flatMap(({ functions }) => functions.flatMap((one) => one.ranges));
      for (const start of missed) if (countAt(ranges, start) > 0) missed.delete(start);
    }
  }

  /** Returns of each parser `{ path, reached, total, lines }`, with the lines of the branches that were missed. */
  get counts() {
    return this.#parsers.map(({ path, file, missed, total }) => ({
      path,
      total,
      reached: total - missed.size,
      lines: [
        ...new Set([...missed].map((at) => file.getLineAndCharacterOfPosition(at).line + 1)),
      ].sort((one, other) => one - other),
    }));
  }
}

/** The count of the innermost range around a position. */
function countAt(ranges, position) {
  let innermost = { startOffset: -1, endOffset: Infinity, count: 0 };
  for (const range of ranges) {
    if (range.startOffset > position || range.endOffset <= position) continue;
    const { startOffset, endOffset } = innermost;
    if (range.endOffset - range.startOffset <= endOffset - startOffset) innermost = range;
  }
  return innermost.count;
}

const LOGICAL = [
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
];

/** Code that the compiler adds for decorators. */
const isHelper = (file, node) =>
  (ts.isVariableStatement(node) || ts.isExpressionStatement(node) || ts.isCallExpression(node)) &&
  /^(var __\w+ =|__decorate\(|__metadata\(|\w+ = __decorate\()/.test(node.getText(file));

/** Where each branch begins, but for those of some functions. */
function startsOf(file, without) {
  const starts = [];
  const left = new Set(without);
  const add = (node) => node && starts.push(node.getStart(file));
  const visit = (node) => {
    if (isHelper(file, node)) return;
    const name = ts.isConstructorDeclaration(node) ? 'constructor' : node.name?.text;
    if (ts.isFunctionLike(node) && without.includes(name)) {
      left.delete(name);
      return;
    }
    if (ts.isIfStatement(node)) {
      add(node.thenStatement);
      add(node.elseStatement);
    } else if (ts.isConditionalExpression(node)) {
      add(node.whenTrue);
      add(node.whenFalse);
    } else if (ts.isBinaryExpression(node) && LOGICAL.includes(node.operatorToken.kind)) {
      add(node.right);
    } else if (ts.isCaseOrDefaultClause(node)) add(node.statements[0]);
    else if (ts.isCatchClause(node)) add(node.block);
    else if (ts.isIterationStatement(node, false)) add(node.statement);
    else if (ts.isFunctionLike(node) && node.body) add(node.body);
    ts.forEachChild(node, visit);
  };
  visit(file);
  if (left.size > 0) throw new Error(`${file.fileName} has no ${[...left].join(', ')}`);
  return starts;
}
